"""`make bench` tells each ratio beside the one that was kept before."""

import json
import runpy
from pathlib import Path

KEEP = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "kept.py"))["keep"]


def test_ratios_are_told_beside_the_old_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert [x.split()[-1] for x in KEEP("a", {"x": 1.0, "y": 2.0}, path)] == ["new", "new"]
    KEEP("b", {"z": 3.0}, path)
    more, gone = KEEP("a", {"x": 1.25}, path)
    assert more.split() == ["x", "1.250", "was", "1.000", "+25%", "more"]
    assert gone.split() == ["y", "was", "2.000,", "not", "measured"]
    assert json.loads(path.read_text("utf-8")) == {"a": {"x": 1.25, "y": 2.0}, "b": {"z": 3.0}}
