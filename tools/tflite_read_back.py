"""Every .tflite of our own emitter's tests, read back and held to LiteRT: `make test-read-back`.

python -m tools.tflite_read_back [STORE]: a row a file is appended to STORE (a JSON a line), so that
it may be stopped and gone on with.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mobilecat.formats.tflite import tflite_from_graph
from tests.formats.tflite.lower.cases import CASES
from tests.formats.tflite.lower.engines import graph
from tests.formats.tflite.lower.random_graphs import random_graph
from tests.formats.tflite.read.back import assert_read

Make = Callable[[], bytes]


def files() -> Iterator[tuple[str, Make, float]]:
    """Give each file's name, its maker, and how far it may be from LiteRT."""
    for case in CASES:
        yield (
            case.name,
            lambda case=case: tflite_from_graph(graph(case.text, case.opset, **case.constants)),
            max(case.relative, 1e-4),
        )
    for seed in range(300):
        yield f"random {seed}", lambda seed=seed: tflite_from_graph(random_graph(seed)), 1e-4


def main(store: Path) -> int:
    done = {}
    if store.exists():
        done = {
            r["name"]: r["said"] for r in map(json.loads, store.read_text("utf-8").splitlines())
        }
    with tempfile.TemporaryDirectory() as folder, store.open("a", encoding="utf-8") as rows:
        path = Path(folder) / "m.tflite"
        for name, make, relative in files():
            if name in done:
                continue
            said = ""
            try:
                path.write_bytes(make())
                assert_read(path, name, relative)
            except Exception as e:  # a row for each, whatever it is
                said = f"{type(e).__name__}: {' '.join(str(e).split())[:200]}"
                print(f"{name}: {said}", file=sys.stderr)
            done[name] = said
            rows.write(json.dumps({"name": name, "said": said}) + "\n")
    wrong = [n for n, s in done.items() if s]
    print(f"{len(done)} files read back, {len(wrong)} not as LiteRT has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "read_back.jsonl")))
