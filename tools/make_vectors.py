"""Write golden/vectors/*.json: the cases that the Python and the Swift geometry are both held to.

    python tools/make_vectors.py [--out golden/vectors] [--check]

Expected values come from hand arithmetic, Pillow, OpenCV, onnxruntime, exact fractions and solved
corners (tools/vector_cases): nothing here imports mobilecat. --check writes nothing and exits with
1 where the files on disk differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from vector_cases import (
    boxes,
    buffers,
    frames,
    masks,
    oriented,
    requests,
    sampling,
    suppression,
    turned,
)
from vector_cases.form import Cases

MODULES = (boxes, frames, masks, sampling, buffers, requests, suppression, turned, oriented)


def all_cases() -> Cases:
    """Return every function's cases; a function in two modules, or a name twice, is a mistake."""
    merged: Cases = {}
    for module in MODULES:
        for fn, cases in module.all_cases().items():
            names = [c["name"] for c in cases]
            if fn in merged or len(set(names)) != len(names):
                raise ValueError(f"{fn}: defined twice, or a case name is used twice")
            merged[fn] = cases
    return dict(sorted(merged.items()))


def documents() -> dict[str, str]:
    """Return file name → text, the index included; the same bytes on every run."""
    out, index = {}, {}
    for fn, cases in all_cases().items():
        rows = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
        out[f"{fn}.json"] = f'{{"schema":1,"fn":"{fn}","cases":[\n{rows}\n]}}\n'
        index[fn] = {"file": f"{fn}.json", "cases": len(cases)}
    total = sum(entry["cases"] for entry in index.values())
    out["index.json"] = (
        json.dumps({"schema": 1, "total": total, "functions": index}, indent=1) + "\n"
    )
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=Path, default=root / "golden" / "vectors")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    fresh = documents()
    on_disk = {p.name: p.read_text("utf-8") for p in args.out.glob("*.json")}
    if args.check:
        changed = sorted(n for n in {*fresh, *on_disk} if fresh.get(n) != on_disk.get(n))
        for name in changed:
            print(f"{name}: differs from what tools/make_vectors.py makes")
        return 1 if changed else 0
    args.out.mkdir(parents=True, exist_ok=True)
    for name in on_disk.keys() - fresh.keys():
        (args.out / name).unlink()
    for name, text in fresh.items():
        (args.out / name).write_text(text, "utf-8")
    index = json.loads(fresh["index.json"])
    print(f"{index['total']} cases of {len(index['functions'])} functions in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
