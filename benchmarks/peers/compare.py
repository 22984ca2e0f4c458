"""Our export beside other converters, on the same files: a table for docs/speed.md.

Usage: python benchmarks/peers/compare.py [--only NETWORK] [--target T] [--rounds N] [--doc] …

Each peer runs in an environment of its own under build/peers (--home), made here with the versions
below; one that cannot be made says NOT_RUN and why. Every run is a whole process on a fresh copy of
the file (some peers rewrite theirs), with an empty cache of ours, and the runs of a network take
turns. CPU time is the process's and its children's, the least of the rounds: other work on the
machine touches it less than wall time, which is told only for scale. Memory is the largest that a
process held; a small process starts each, since what is started counts what its starter held.
Rounds add up over calls in runs.json of that folder, so that the work can be done in pieces;
`--rounds 0 --doc` writes the table of what there is.

Ours takes a spec without head (`raw`), float32, so that every converter has the same work. Each
file is then run on one seeded input and held to onnxruntime: `.tflite` in LiteRT; Core ML and
Core AI, which run on Apple's machines alone, by our runtime of each. Of an `.aimodel` a row more
says what no converter can leave out: the libraries, and Apple's writing the finished program.

MobileNetV4 and ResNet-101 are made by timm and torchvision with seeded weights, and MobileNetV2 by
Keras. Their libraries are installed into two folders there, or --torch and --tf name others.
Converters that take PyTorch's or Keras' own networks, and no ONNX, get these; the folders then are
their environments' too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from kept import keep, put  # noqa: E402
from where import FLOOR, FLOOR_CODE  # noqa: E402

HOME = ROOT / "build" / "peers"
DOC = ROOT / "docs" / "speed.md"
MARKS = ("<!-- peers -->", "<!-- /peers -->")
OURS = "mobilecat"
AGREE = 1e-3
"""Of the largest value: a converter whose file is further off is no peer of a right one."""

Array = Any


@dataclass(frozen=True)
class Peer:
    """requirements: pinned. arguments: after the tool's name; MODEL and OUT stand for paths.

    made: where the file lies, by OUT and the model's name.
    takes: which form of a network. code: Python that does the work, where there is no command; CALL
    stands for what makes the network. shares: the folder of libraries that its environment has.
    apart: the environment's name, where it is not the tool's.
    """

    name: str
    target: str
    python: str
    requirements: tuple[str, ...]
    tool: str
    arguments: tuple[str, ...]
    made: str = "OUT"
    takes: Literal["onnx", "torch", "keras"] = "onnx"
    code: str = ""
    shares: Literal["", "torch", "keras"] = ""
    apart: str = ""

    def home(self, folder: Path) -> Path:
        return folder / (self.apart or self.tool)


# PyPI's torchvision is built for GPUs: beside a torch for CPUs its own ops are not there, which no
# network here has, and its import asks for two of them.
_TORCH = """
import sys, torch
try:
    import torchvision
except RuntimeError:
    for name in [n for n in sys.modules if n.startswith("torchvision")]:
        del sys.modules[name]
    ops = torch.library.Library("torchvision", "FRAGMENT")
    for op in ("nms", "qnms"):
        ops.define(op + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision
import timm
torch.manual_seed(0)
"""
_LITERT_TORCH = f"""{_TORCH}
import litert_torch
model = eval(sys.argv[1]).eval()
litert_torch.convert(model, (torch.zeros(1, 3, 224, 224),)).export(sys.argv[2])
"""
_TF_CONVERTER = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
made = tf.lite.TFLiteConverter.from_keras_model(tf.keras.models.load_model(sys.argv[1])).convert()
open(sys.argv[2], "wb").write(made)
"""
_ONNXSIM = ("onnxsim==0.8.1", "coremltools==9.0", "tensorflow==2.21.0")
PEERS = (
    Peer("onnx2tf 2.6.9, flatbuffer_direct", "tflite", "3.12", ("onnx2tf==2.6.9",), "onnx2tf",
         ("-i", "MODEL", "-o", "OUT", "-tb", "flatbuffer_direct", "-n"),
         "OUT/STEM_float32.tflite"),
    Peer("onnx2coreml 1.1.0", "mlpackage", "3.11", ("onnx2coreml==1.1.0",), "onnx2coreml",
         ("convert", "MODEL", "-o", "OUT", "--precision", "fp32")),
    Peer("onnx2coreml 1.1.0", "mlmodel", "3.11", ("onnx2coreml==1.1.0",), "onnx2coreml",
         ("convert", "MODEL", "-o", "OUT", "--format", "mlmodel")),
    Peer("coreai-onnx 1.2.1", "aimodel", "3.11", ("coreai-onnx==1.2.1",), "coreai-onnx",
         ("convert", "MODEL", "-o", "OUT", "--no-validate", "--no-verify")),
    Peer("coreai-onnx 1.2.1, its checks on", "aimodel", "3.11",
         ("coreai-onnx==1.2.1", "onnxruntime==1.31.1"), "coreai-onnx",
         ("convert", "MODEL", "-o", "OUT"), apart="coreai-onnx-checks"),
    *(Peer("onnxsim 0.8.1, --emit-coreml", target, "3.11", _ONNXSIM, "onnxsim",
           ("MODEL", "SIMPLE", "--emit-coreml", "OUT", "--coreml-format", form), shares="keras")
      for target, form in (("mlpackage", "mlprogram"), ("mlmodel", "neuralnetwork"))),
    Peer("onnxsim 0.8.1, --emit-tflite", "tflite", "3.11", _ONNXSIM, "onnxsim",
         ("MODEL", "SIMPLE", "--emit-tflite", "OUT.tflite"), "OUT.tflite", shares="keras"),
    Peer("litert-torch 0.10.0", "tflite", "3.11", ("litert-torch==0.10.0",), "litert-torch",
         ("CALL", "OUT"), takes="torch", code=_LITERT_TORCH, shares="torch"),
    Peer("TFLiteConverter, TensorFlow 2.21", "tflite", "3.11", ("tensorflow==2.21.0",),
         "tensorflow", ("MODEL", "OUT"), takes="keras", code=_TF_CONVERTER, shares="keras"),
)  # fmt: skip
TARGETS = {
    "tflite": "[targets.tflite]",
    "mlpackage": '[[targets.coreml]]\nformat = "mlpackage"\nprecision = "float32"',
    "mlmodel": '[[targets.coreml]]\nformat = "mlmodel"\nprecision = "float32"',
    "aimodel": "[targets.coreai]",
}
FILES = {
    "YuNet 640": "face_detection_yunet_2023mar.onnx",
    "YOLOX-nano 416": "yolox_nano.onnx",
    "YOLOv5n 640": "yolov5n.onnx",
}
MADE = {
    "MobileNetV4 small 224": "timm.create_model('mobilenetv4_conv_small')",
    "ResNet-101 224 (44.5 M weights)": "torchvision.models.resnet101()",
}
KERAS = {"MobileNetV2 224 (Keras)": "mobilenet.keras"}
_MAKE_KERAS = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
keras.utils.set_random_seed(0)
picture = keras.Input(batch_shape=(1, 224, 224, 3), name="image")
model = keras.applications.MobileNetV2(weights=None, input_tensor=picture)
model.save(sys.argv[1])
x = np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)
np.savez(sys.argv[1] + ".npz", x=x, y=model.predict(x, verbose=0))
"""
_MAKE = f"""{_TORCH}
model = eval(sys.argv[1]).eval()
torch.onnx.export(model, torch.zeros(1, 3, 224, 224), sys.argv[2], opset_version=17, dynamo=False,
                  input_names=["input"], output_names=["output"])
"""


_STARTER = """
import json, os, sys, time
begun = time.perf_counter()
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(process, 0)
told = {"code": os.waitstatus_to_exitcode(status), "cpu": used.ru_utime + used.ru_stime,
        "wall": time.perf_counter() - begun, "memory": used.ru_maxrss * 1024}
with open(sys.argv[1], "w") as out:
    json.dump(told, out)
"""


@dataclass(frozen=True)
class Run:
    """cpu, wall: seconds. memory: bytes."""

    cpu: float
    wall: float
    memory: int
    path: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--target", choices=TARGETS, action="append", help="repeatable")
    parser.add_argument(
        "--without", default=[], action="append", help="a converter, by a part of its name"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, default=HOME, help="where environments and runs lie")
    parser.add_argument("--torch", default="", help="a folder with torch, timm and torchvision")
    parser.add_argument("--tf", default="", help="a folder with TensorFlow, Keras and tf2onnx")
    parser.add_argument("--fresh", action="store_true", help="forget the rounds measured before")
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    args = parser.parse_args()
    home = args.home.resolve()
    runs = home / "runs.json"
    told: dict[str, Any] = {}
    if runs.is_file() and not args.fresh:
        told = json.loads(runs.read_text("utf-8"))
    if args.rounds:
        FOLDERS.update(torch=args.torch or libraries("torch", home),
                       keras=args.tf or libraries("keras", home))  # fmt: skip
    peers = [p for p in PEERS if not any(part in p.name for part in args.without)]
    missing = {p.name: why for p in peers if args.rounds and (why := environment(p, home))}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in networks(args.models, home / "networks", args.only):
            if not args.rounds:
                break
            if isinstance(model, str):
                told[name] = {"": {"": {"failed": f"NOT_RUN: {model}"}}}
                continue
            for target in args.target or (("tflite",) if name in KERAS else TARGETS):
                found = told.setdefault(name, {}).setdefault(target, {})
                there = Path(folder), home
                measure(found, name, model, target, there, args.rounds, peers, missing)
                home.mkdir(parents=True, exist_ok=True)
                runs.write_text(json.dumps(told, indent=1), encoding="utf-8")
                print("\n".join(lines_of(name, target, found)), flush=True)
    for name in (*FILES, *MADE, *KERAS):
        told.setdefault(name, {"": {"": {"failed": "NOT_RUN: not measured in this run"}}})
    lines = [line for name in told for target in told[name]
             for line in lines_of(name, target, told[name][target])]  # fmt: skip
    print("\n".join(keep("peers", ratios_of(told))))
    if args.doc:
        write_between(DOC, "\n".join([*HEAD, *lines]))


HEAD = (
    "| network | target | converter | CPU s | ours ÷ it | wall s | memory MB | file kB | off by |",
    "|---|---|---|---|---|---|---|---|---|",
)


def measure(
    told: dict[str, Any],
    name: str,
    model: Path,
    target: str,
    there: tuple[Path, Path],
    rounds: int,
    peers: Sequence[Peer],
    missing: Mapping[str, str],
) -> None:
    """Add rounds of one network and target to what is told of each converter.

    there: the folder to work in, and the one of the environments.
    """
    folder, apart = there
    forms = {"keras"} if name in KERAS else {"onnx", "torch"} if name in MADE else {"onnx"}
    makers: dict[str, Callable[[Path], tuple[list[str], Path]]] = {
        OURS: lambda home: ours(model, target, home)
    }
    for peer in peers:
        if peer.target != target or peer.takes not in forms:
            continue
        if peer.name in missing:
            told[peer.name] = {"failed": f"NOT_RUN: {missing[peer.name]}"}
        else:
            makers[peer.name] = lambda home, peer=peer: theirs(
                peer, model, home, apart, MADE.get(name, "")
            )  # type: ignore[misc]
    if target == "aimodel":
        first = home_of(folder, OURS, target, 0) / "bundle" / f"network.{target}"
        makers[FLOOR] = lambda home: (
            [sys.executable, "-c", FLOOR_CODE, str(model), str(first), str(home / "again")],
            home / "again",
        )
    for k in range(rounds + 1):
        for who, make in makers.items():
            if k == 0 and who != OURS:
                continue  # a run of ours that is not counted compiles its modules, as pip does
            home = home_of(folder, who, target, k)
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            path = FOLDERS["keras"] if who == OURS and name in KERAS else ""
            done = timed(*make(home), home, apart / "bytecode" / target, path)
            if isinstance(done, str):
                told[who] = {"failed": done}
            elif k:
                if "cpu" not in told.get(who, {}):
                    told[who] = {"cpu": [], "wall": [], "memory": 0}
                row = told[who]
                row["cpu"].append(round(done.cpu, 2))
                row["wall"].append(round(done.wall, 1))
                row["memory"] = max(row["memory"], done.memory)
                row["size"] = size_of(done.path)
                row["off"] = "" if who == FLOOR else off(model, target, done.path)


def home_of(folder: Path, who: str, target: str, k: int) -> Path:
    """Return where a round of a converter works."""
    return folder / re.sub(r"[ ,']+", "_", f"{who} {target} {k}")


def lines_of(name: str, target: str, told: Mapping[str, Any]) -> list[str]:
    """Return the table's lines of one network and target."""
    lines = []
    for who, row in told.items():
        start = f"| {name} | {target} | {who} |"
        if "cpu" not in row:
            lines.append(f"{start} {row.get('failed', '')} | | | | | |")
            continue
        cpu, mine = min(row["cpu"]), min(told.get(OURS, {}).get("cpu", [0]))
        ratio = f"{mine / cpu:.2f}" if mine and who not in (OURS, FLOOR) else ""
        memory, size = f"{row['memory'] / 1e6:.0f}", f"{row['size'] / 1e3:.0f}"
        figures = (f"{cpu:.2f}", ratio, f"{min(row['wall']):.1f}", memory, size, row["off"])
        lines.append(f"{start} {' | '.join(figures)} |")
    return lines


def ratios_of(told: Mapping[str, Any]) -> dict[str, float]:
    """Return our CPU time ÷ each other's."""
    ratios = {}
    for name, targets in told.items():
        for target, found in targets.items():
            mine = found.get(OURS, {}).get("cpu")
            for who, row in found.items():
                if mine and who not in (OURS, FLOOR) and "cpu" in row:
                    ratios[f"{name}, {target}: CPU time ÷ {who}"] = min(mine) / min(row["cpu"])
    return ratios


FOLDERS = {"torch": "", "keras": ""}
"""Of libraries that a form of network needs; a peer that takes it has them in its environment."""


def networks(models: Path, folder: Path, only: str) -> Iterator[tuple[str, Path | str]]:
    """Yield each network's name with its file, or with the reason why there is none.

    folder: where those are kept that are made here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        if only not in name:
            continue
        yield name, models / file if (models / file).is_file() else f"{models / file} is not there"
    for name, call in MADE.items():
        if only not in name:
            continue
        path = folder / f"{name.split()[0].lower().replace('-', '')}.onnx"
        if path.is_file():
            yield name, path
            continue
        environment = {**os.environ, "PYTHONPATH": FOLDERS["torch"]}
        done = subprocess.run([sys.executable, "-c", _MAKE, call, str(path)], env=environment,
                              capture_output=True, text=True)  # fmt: skip
        yield name, path if path.is_file() else f"torch or timm: {_last(done.stderr)}"
    for name, file in KERAS.items():
        if only not in name:
            continue
        path = folder / file
        if path.is_file():
            yield name, path
            continue
        environment = {**os.environ, "PYTHONPATH": FOLDERS["keras"]}
        done = subprocess.run([sys.executable, "-c", _MAKE_KERAS, str(path)], env=environment,
                              capture_output=True, text=True)  # fmt: skip
        yield name, path if path.is_file() else f"Keras: {_last(done.stderr)}"


_LIBRARIES = {
    "torch": ("--no-deps", "-r", "requirements-torch.lock"),
    "keras": ("-c", "requirements.lock", "tensorflow==2.21.0", "tf-keras==2.21.0", "tf2onnx>=1.17"),
}


def libraries(kind: str, home: Path) -> str:
    """Install what makes a form of network into a folder, where it is not there; return it."""
    folder = home / f"{kind}-libs"
    if not (folder / "ok").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [python_of("3.11") or sys.executable, "-m", "pip", "install", "-q"]
        done = subprocess.run([*pip, "--target", str(folder), *_LIBRARIES[kind]], cwd=ROOT)
        if done.returncode:
            return ""  # who needs it says so
        (folder / "ok").touch()
    return str(folder)


def environment(peer: Peer, folder: Path) -> str:
    """Make the peer's environment where it is not there; return why it cannot be, or ''."""
    home = peer.home(folder)
    if (home / "ok").is_file():
        return ""
    python = python_of(peer.python)
    if python is None:
        return f"no python{peer.python} on the path"
    shutil.rmtree(home, ignore_errors=True)
    shared = FOLDERS.get(peer.shares, "")
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", *peer.requirements]
    for command in ([python, "-m", "venv", str(home)], pip):
        if command is pip and shared:  # what lies in the folder is not installed again
            packages = home / "lib" / f"python{peer.python}" / "site-packages"
            (packages / "shared.pth").write_text(f"{shared}\n", encoding="utf-8")
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"cannot be installed: {_last(done.stderr)}"
    (home / "ok").touch()
    return ""


def python_of(version: str) -> str | None:
    """Return a Python of this version that runs; pyenv's names are there for those that do not."""
    folders = [*os.get_exec_path(), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin"))]
    for folder in folders:
        found = shutil.which(f"python{version}", path=folder)
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    return None


def ours(model: Path, target: str, home: Path) -> tuple[list[str], Path]:
    spec = home / "mobilecat.toml"
    text = f'name = "network"\nsource = "{copied(model, home).name}"\n[head]\nkind = "raw"\n'
    spec.write_text(f"{text}{TARGETS[target]}\n", encoding="utf-8")
    command = [sys.executable, "-m", "mobilecat", "export", str(spec), "--no-cache"]
    command += ["-o", str(home / "bundle")]
    return command, home / "bundle" / f"network.{target}"


def theirs(
    peer: Peer, model: Path, home: Path, apart: Path, call: str = ""
) -> tuple[list[str], Path]:
    given = copied(model, home)
    folder = peer.target == "tflite" and not peer.code
    out = home / ("out" if folder else f"out.{peer.target}")
    words = {"MODEL": str(given), "OUT": str(out), "OUT.tflite": f"{out}.tflite", "CALL": call}
    words["SIMPLE"] = str(home / "simple.onnx")
    bin_ = peer.home(apart) / "bin"
    tool = [str(bin_ / "python"), "-c", peer.code] if peer.code else [str(bin_ / peer.tool)]
    made = peer.made.replace("OUT", str(out)).replace("STEM", given.stem)
    return [*tool, *(words.get(a, a) for a in peer.arguments)], Path(made)


def copied(model: Path, home: Path) -> Path:
    given = home / model.name
    shutil.copyfile(model, given)
    return given


def timed(command: list[str], made: Path, home: Path, bytecode: Path, path: str = "") -> Run | str:
    """Return what a process took, or why it made nothing. path: its PYTHONPATH."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment["XDG_CACHE_HOME"] = str(home / "cache")  # what is kept of a Keras file, too
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
        environment.pop(name, None)
    if command[0] != sys.executable:  # pip compiled its modules
        del environment["PYTHONPYCACHEPREFIX"]
    if path:
        environment["PYTHONPATH"] = path
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, str(home / "used.json"), *command]
    with (home / "log").open("w+") as log:
        subprocess.run(starter, cwd=home, env=environment, stdout=log, stderr=log, check=True)
        log.seek(0)
        said = log.read()
    used = json.loads((home / "used.json").read_text("utf-8"))
    if used["code"] or not made.exists():
        return f"failed: {_last(said)}"
    return Run(used["cpu"], used["wall"], used["memory"], made)


def off(model: Path, target: str, path: Path) -> str:
    """Return how far the file's outputs are from onnxruntime's on one input, as words."""
    x, expected = with_keras(model) if model.suffix == ".keras" else with_onnxruntime(model)
    try:
        found = ENGINES[target](path, x)
    except Exception as e:  # engines share no error class; the table says what was said
        return f"not run: {_last(str(e))}"
    worst = max(nearest(e, found) for e in expected)
    return f"{worst:.0e}" if worst <= AGREE else f"**{worst:.0e}**"


def with_keras(model: Path) -> tuple[Array, list[Array]]:
    """Return the input and what Keras gave when the network was made."""
    with np.load(f"{model}.npz", allow_pickle=False) as kept:
        return kept["x"], [kept["y"]]


def with_onnxruntime(model: Path) -> tuple[Array, list[Array]]:
    """Return one seeded input, and what onnxruntime gives for it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    top = 255.0 if "yunet" in model.name or "yolox" in model.name else 1.0
    x = np.random.default_rng(0).random(given.shape, dtype=np.float32) * top
    return x, session.run(None, {given.name: x})


def nearest(expected: Array, found: list[Array]) -> float:
    """Return the least distance of one of `found` in any order of axes, of the largest value."""
    top = float(np.abs(expected).max()) or 1.0
    best = np.inf
    for value in found:
        if value.size != expected.size:
            continue
        for order in itertools.permutations(range(value.ndim)):
            turned = value.transpose(order)
            if turned.shape == expected.shape or value.ndim != expected.ndim:
                apart = np.abs(turned.reshape(expected.shape).astype(np.float64) - expected)
                best = min(best, float(np.nan_to_num(apart, nan=np.inf).max()) / top)
    return best


def in_litert(path: Path, x: Array) -> list[Array]:
    from ai_edge_litert.interpreter import Interpreter

    engine = Interpreter(model_path=str(path))
    engine.allocate_tensors()
    (given,) = engine.get_input_details()
    fits = tuple(given["shape"]) == x.shape
    engine.set_tensor(given["index"], x if fits else x.transpose(0, 2, 3, 1))
    engine.invoke()
    return [engine.get_tensor(d["index"]) for d in engine.get_output_details()]


def in_our_coreml(path: Path, x: Array) -> list[Array]:
    from mobilecat import runtime

    model = runtime.load(path)
    (name,) = [i.name for i in model.inputs]
    return [np.asarray(v) for v in model.predict({name: x}).values()]


def in_our_coreai(path: Path, x: Array) -> list[Array]:
    from mobilecat.formats.coreai.read import decode
    from mobilecat.formats.coreai.run import Executable

    decoded = decode(path)
    weights = {t.name for t in decoded.model.graph.initializer}
    (name,) = [v.name for v in decoded.model.graph.input if v.name not in weights]
    return [np.asarray(v) for v in Executable(decoded, 1).run({name: x}).values()]


ENGINES: dict[str, Callable[[Path, Array], list[Array]]] = {
    "tflite": in_litert,
    "mlpackage": in_our_coreml,
    "mlmodel": in_our_coreml,
    "aimodel": in_our_coreai,
}


def size_of(path: Path) -> int:
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    return sum(p.stat().st_size for p in files)


def write_between(path: Path, table: str) -> None:
    """Put the table between the marks of the page."""
    put(path, MARKS, table)


def _last(text: str) -> str:
    lines = [x for x in text.splitlines() if x.strip()]
    return (lines[-1] if lines else "no reason given").strip().replace("|", "/")[:120]


if __name__ == "__main__":
    main()
