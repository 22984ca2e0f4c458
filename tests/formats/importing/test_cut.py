"""`import.inputs` and `import.outputs` of ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from mobilecat.errors import ModelError
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.source import Source
from mobilecat.formats.importing import dims_of, import_model, open_reference
from tests.formats.importing.held import op_types, outputs, picture
from tests.formats.importing.models import X, model, save, weights


def network(tmp_path: Path) -> Path:
    """x → Conv c → Relu r → NonZero (depends on data) → Cast y; a custom op beside it."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("NonZero", ["r"], ["z"], "where"),
        helper.make_node("Cast", ["z"], ["y"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Nms", ["r", "v"], ["n"], "nms", domain="their.own"),
    ]
    proto = model(nodes, [weights("w", 4, 2, 2, 2), weights("v", 3)], outputs=["y", "n"])
    proto.opset_import.append(helper.make_opsetid("their.own", 1))
    return save(proto, tmp_path / "m.onnx")


def refused(path: Path, **options: object) -> str:
    with pytest.raises(ModelError) as caught:
        import_model(path, {}, ImportOptions(**options))  # type: ignore[arg-type]
    return str(caught.value)


def test_what_leads_to_no_output_is_gone(tmp_path: Path) -> None:
    path = network(tmp_path)
    imported = import_model(path, {}, ImportOptions(outputs=("r",)))
    assert op_types(imported) == ["Conv", "Relu"]
    assert [o.name for o in imported.graph.outputs] == ["r"]
    assert "v" not in imported.graph.initializers


def test_the_original_is_cut_at_the_same_values(tmp_path: Path) -> None:
    path = network(tmp_path)
    options = ImportOptions(outputs=("r", "c"))
    source = Source(path, "onnx", options)
    x = {"x": picture(1, 2, 3, 5)}
    want = open_reference(source, {}).network.run(x)
    assert list(want) == ["r", "c"]
    got = outputs(ir.to_proto(import_model(path, {}, options)), x)
    np.testing.assert_allclose(got["c"], want["c"], rtol=1e-6)


def test_a_part_in_the_middle(tmp_path: Path) -> None:
    options = ImportOptions(inputs=("c",), outputs=("r",))
    assert dims_of(network(tmp_path), options) == {"c": (1, 4, 2, 4)}
    imported = import_model(network(tmp_path), {}, options)
    assert op_types(imported) == ["Relu"]
    assert [v.name for v in imported.graph.inputs] == ["c"]


def test_names_that_are_not_there(tmp_path: Path) -> None:
    text = refused(network(tmp_path), outputs=("rr", "c"), inputs=("cc",))
    assert "import.outputs: the graph has no value 'rr'" in text and "did you mean" in text
    assert "import.inputs: the graph has no value 'cc'" in text


def test_a_part_that_needs_more_is_refused(tmp_path: Path) -> None:
    two = helper.make_tensor_value_info("second", TensorProto.FLOAT, [1, 2, 3, 5])
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        helper.make_node("Add", ["r", "second"], ["y"], "add"),
    ]
    path = save(model(nodes, inputs=[X, two]), tmp_path / "m.onnx")
    assert "input 'second' is needed too" in refused(path, inputs=("r",))
    assert "reads 'x'" in refused(path, inputs=("r", "second", "x"))


def test_a_signature_means_nothing_here(tmp_path: Path) -> None:
    assert "import.signature: only a SavedModel has signatures" in refused(
        network(tmp_path), signature="serving_default"
    )


def test_what_needs_a_cut_says_where(tmp_path: Path) -> None:
    path = network(tmp_path)
    assert "import.outputs names values before it" in refused(path)  # the custom op
    text = refused(path, outputs=("y",))
    assert "depends on data" in text and '[import] outputs = ["r"]' in text


def test_the_file_is_only_read(tmp_path: Path) -> None:
    path = network(tmp_path)
    before = path.read_bytes()
    import_model(path, {}, ImportOptions(outputs=("r",)))
    assert path.read_bytes() == before and onnx.load(path).graph.output[0].name == "y"
