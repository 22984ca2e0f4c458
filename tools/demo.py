"""`make demo`: `mobilecat demo` into build/demo.

With --svg FILE the terminal's picture is written as well: `python tools/demo.py --svg
docs/images/demo.svg` makes the README's. It fetches no font.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import mobilecat as mc
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show, terminal

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "demo"
FONT = re.compile(r"@font-face \{.*?\}\s*", re.S)


def main() -> int:
    svg = Path(sys.argv[2]) if sys.argv[1:2] == ["--svg"] else None
    with progress_line() as progress:
        # As who stands in the checkout would write it.
        out = OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT
        done = mc.demonstrate(out, progress=progress)
    console = terminal(record=True, width=120) if svg else None
    show(done.words(), console=console)
    if svg is not None and console is not None:
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(FONT.sub("", console.export_svg(title="make demo")), encoding="utf-8")
    return done.exit_code


if __name__ == "__main__":
    sys.exit(main())
