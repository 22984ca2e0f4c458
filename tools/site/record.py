"""Run the commands that a page shows, and write what they said into it.

    python -m tools.site.record [PAGE…] [--check]

A page that says `<!-- beside: bundle photos -->` has blocks of `console` whose lines after `$` run,
one after the other, in a folder of its own where those things lie. What a command prints, stdout
and stderr, stands below it; `<!-- lines: 8 -->` above a block keeps the first eight lines of each.
A command that fails stops the recording, unless its line goes on with `|| echo $?` or the like.
--check runs everything and writes nothing. `$DATA` in a page, and names with a slash, are of the
shared data (`data/chelsea.png`, `cases/import/…`); without it such a page is NOT_RUN.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import mobilecat as mc
from mobilecat.demo import DETECTOR, FOLDER
from mobilecat.disk import write_text
from tools.site.pages import DOCS, ROOT, Block, blocks

DATA = ROOT.parent / "shared" / "data"
BESIDE = re.compile(r"<!-- beside: ([\w./ -]+?) -->")
LINES = re.compile(r"<!-- lines: (\d+) -->\s*```console\n\Z")
NEEDS_DATA = re.compile(r"<!-- beside: [^>]*(?:/|coreml)|\$DATA")
CUT = "…"
PROGRESS = re.compile(r"^\d+ s  \S.*\n", re.MULTILINE)
"""What long work says every twenty seconds where nobody looks: of this machine, no result."""
LIMIT_S = 900
HOME = "net"
"""What the folder of a page is called: a bundle without a name is called after it."""


def _model(folder: Path) -> None:
    shutil.copy(FOLDER / "cat_faces.onnx", folder)


def _spec(folder: Path) -> None:
    _model(folder)
    shutil.copy(DETECTOR, folder / "mobilecat.toml")


def _photos(folder: Path) -> None:
    shutil.copytree(FOLDER / "pictures", folder / "photos")


def _chelsea(folder: Path) -> None:
    shutil.copy(FOLDER / "chelsea.png", folder)


def _bundle(folder: Path) -> None:
    mc.export(DETECTOR, folder / "bundle")


def _golden(folder: Path) -> None:
    pictures = sorted((FOLDER / "pictures").glob("*.png"))
    for picture in pictures:
        mc.golden.record(folder / "bundle", folder / "golden", picture)
    mc.golden.approve(folder / "bundle", folder / "golden", every=True, by="you", reason="looked")


def _core_ml(folder: Path) -> None:
    """A Core ML file that somebody made long ago: YuNet, its twelve raw outputs, in float32."""
    with tempfile.TemporaryDirectory() as kept:
        source = DATA / "models" / "face_detection_yunet_2023mar.onnx"
        mc.export(source, Path(kept) / "made")
        (made,) = (Path(kept) / "made").glob("*.mlpackage")
        shutil.copytree(made, folder / "Faces.mlpackage")


THINGS: dict[str, Callable[[Path], None]] = {
    "model": _model,
    "spec": _spec,
    "photos": _photos,
    "chelsea": _chelsea,
    "bundle": _bundle,
    "golden": _golden,
    "coreml": _core_ml,
}
SLOW = {"bundle": "bundle", "golden": "golden", "coreml": "Faces.mlpackage"}


class Failed(Exception):
    """A command of a page that did not end as the page has it."""


def recorded(text: str, folder: Path) -> str:
    """Return a page's text with what its commands print now, run in `folder`.

    Errors: Failed where one does not end with 0.
    """
    done, at = [], 0
    for block in blocks(text):
        if block.language != "console":
            continue
        kept = LINES.search(text[: block.start])
        done += [text[at : block.start], _rerun(block, folder, int(kept[1]) if kept else None)]
        at = block.end
    return "".join([*done, text[at:]])


def prepared(text: str, folder: Path, made: Path) -> bool:
    """Lay what a page names beside its commands into `folder`; False: it has no such commands.

    made: a folder for what takes long to make, which is then there for the next page.
    """
    beside = BESIDE.search(text)
    if beside is None:
        return False
    for name in beside[1].split():
        if name in SLOW:
            if not (made / SLOW[name]).exists():
                THINGS[name](made)
            shutil.copytree(made / SLOW[name], folder / SLOW[name])
        elif "/" in name:
            _copied(DATA.parent / name, folder)
        elif name != "nothing":
            THINGS[name](folder)
    return True


def _copied(shared: Path, folder: Path) -> None:
    """Lay a file of the shared data, or the files of a folder of it, into `folder`."""
    for path in sorted(shared.iterdir()) if shared.is_dir() else [shared]:
        if path.name not in ("NOTE.txt", "expected.npz"):
            shutil.copy(path, folder)


def _rerun(block: Block, folder: Path, most: int | None) -> str:
    shown: list[str] = []
    lines = block.text.split("\n")
    k = 0
    while k < len(lines):
        if not lines[k].startswith("$ "):
            k += 1
            continue
        said = [lines[k]]
        while said[-1].endswith("\\") or lines[k + 1].startswith("> "):
            k += 1
            said.append(lines[k])
        shown += said
        typed = "\n".join(line.removeprefix("> ") for line in said).removeprefix("$ ")
        told = _run(typed, folder).rstrip().split("\n")
        told = [t.rstrip() for t in told if t.strip() or most is None]
        if most is not None and len(told) > most:
            told = [*told[:most], CUT]
        shown += told if told != [""] else []
        k += 1
    return "\n".join([*shown, ""])


def _run(command: str, folder: Path) -> str:
    tools = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "DATA": str(DATA),
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["bash", "-c", f"set -e -o pipefail\n{command}"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
    )
    if done.returncode != 0:
        raise Failed(f"$ {command}\n{done.stdout}\nexit code {done.returncode}")
    told = PROGRESS.sub("", done.stdout)
    for place in (folder, DATA.parent, ROOT):
        told = told.replace(f"{place}/", "")
    return "\n".join(part.rpartition("\r")[2] for part in told.split("\n"))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args(words)
    pages = given.pages or sorted(DOCS.rglob("*.md"))
    with tempfile.TemporaryDirectory() as kept:
        # As deep as a page's own folder: a bundle says by ../ where its source lies.
        (made := Path(kept).resolve() / "made").mkdir()
        return max([_page(page, made, given.check) for page in pages], default=0)


def _page(page: Path, made: Path, check: bool) -> int:
    """Record one page, or only run it; return the exit code."""
    text = page.read_text("utf-8")
    if not BESIDE.search(text):
        return 0
    if NEEDS_DATA.search(text) and not DATA.is_dir():
        print(f"NOT_RUN {page}: {DATA} is not here")
        return 0
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept).resolve() / HOME
        folder.mkdir()
        prepared(text, folder, made)
        try:
            now = recorded(text, folder)
        except Failed as e:
            print(f"FELL_SHORT {page}\n{e}", file=sys.stderr)
            return 1
    if not check:
        write_text(page, now)
    print(f"{'held' if check else 'wrote'} {page}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
