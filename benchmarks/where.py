"""Where the CPU time of an export goes: what is ours, and what is the libraries' own.

Usage: python benchmarks/where.py [--model FILE]… [--doc]

One process a target, looked at every 2 ms of its CPU time. What is running belongs to the first of
these that its stack goes through: the import of a library, with all that the library imports; else
the innermost package that is named here. Its start, before the first look, is told apart. Modules
are compiled, as they are where they are installed: by a run that is not counted. The last row is
what nobody can leave out of an .aimodel: a process that imports numpy, onnx and Apple's library,
reads the network, and has Apple's library read the program that we made and write it again.

Without --model: YuNet, and MobileNetV4 and ResNet-101 where benchmarks/peers/compare.py has made
them (--home).
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
NAMES = {
    "YuNet": "face_detection_yunet_2023mar.onnx",
    "MobileNetV4": "mobilenetv4.onnx",
    "ResNet-101": "resnet101.onnx",
}
FLOOR = "Python, numpy, onnx and Apple's library alone"
LIBRARIES = ("coremltools", "onnx_ir", "onnxruntime", "onnx", "ai_edge_litert", "coreai",
             "pydantic", "google", "numpy", "flatbuffers")  # fmt: skip
_CHILD = """
import sys, time
begun = time.process_time()
sys.path[:0] = [{root!r}, {here!r}]
import json, where
print(json.dumps(where.watched({spec!r}, {out!r}, begun)))
"""
FLOOR_CODE = """
import sys, time
import numpy, onnx
from pathlib import Path
from coreai.authoring import AIModelAsset, AIProgram
from coreai._compiler.dialects import coreai
onnx.load(sys.argv[1])
program = AIModelAsset.load(Path(sys.argv[2])).program
AIProgram._from_mlir_module(program._module._mlir_module)._save_bytecode(Path(sys.argv[3]))
print(time.process_time())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    models = ROOT.parent / "shared" / "data" / "models"
    peers = ROOT / "build" / "peers"
    parser.add_argument("--home", type=Path, default=peers, help="that of peers/compare.py")
    parser.add_argument("--model", type=Path, action="append", help="an ONNX file; repeatable")
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    args = parser.parse_args()
    made = [args.home / "networks" / NAMES[name] for name in ("MobileNetV4", "ResNet-101")]
    asked = args.model or [models / NAMES["YuNet"], *(p for p in made if p.is_file())]
    found = {}
    for model in asked:
        if not model.is_file():
            print(f"NOT_RUN: {model} is not there")
            continue
        for target in TARGETS:
            found[f"{name_of(model)}, {target}"] = seconds(model, target)
    if not found:
        return
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
        if target == "aimodel":
            made = f"{folder}/bundle/network.aimodel"
            code = [sys.executable, "-c", FLOOR_CODE, str(model), made, f"{folder}/again.mlirb"]
            for _ in range(2):
                done = subprocess.run(code, capture_output=True, text=True, check=True,
                                      env=environment)  # fmt: skip
            found[FLOOR] = float(done.stdout)
    return found


def name_of(model: Path) -> str:
    return next((name for name, file in NAMES.items() if file == model.name), model.stem)


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
    floors = [row.pop(FLOOR, None) for row in found.values()]
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
    if any(floors):
        cells = [f"{v:.2f}" if v else "" for v in floors]
        lines.append(f"| {FLOOR} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
