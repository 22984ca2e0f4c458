"""Apple's library is imported without what no export uses, and takes pictures all the same."""

import subprocess
import sys

import pytest

from mobilecat.formats.coreai.read.package import missing

if reason := missing():
    pytest.skip(f"NOT_RUN: {reason}", allow_module_level=True)

_CONSTANT = r"""
from PIL import Image
from coreai.authoring.context import Context
core = dialect()
with Context()._mlir_context, ir_module().Location.unknown():
    module = ir_module().Module.create()
    with ir_module().InsertionPoint(module.body):
        core.constant(Image.new("RGBA", (4, 2), (1, 2, 3, 4)))
        core.constant([1.5, 2.5])
import re; print(re.sub(r"resource_\d+", "resource", str(module)))  # a hash of the process
"""
_DIALECT = "from mobilecat.formats.coreai.dialect import dialect, ir_module"


def _says(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_no_export_uses_stays_away() -> None:
    used = "{'asyncio', 'PIL', 'PIL.Image', 'psutil', 'ssl', 'yuvio'} & set(sys.modules)"
    assert _says(f"import sys; {_DIALECT}; dialect(); print({used})") == "set()"


def test_a_picture_is_a_picture_whenever_pillow_was_imported() -> None:
    late = _says(f"{_DIALECT}; dialect()\n{_CONSTANT}")
    assert "image<" in late
    assert late == _says(f"import asyncio, PIL.Image, yuvio; {_DIALECT}\n{_CONSTANT}")


def test_a_library_that_was_there_before_is_used() -> None:
    code = f"import asyncio, PIL.Image; {_DIALECT}; dialect(); import coreai.authoring.asset as a"
    assert _says(f"{code}; print(a.to_thread is asyncio.to_thread)") == "True"


def test_who_runs_a_model_gets_the_real_threads() -> None:
    code = f"{_DIALECT}; dialect(); import asyncio, coreai.authoring.asset as a"
    assert _says(f"{code}; print(asyncio.run(a.to_thread(len, 'four')))") == "4"
