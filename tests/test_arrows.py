"""The direction of the imports, room by room, in one table; and what start-up may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mobilecat"

_LEAVES = {
    "errors", "foreign", "late", "value", "shown", "geometry", "rows", "graph", "disk", "confined",
    "formats.table",
}  # fmt: skip
_VALUES = {*_LEAVES, "spec", "bundle", "pictures"}
_GOLDENS = {
    "golden.again", "golden.changed", "golden.moving", "golden.store", "golden.inventory",
    "golden.terms",
}  # fmt: skip
_READ = {"formats", "formats.base", "lanes", "compare", *_GOLDENS}
_TARGET = {"formats.base.target", "value"}

MAY_IMPORT: dict[str, set[str]] = {
    # Leaves: values and pure functions.
    "errors": set(),
    "foreign": {"errors"},
    "late": set(),
    "value": set(),
    "shown": set(),
    "geometry": {"errors"},
    "rows": {"geometry"},
    "camera": {"errors", "geometry"},
    "disk": {"errors"},
    "spread": {"errors", "disk", "foreign"},
    "confined": set(),
    # FFmpeg's child starts with no more than it needs.
    "clips.child": {"geometry"},
    "clips": {"errors", "confined", "disk", "geometry", "pictures", "clips.child"},
    "graph": {"errors", "foreign", "late"},
    "demo": set(),
    # The table of formats, which costs nothing: every verb is imported when it is first called.
    "formats.base.format": set(),
    "formats.base.target": {"value"},
    "formats.coreml.recipe": set(),
    "formats.coreml.target": {*_TARGET, "formats.coreml.recipe"},
    "formats.tflite.target": _TARGET,
    "formats.onnx.target": _TARGET,
    "formats.coreml.format": {"formats.base.format", "formats.coreml.target"},
    "formats.coreai.target": _TARGET,
    "formats.coreai.format": {"formats.base.format", "formats.coreai.target"},
    "formats.tflite.format": {"formats.base.format", "formats.tflite.target"},
    "formats.onnx.format": {"formats.base.format", "formats.onnx.target"},
    "formats.tensorflow.format": {"formats.base.format"},
    "formats.torch.format": {"formats.base.format"},
    "formats.table": {
        "formats.base.format", "formats.coreml.format", "formats.tflite.format",
        "formats.onnx.format", "formats.tensorflow.format", "formats.coreai.format",
        "formats.torch.format",
    },
    # What a user says, and what an export leaves.
    "spec": {*_TARGET, "errors", "shown", "disk", "geometry", "formats.table"},
    "pictures": {"errors", "shown", "disk", "geometry", "rows", "spec"},
    "bundle": {"errors", "value", "disk", "spec", "formats.table"},
    # What a network means.
    "heads": {"errors", "geometry", "graph", "rows", "spec"},
    "bake": {"errors", "graph", "late", "rows", "spec", "heads", "quantize"},
    # Labelled pictures as values, for whoever reads pictures.
    "measure.datasets": {"errors", "disk", "geometry"},
    # Samples → ranges. It runs graphs of ours, whoever lowers them.
    "quantize": {"errors", "foreign", "graph", "disk", "spec", "pictures", "measure.datasets"},
    # Formats, one room each. Who reads shipped bytes knows no lowering.
    "formats.base": {
        "errors", "shown", "disk", "confined", "graph", "rows", "bundle", "heads",
        "formats.base.target",
    },
    "formats.coreml.runtime": {"errors"},
    "formats.coreai.read": {"errors", "confined", "graph", "late"},
    "formats.tflite.read": {"errors", "graph"},
    "formats.onnx": {*_VALUES, *_TARGET, "formats.base", "formats.onnx.target", "bake"},
    "formats.tensorflow": {*_LEAVES, "formats.base", "formats.onnx"},
    "formats.torch.pickles": set(),
    "formats.torch.built": {*_LEAVES, "formats.base", "formats.torch", "formats.torch.pickles"},
    "formats.torch": {*_LEAVES, "formats.base", "formats.onnx"},
    "formats.coreml": {
        *_VALUES, *_TARGET, "formats.base", "formats.coreml.target", "formats.coreml.runtime",
        "formats.onnx",
        "formats.coreml.recipe", "bake",
    },
    "formats.coreai": {
        *_VALUES, *_TARGET, "formats.base", "formats.coreai.target", "formats.coreai.read",
        "formats.onnx", "bake", "heads",
    },
    # TFLite's detection contract ends the graph anew, in bake's terms; bake knows no format. What
    # is read from a file goes on as any ONNX graph does.
    "formats.tflite": {
        *_VALUES, *_TARGET, "formats.base", "formats.tflite.target", "formats.tflite.read",
        "formats.onnx", "bake", "heads", "quantize",
    },
    "formats": {
        *_LEAVES, "bundle", "formats.base", "formats.base.format", "formats.base.target",
        "formats.torch.built", "formats.torch.pickles",
    },
    "runtime": {"formats.coreml.runtime"},
    # What is done with them.
    "compile": {*_VALUES, "bake", "formats", "formats.base", "quantize"},
    "lanes": {*_VALUES, "spread", "heads", "formats", "formats.base"},
    "compare": {*_VALUES, "formats.base", "lanes"},
    "golden.moving": {"clips", "pictures"},
    "golden.store": {*_VALUES, "lanes", "compare", "golden.moving"},
    "golden.inventory": {*_VALUES, "compare", "golden.store", "golden.terms"},
    "golden.again": {*_VALUES, "golden.store"},
    "golden.changed": {"spec"},
    "golden.terms": {*_VALUES, "lanes", "compare", "golden.changed", "golden.store"},
    # A float16 program without its rounding needs the weights of its own compilation in float32.
    "judge": {*_VALUES, "spread", *_READ, "clips", "tracks", "bake", "heads", "compile"},
    "coordinates": {*_VALUES, "camera", "lanes", "compare", "golden.store", "judge"},
    "review": {*_VALUES, *_READ, "clips", "judge"},
    "bisection": {*_VALUES, *_READ, "judge", "bake", "compile"},
    "report": {*_VALUES, *_READ, "clips", "judge", "review", "changes", "formats.coreml.format"},
    "measure": {*_VALUES, "spread", "heads", "lanes", "formats.base", "measure.datasets"},
    "compression": {
        *_VALUES, "spread", "bake", "compile", "formats", "formats.base", "formats.base.target",
        "lanes", "measure", "measure.datasets", "quantize",
    },
    "placement": {*_VALUES, "formats.base"},
    "changes": {*_VALUES, *_READ, "measure", "measure.datasets"},
    "proposal": {
        *_VALUES, "heads", "bake", "formats", "formats.base", "lanes", "demo",
    },
    "diagnosis": {*_VALUES, "camera", "lanes"},
    "tracks": {*_VALUES, "compare"},
    "playback": {
        *_VALUES, "spread", "camera", "clips", "compare", "formats.base", "lanes", "tracks",
    },
    "streams": {
        *_VALUES, "camera", "clips", "compare", "diagnosis", "formats.base", "lanes", "playback",
    },
    "saliency": {*_VALUES, "bisection", "formats.base", "lanes"},
    # Faces.
    "pytest_plugin": {"runtime", "errors", "bundle", "lanes", "compare", *_GOLDENS, "judge"},
    "api": {
        *_VALUES, "formats", "formats.base", "lanes", "compare", "golden.store", "judge", "review",
        "compile",
        "coordinates", "bisection", "report", "measure", "measure.datasets", "diagnosis",
        "demo", "placement", "compression",
        "proposal", "clips", "playback", "streams", "saliency", "changes",
    },
    "golden": {"api"},
    "__init__": {
        "api", "golden", "runtime", "errors", "spec", "pictures", "formats.base", "lanes",
        "compile", "compression", "bisection", "measure", "diagnosis", "proposal", "playback",
        "saliency", "changes", "placement",
    },
    "cli": {"__init__", "errors", "disk", "shown", "pictures", "review"},
    "__main__": {"cli"},
}  # fmt: skip


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    """Yield every module of mobilecat that `path` imports anywhere, functions included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("mobilecat"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mobilecat"):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{a.name}" for a in node.names)


def _room(module: str) -> str:
    """Return the longest name of the table that `module` lies in; its first part where none is."""
    parts = module.split(".")[1:] or ["__init__"]
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((n for n in names if n in MAY_IMPORT), names[-1])


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _wrong(path: Path) -> set[str]:
    room = _room(_module(path))
    assert room in MAY_IMPORT, f"{path} is in no room of the table"
    return {f"{room} → {_room(m)}" for m in _imported(path)} - {
        f"{room} → {other}" for other in MAY_IMPORT[room] | {room}
    }


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    assert not _wrong(path)


def test_there_is_no_circle() -> None:
    left = {room: set(others) for room, others in MAY_IMPORT.items()}
    while ready := [room for room, others in left.items() if not others & set(left)]:
        for room in ready:
            del left[room]
    assert not left, f"in a circle, or behind one: {sorted(left)}"


def test_the_table_has_every_room_and_no_other() -> None:
    rooms = {_room(_module(p)) for p in _modules()}
    assert rooms == set(MAY_IMPORT)


def test_a_planted_import_is_noticed(tmp_path: Path) -> None:
    for room, line in {
        "lanes": "from mobilecat.cli import main",
        "formats/coreml/runtime": "from mobilecat.formats.coreml.lower import conv",
        "formats/coreai/read": "from mobilecat.formats.coreai.lower import conv",
        "formats/tflite/read": "from mobilecat.formats.tflite.lower import conv",
        "a_new_room": "import mobilecat.errors",
    }.items():
        assert (PACKAGE / room).is_dir() or room == "a_new_room"
        assert _planted(PACKAGE / room / "planted.py", line), line


def _planted(path: Path, line: str) -> bool:
    """Whether `line` in a file at `path`, which is never written, would be noticed."""
    imported = ast.parse(line).body[0]
    assert isinstance(imported, ast.Import | ast.ImportFrom)
    module = imported.module if isinstance(imported, ast.ImportFrom) else imported.names[0].name
    room = _room(_module(path))
    return room not in MAY_IMPORT or _room(str(module)) not in MAY_IMPORT[room] | {room}


@pytest.mark.parametrize(
    "reader",
    [
        "mobilecat.runtime",
        "mobilecat.formats.coreai.read.translate",
        "mobilecat.formats.tflite.read.translate",
    ],
)
def test_who_reads_shipped_bytes_never_imports_a_lowering(reader: str) -> None:
    """Nor does importing it load one: the front doors on the way to it are empty-handed."""
    code = (
        f"import sys, {reader}\n"
        "print([m for m in sys.modules if m.startswith('mobilecat') and 'lower' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from mobilecat.cli.main import app\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'numpy','onnx','onnxruntime','coremltools','ai_edge_litert','pydantic','PIL',"
        "'onnx_ir','jinja2'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["mobilecat.geometry", "mobilecat.spec", "mobilecat.bundle"])
def test_leaves_load_no_engine(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "print(sorted({'onnx','onnxruntime','coremltools','ai_edge_litert','tensorflow'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
