"""Write down what is approved now, on purpose: after cases were removed or merged."""

from __future__ import annotations

from pathlib import Path

from mobilecat.bundle.cascade import open_any
from mobilecat.errors import MobileCatError, Problem
from mobilecat.golden.inventory import write_index
from mobilecat.golden.store import case_folders, may_write, read_case, require_golden_folder


def index_goldens(folder: Path, golden_dir: Path) -> list[str]:
    """Write the index of what is approved now; return what was done, a sentence each.

    Errors: MobileCatError where CI is set, or a case is damaged: then nothing is written.
    """
    if not may_write():
        raise MobileCatError("Goldens are not written in CI", [Problem("CI is set")])
    bundle = open_any(folder)
    require_golden_folder(golden_dir)
    problems = []
    for home in case_folders(golden_dir, bundle):
        problems += [Problem(x, home.name) for x in read_case(home, bundle, folder)[1]]
    if problems:
        raise MobileCatError("Nothing was written: these goldens cannot be trusted", problems)
    return write_index(golden_dir, bundle)
