"""sympy stays away until something computes with symbols, and nobody else notices."""

import subprocess
import sys

import pytest


def _says(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("room", ["mobilecat.bake", "mobilecat.compile", "mobilecat.lanes"])
def test_a_room_that_imports_onnx_ir_does_not_import_sympy(room: str) -> None:
    code = f"import sys, {room}; print('onnx_ir' in sys.modules, 'sympy' in sys.modules)"
    assert _says(code) == "True False"


def test_coremltools_does_not_import_sympy_or_scipy() -> None:
    code = (
        "import sys, mobilecat.compile\n"
        "from mobilecat.formats.coreml.lower.mil import load_coremltools; load_coremltools()\n"
        "print({'sympy', 'scipy', 'scipy.sparse'} & set(sys.modules))"
    )
    assert _says(code) == "set()"


def test_coremltools_does_without_pillow_and_yaml_until_it_uses_them() -> None:
    code = (
        "import sys, mobilecat.compile\n"
        "from mobilecat.formats.coreml.lower.mil import load_coremltools; load_coremltools()\n"
        "print({'PIL', 'PIL.Image', 'yaml'} & set(sys.modules))\n"
        "from coremltools.models import model\n"
        "from coremltools.optimize.coreml import OptimizationConfig as Config\n"
        "print(model._HAS_PIL, isinstance(3, model._PIL_IMAGE.Image))\n"
        "from PIL import Image; picture = Image.new('L', (2, 2))\n"
        "print(isinstance(picture, model._PIL_IMAGE.Image), 'yaml' in sys.modules)\n"
        "import io; Config.from_yaml(io.StringIO('config_type: OpLinearQuantizerConfig\\n'"
        "'global_config: {mode: linear_symmetric}')); print('yaml' in sys.modules)"
    )
    assert _says(code) == "set()\nTrue False\nTrue False\nTrue"


def test_symbols_are_sympys_own_once_they_are_needed() -> None:
    code = (
        "import mobilecat.graph, onnx_ir\n"
        "print(onnx_ir.SymbolicDim('n') + 2, onnx_ir.SymbolicDim('max(n, 4)').evaluate({'n': 3}))\n"
        "import sympy\n"
        "print(onnx_ir.SymbolicDim(sympy.Symbol('k') * 3), isinstance(sympy, type(mobilecat)))"
    )
    assert _says(code) == "n + 2 4\n3*k True"


def test_a_dimension_without_a_size_is_symbolic_in_coremltools() -> None:
    code = (
        "from mobilecat.formats.coreml.lower.mil import load_coremltools; load_coremltools()\n"
        "from coremltools.converters.mil.mil.types import symbolic as s\n"
        "from coremltools.converters.mil.mil import get_new_symbol\n"
        "print(s.is_symbolic(3), s.any_symbolic((1, get_new_symbol())))\n"
        "import sympy; print(s.is_symbolic(sympy.Symbol('k') + 1))"
    )
    assert _says(code) == "False True\nTrue"


def test_a_sympy_that_was_there_before_is_used() -> None:
    code = "import sympy, mobilecat.graph, onnx_ir._core as c; print(c.sympy is sympy)"
    assert _says(code) == "True"
