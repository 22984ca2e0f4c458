"""Weights of a Core ML file as something smaller: the arithmetic, the file, the systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pydantic import ValidationError

from mobilecat.errors import SpecError
from mobilecat.formats.base.originals import Originals
from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.compress import pack
from mobilecat.formats.coreml.lower.mil import load_coremltools
from mobilecat.formats.coreml.recipe import LayerRecipe, Recipe
from mobilecat.formats.coreml.runtime.halves import constants_of
from mobilecat.formats.coreml.target import CoreMLTarget
from mobilecat.formats.coreml.write import write_coreml
from mobilecat.formats.importing import import_model

RECIPES = (
    Recipe("int8"),
    Recipe("int4"),
    Recipe("int4", block=8),
    *(Recipe(f"palette{n}") for n in (1, 2, 3, 4, 6, 8)),  # type: ignore[arg-type]
    Recipe("palette4", block=8),
    Recipe("sparse", sparsity=0.5),
    Recipe("int8", layers=(LayerRecipe(("wi*",), "palette4", 16), LayerRecipe(("up",), "int4"))),
)
ON_IOS18 = (Recipe("int8"), Recipe("palette4"), Recipe("sparse", sparsity=0.5))
CASES = [*((r, None) for r in RECIPES), *((r, "iOS18") for r in ON_IOS18)]


# the arithmetic, by hand ----------------------------------------------------------------------


def test_int8_has_a_scale_of_a_127th_of_each_channels_largest() -> None:
    w = np.array([[1.27, -0.635, 0.014], [0.0, 0.0, 0.0], [-254.0, 2.9, 3.1]], np.float32)
    made = pack.affine(w, 0, np.float32)
    assert made.scale == pytest.approx([0.01, 1.0, 2.0])
    # -63.5 and 1.45 steps: half to even, and down; 1.45 and 1.55 steps.
    assert made.q.tolist() == [[127, -64, 1], [0, 0, 0], [-127, 1, 2]]
    assert made.dense[2] == pytest.approx([-254, 2, 4])


def test_int4_has_a_scale_for_each_block_of_inputs() -> None:
    w = np.array([[7.0, -3.4, 0.7, 0.36], [0.0, 70.0, 14.0, 3.0]], np.float32)
    made = pack.blocks(w, 0, 1, 2, np.float32)
    assert made.scale == pytest.approx(np.array([[1.0, 0.1], [10.0, 2.0]]))
    assert made.q.tolist() == [[7, -3, 7, 4], [0, 7, 7, 2]]
    assert pack.largest_divisor(48, 32) == 24


def test_a_scale_that_float16_rounds_down_cuts_nothing_off() -> None:
    w = np.array([[127 * 1.4 * 2.0**-24]], np.float32)  # float16 has 1 and 2 times 2^-24
    made = pack.affine(w, 0, np.float16)
    assert float(made.scale[0]) == 2.0**-23
    assert made.q.tolist() == [[89]]  # 127 · 0.7


def test_a_palette_of_as_many_values_as_there_are_is_exact() -> None:
    w = np.array([[0.5, -1.0, 0.25, 0.5], [2.0, 2.0, 0.25, -1.0]], np.float32)
    made = pack.palette(w, 2, 0, None, np.float32)
    assert made.table.tolist() == [[-1.0, 0.25, 0.5, 2.0]]
    assert made.index.tolist() == [[2, 0, 1, 2], [3, 3, 1, 0]]
    each = pack.palette(w, 2, 0, 1, np.float32)
    assert each.table.shape == (2, 4)
    assert np.array_equal(each.dense, w)


@pytest.mark.parametrize(("bits", "times"), [(2, 1.01), (4, 1.05), (6, 1.25)])
def test_a_palette_is_nearly_the_best_there_is(bits: int, times: float) -> None:
    """coremltools searches for the optimum in one dimension, which takes it far longer."""
    load_coremltools()
    from coremltools._deps import kmeans1d

    w = np.random.default_rng(5).laplace(size=(32, 96)).astype(np.float32)
    own = ((pack.palette(w, bits, 0, None, np.float32).dense - w) ** 2).sum()
    found = kmeans1d.cluster(w.reshape(-1).astype(np.float64), 1 << bits)
    best = ((np.asarray(found.centroids)[found.clusters] - w.reshape(-1)) ** 2).sum()
    assert best * 0.999 <= own <= best * times


def test_sparse_keeps_the_largest() -> None:
    w = np.array([[0.1, -3.0, 0.0, 2.0], [-0.2, 0.3, 4.0, -0.4]], np.float32)
    made = pack.sparse(w, 0.5, np.float32)
    assert made.dense.tolist() == [[0, -3.0, 0, 2.0], [0, 0, 4.0, pytest.approx(-0.4)]]
    assert pack.sparse(w, None, np.float32).mask.sum() == 7


def test_indices_lie_low_bits_first() -> None:
    """The example of coremltools' constexpr_lut_to_dense: 0, 3, 2, 1 and 3 in two bits each."""
    assert pack.packed_bits(np.array([0, 3, 2, 1, 3]), 2).tolist() == [0b01101100, 0b11]


# the file ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A convolution, a depthwise, a transposed one and a matrix product, seeded."""
    rng = np.random.default_rng(3)

    def held(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(rng.normal(0, 0.2, shape).astype(np.float32), name)

    node = helper.make_node
    nodes = [
        node("Conv", ["x", "wide.w"], ["wide"], "wide", pads=[1, 1, 1, 1]),
        node("Conv", ["wide", "deep.w"], ["deep"], "deep", group=128, pads=[1, 1, 1, 1]),
        node("ConvTranspose", ["deep", "up.w"], ["up"], "up", strides=[2, 2]),
        node("ReduceMean", ["up", "axes"], ["mean"], "mean", keepdims=0),
        node("MatMul", ["mean", "last.w"], ["y"], "y"),
    ]
    weights = [
        held("wide.w", 128, 16, 3, 3),
        held("deep.w", 128, 1, 3, 3),
        held("up.w", 128, 48, 2, 2),
        held("last.w", 48, 64),
        numpy_helper.from_array(np.array([2, 3]), "axes"),
    ]
    takes = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 8, 8])
    gives = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])
    graph = helper.make_graph(nodes, "net", [takes], [gives], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    onnx.save(model, path)
    return import_model(path, {})


@pytest.fixture(scope="module")
def floats(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("floats") / "float.mlpackage"
    write_coreml(network, path, precision="float32")
    return path


def _written(network: Any, path: Path, recipe: Recipe, target: str | None = None) -> Path:
    write_coreml(network, path, precision="float16", recipe=recipe, deployment_target=target)
    return path


def _given() -> dict[str, Any]:
    return {"x": np.random.default_rng(1).normal(size=(1, 16, 8, 8)).astype(np.float32)}


@pytest.mark.parametrize(("recipe", "system"), CASES, ids=str)
def test_the_file_holds_what_coremltools_unpacks(
    recipe: Recipe, system: str | None, network: Any, tmp_path: Path
) -> None:
    """Every weight, by coremltools' own unpacking of the op; and the program computes with it."""
    from mobilecat.formats.coreml.write import compile_spec

    spec, program = compile_spec(
        network, tmp_path / "a.mlpackage", "mlpackage", "float16", system, recipe=recipe
    )
    made = {
        op.name: op.materialized_val_inference()
        for op in program.mil.functions["main"].operations
        if op.op_type.startswith("constexpr_")
    }
    assert len(made) == 4 if recipe.weights != "int4" else len(made) >= 3
    assert spec.specificationVersion == max(recipe.ios, 18 if system else 15) - 9
    path = _written(network, tmp_path / "b.mlpackage", recipe, system)
    model = runtime.load(path)
    found = model.predict(_given(), taps=list(made))
    for name, dense in made.items():
        assert np.allclose(found[name], dense, atol=2e-4), name


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_with_its_weights_unrounded_the_program_is_the_network(
    recipe: Recipe, network: Any, floats: Path, tmp_path: Path
) -> None:
    wide = runtime.load(floats).predict(_given())["y"]
    path = _written(network, tmp_path / "small.mlpackage", recipe)
    originals = Originals(constants_of(floats))
    model = runtime.load(path, precision="float32", restore=originals)
    assert np.allclose(model.predict(_given())["y"], wide, atol=1e-5)
    assert originals.kept == 0
    rounded = runtime.load(path).predict(_given())["y"]
    assert np.abs(rounded - wide).max() > 1e-3


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_other_weights_are_not_taken_for_rounded_ones(
    recipe: Recipe, network: Any, floats: Path, tmp_path: Path
) -> None:
    """One weight of one channel negated, of those that were: its tensor stays as it is stored."""
    path = _written(network, tmp_path / "small.mlpackage", recipe)
    changed = []
    for name, values in constants_of(floats):
        other = values.copy()
        if values.shape == (128, 16, 3, 3):
            other.reshape(-1)[np.abs(values).argmax()] *= -1
        changed.append((name, other))
    originals = Originals(changed)
    runtime.load(path, precision="float32", restore=originals).predict(_given())
    assert originals.kept == 1


def test_each_layer_is_stored_as_its_recipe_says(network: Any, tmp_path: Path) -> None:
    """Sizes by hand: 4 bits of 128·16·9 weights and 8 tables of 16 halves; int8 of 128·9, and a
    half a channel; 2 bytes of 128·48·4, which stay; int8 of 48·64, and a half a channel."""
    layers = (LayerRecipe(("wide",), "palette4", 16), LayerRecipe(("u?",), None))
    path = _written(network, tmp_path / "a.mlpackage", Recipe("int8", layers=layers))
    stored = sum(f.stat().st_size for f in (path / "Data").rglob("weight.bin"))
    wanted = (18432 // 2 + 8 * 16 * 2) + (1152 + 256) + 2 * 24576 + (3072 + 128)
    assert wanted <= stored <= wanted + 2000  # headers of 64 bytes, and biases
    ops = [op.type for op in _operations(path) if op.type.startswith("constexpr")]
    assert sorted(ops) == [*["constexpr_blockwise_shift_scale"] * 2, "constexpr_lut_to_dense"]


def _operations(path: Path) -> Any:
    from mobilecat.formats.coreml.runtime.package import read_package

    (function,) = read_package(path).spec.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    return block.operations


def test_layers_that_are_not_there_are_named(network: Any, tmp_path: Path) -> None:
    recipe = Recipe("int8", layers=(LayerRecipe(("wide", "head/*"), None),))
    with pytest.raises(SpecError, match=r"'head/\*' fits no node of the graph"):
        _written(network, tmp_path / "a.mlpackage", recipe)
    assert not list(tmp_path.iterdir())


def test_what_a_search_counts_is_what_the_file_holds(network: Any, tmp_path: Path) -> None:
    """`rounded`, of each recipe: the weights that coremltools unpacks, the bytes by hand."""
    from mobilecat.formats.coreml.compress.rounded import rounded

    w = np.random.default_rng(1).normal(size=(32, 64, 1, 1)).astype(np.float32)
    sizes = {}
    for said in (
        {},
        {"weights": "int8"},
        {"weights": "palette4", "block": 16},
        {"weights": "int4"},
    ):
        target = CoreMLTarget(**said)  # type: ignore[arg-type]
        dense, sizes[target.stored] = rounded(target, "n", w, (0, 1))
        assert np.abs(dense - w).mean() < (0.1 if said else 1e-3)
    assert sizes == {
        "float16": 2 * 2048,
        "int8": 2048 + 2 * 32,
        "palette4": 1024 + 2 * 2 * 16,
        "int4": 1024 + 2 * 32 * 2,
    }
    own = {"nodes": ("n",), "weights": "float"}
    kept = CoreMLTarget.model_validate({"weights": "int4", "layers": (own,)})
    assert rounded(kept, "n", w, (0, 1))[1] == 2 * 2048
    assert rounded(kept, "m", w, (0, 1))[1] == sizes["int4"]


def test_an_mlmodel_has_int8(network: Any, tmp_path: Path) -> None:
    for name, recipe in {"float": Recipe(), "small": Recipe("int8")}.items():
        path = tmp_path / f"{name}.mlmodel"
        write_coreml(network, path, format="mlmodel", precision="float32", recipe=recipe)
    wide, small = (runtime.load(tmp_path / f"{n}.mlmodel") for n in ("float", "small"))
    given = {"x": _given()["x"][0]} if wide.inputs[0].shape == (16, 8, 8) else _given()
    a, b = wide.predict(given)["y"], small.predict(given)["y"]
    assert 1e-4 < np.abs(a - b).max() < 0.05 * np.abs(a).max()
    assert (tmp_path / "small.mlmodel").stat().st_size < (tmp_path / "float.mlmodel").stat().st_size


# the spec ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"weights": "int4", "deployment_target": "iOS17"}, "needs iOS18 or newer, not iOS17"),
        ({"weights": "int8", "deployment_target": "iOS15"}, "needs iOS16 or newer, not iOS15"),
        ({"weights": "palette3", "deployment_target": "iOS16"}, "needs iOS18"),
        (
            {"weights": "palette4", "block": 8, "deployment_target": "iOS17"},
            "with block = 8 needs iOS18",
        ),
        ({"weights": "palette4", "format": "mlmodel"}, "has no weights"),
        ({"weights": "int8", "block": 8}, "block belongs to"),
        ({"weights": "int8", "sparsity": 0.5}, "sparsity belongs to"),
        ({"weights": "palette5"}, "palette4"),
        ({"layers": ({"nodes": ("a",), "weights": "int8", "block": 8},)}, "block belongs to"),
        ({"layers": ({"nodes": (), "weights": "int8"},)}, "at least 1"),
        ({"format": "mlmodel", "layers": ({"nodes": ("a",), "weights": "int8"},)}, "mlpackage"),
        (
            {"layers": ({"nodes": ("a",), "weights": "int4"},), "deployment_target": "iOS16"},
            "with layers needs iOS18",
        ),
    ],
)
def test_what_does_not_go_together_is_said(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CoreMLTarget(**said)


def test_what_a_file_is_called_and_which_system_reads_it() -> None:
    cases = {
        ("int8", None): ("int8", 16),
        ("int4", None): ("int4", 18),
        ("palette4", None): ("palette4", 16),
        ("palette4", 16): ("palette4", 18),
        ("sparse", None): ("sparse", 16),
        (None, None): ("float16", 15),
    }
    for (weights, block), (stored, ios) in cases.items():
        target = CoreMLTarget(weights=weights, block=block)  # type: ignore[arg-type]
        assert (target.stored, target.recipe.ios) == (stored, ios)
    mixed = {"nodes": ("a",), "weights": "palette4"}, {"nodes": ("b",), "weights": "float"}
    target = CoreMLTarget.model_validate({"weights": "palette6", "layers": mixed})
    assert (target.stored, target.recipe.ios) == ("palette4", 16)
    assert target.as_float.recipe.plain
