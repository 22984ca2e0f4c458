"""The direction of the imports, as the architecture draws it; and what start-up may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mobilecat"

LEAVES = {"errors", "geometry", "__init__"}
MAY_IMPORT: dict[str, set[str]] = {
    "geometry": {"errors"},
    "camera": {"errors", "geometry"},
    "spec": {"errors"},
    "disk": {"errors"},
    "graph": {"errors"},
    "anchors": {"errors", "graph"},
    "bundle": {"errors", "disk", "spec"},
    "detections": {"errors"},
    "picture": {"errors", "geometry", "spec"},
    "draw": {"errors", "detections"},
    "passes": {"errors", "graph"},
    "importers": {"errors", "graph", "anchors", "passes", "disk", "bundle"},
    "heads": {"errors", "graph", "anchors", "spec", "bake"},
    "bake": {"errors", "graph", "anchors", "spec", "heads"},
    # TFLite's detection contract ends the graph anew, in bake's terms; bake knows no target.
    "targets": {"errors", "graph", "spec", "bake", "heads"},
    "runtime": {"errors"},
}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imported(path: Path) -> set[str]:
    """Return the parts of mobilecat that `path` imports anywhere, functions included."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
            if node.module == "mobilecat":
                names = [f"mobilecat.{a.name}" for a in node.names]
        else:
            continue
        parts |= {n.split(".")[1] for n in names if n.startswith("mobilecat.")}
    return parts


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    part = _part(path)
    if part in MAY_IMPORT:
        assert _imported(path) <= MAY_IMPORT[part] | {part}


def test_the_runtime_never_imports_a_lowering() -> None:
    for path in (PACKAGE / "runtime").rglob("*.py"):
        assert not _imported(path) & {"targets", "bake", "heads", "importers", "passes"}, path


def test_every_listed_part_exists() -> None:
    found = {_part(p) for p in _modules()}
    assert set(MAY_IMPORT) <= found


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
