"""coremltools' own predict on this runtime, and coremltools as it was afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.runtime.mil import load_translations, table
from mobilecat.formats.coreml.runtime.nn import load_translations as load_layers
from mobilecat.formats.coreml.runtime.nn import table as layers
from mobilecat.formats.coreml.runtime.proto import neural_network_pb2
from tests.conftest import ROOT
from tests.formats.coreml.runtime.builders import numbers, program


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from coremltools.converters.mil import Builder as mb

    path = tmp_path_factory.mktemp("package") / "p.mlpackage"
    return program(path, lambda x: mb.exp(x=x, name="y"), {"x": (2, 3)})


def test_within_the_context_coremltools_predicts(package: Path) -> None:
    import coremltools as ct

    x = numbers(2, 3)
    with runtime.coremltools_predict():
        model = ct.models.MLModel(str(package))
        np.testing.assert_allclose(model.predict({"x": x})["y"], np.exp(x), rtol=1e-6)
        compiled = ct.models.CompiledMLModel(model.get_compiled_model_path())
        np.testing.assert_allclose(compiled.predict({"x": x})["y"], np.exp(x), rtol=1e-6)
        assert ct.models.utils._macos_version() == (15, 5)
    if sys.platform != "darwin":
        assert ct.models.utils._macos_version() == ()
        with pytest.raises(Exception, match="macOS"):
            ct.models.MLModel(str(package)).predict({"x": x})


def test_the_environment_switch(package: Path) -> None:
    code = (
        "import numpy as np, mobilecat.runtime, coremltools as ct;"
        f"m = ct.models.MLModel({str(package)!r});"
        "print(m.predict({'x': np.zeros((2, 3), np.float32)})['y'].sum())"
    )
    env = {**os.environ, "MOBILECAT_COREML_PREDICT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.stdout.strip() == "6.0", done.stderr[-500:]


def test_names_in_the_tables_are_coremltools_names() -> None:
    """A misspelt row would never be found by a model."""
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    load_translations()
    known = set(SSAOpRegistry.core_ops) | set(SSAOpRegistry.dialect_ops)
    # the serialised name of the dialect op `coreml_update_state`
    assert set(table.op_names()) - known <= {"write_state"}
    load_layers()
    oneof = neural_network_pb2().NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"]
    assert set(layers.layer_names()) <= {f.name for f in oneof.fields}
    assert {f.name for f in oneof.fields} - set(layers.layer_names()) == {
        "custom",
        "loopBreak",
        "loopContinue",
    }


def test_a_name_is_taken_once() -> None:
    load_translations()
    with pytest.raises(ValueError, match="already"):
        table.mil_op("conv")(lambda op: None)
