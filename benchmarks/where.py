"""Where the CPU time of an export goes: what is ours, and what is the libraries' own.

Usage: python benchmarks/where.py [--model FILE] [--doc]

One process a target, looked at every 2 ms of its CPU time. What is running belongs to the first of
these that its stack goes through: the import of a library, with all that the library imports; else
the innermost package that is named here. Its start, before the first look, is told apart. Modules
are compiled, as they are where they are installed: by a run that is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

from kept import put

ROOT = Path(__file__).resolve().parents[1]
DOC = ROOT / "docs" / "speed.md"
MARKS = ("<!-- where -->", "<!-- /where -->")
EVERY_S = 0.002
TARGETS = {
    "tflite": "[targets.tflite]",
    "mlpackage": '[[targets.coreml]]\nformat = "mlpackage"\nprecision = "float32"',
    "aimodel": "[targets.coreai]",
}
LIBRARIES = ("coremltools", "onnx_ir", "onnxruntime", "onnx", "ai_edge_litert", "coreai",
             "pydantic", "google", "numpy", "flatbuffers")  # fmt: skip
_CHILD = """
import sys, time
begun = time.process_time()
sys.path[:0] = [{root!r}, {here!r}]
import json, where
print(json.dumps(where.watched({spec!r}, {out!r}, begun)))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    models = ROOT.parent / "shared" / "data" / "models"
    parser.add_argument("--model", type=Path, default=models / "face_detection_yunet_2023mar.onnx")
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    args = parser.parse_args()
    if not args.model.is_file():
        print(f"NOT_RUN: {args.model} is not there")
        return
    found = {target: seconds(args.model, target) for target in TARGETS}
    lines = table(found)
    print("\n".join(lines))
    if args.doc:
        put(DOC, MARKS, "\n".join(lines))


def seconds(model: Path, target: str) -> dict[str, float]:
    """Return CPU seconds by what was running, in an export to one target."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "mobilecat.toml"
        text = f'name = "network"\nsource = "{model}"\n[head]\nkind = "raw"\n{TARGETS[target]}\n'
        spec.write_text(text, encoding="utf-8")
        here = str(Path(__file__).parent)
        code = _CHILD.format(root=str(ROOT), here=here, spec=str(spec), out=f"{folder}/bundle")
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(2):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                  check=True, env=environment)  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def watched(spec: str, out: str, begun: float) -> dict[str, float]:
    """Export in this process and return CPU seconds by what was running."""
    import signal
    import time

    counts: Counter[str] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        counts[owner(frame)] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    start = time.process_time()
    import mobilecat as mc

    mc.export(spec, out, cache=False)
    signal.setitimer(signal.ITIMER_PROF, 0)
    spent = time.process_time() - start
    whole = sum(counts.values()) or 1
    return {"Python's start": begun} | {k: spent * n / whole for k, n in counts.items()}


def owner(frame: FrameType | None) -> str:
    """Return whose work a stack is; the outermost import of a library counts first."""
    inner, importing, imported = "", False, ""
    while frame is not None:
        file = frame.f_code.co_filename
        package = package_of(file)
        inner = inner or package
        importing |= "importlib" in file
        if importing and package and frame.f_code.co_name == "<module>":
            imported = package  # the outermost in the end
        frame = frame.f_back
    if imported and imported != "mobilecat":
        return f"import of {imported}"
    return inner or "Python"


def package_of(file: str) -> str:
    parts = Path(file).parts
    if "mobilecat" in parts and "site-packages" not in parts:
        return "mobilecat"
    if "site-packages" not in parts:
        return ""
    name = parts[parts.index("site-packages") + 1]
    return next((each for each in LIBRARIES if name.startswith(each)), "other packages")


def table(found: dict[str, dict[str, float]]) -> list[str]:
    names = sorted({n for row in found.values() for n in row},
                   key=lambda n: -max(row.get(n, 0) for row in found.values()))  # fmt: skip
    shown = [n for n in names if max(row.get(n, 0) for row in found.values()) >= 0.03]
    lines = [f"| CPU s | {' | '.join(found)} |", f"|---|{'---|' * len(found)}"]
    for name in shown:
        cells = [f"{row[name]:.2f}" if name in row else "" for row in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    rest = [sum(v for n, v in row.items() if n not in shown) for row in found.values()]
    lines.append(f"| the rest | {' | '.join(f'{v:.2f}' for v in rest)} |")
    lines.append(f"| all | {' | '.join(f'{sum(r.values()):.2f}' for r in found.values())} |")
    return lines


if __name__ == "__main__":
    main()
