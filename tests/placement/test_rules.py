"""Each rule fires on a tiny model, and leaves its neighbour alone; parts, changes, sums by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.errors import MobileCatError
from mobilecat.formats.base.operations import Operand, Operation
from mobilecat.placement.rules import CONDITIONS, TABLE, read_rules
from mobilecat.placement.whole import FilePlacement, place
from tests.command import mobilecat
from tests.placement.models import program, tflite, with_sides
from tests.test_cli import refused

F, U, Z, B = "float32", "uint8", "int32", "bool"
IMAGE = (1, 8, 8, 3)


def schema(name: str) -> Any:
    from ai_edge_litert import schema_py_generated

    return getattr(schema_py_generated, f"{name}OptionsT")


def on(file: FilePlacement, unit: str) -> tuple[str, str]:
    """The verdict of the last op, and the rule's name."""
    (found,) = (u for u in file.units if u.unit.name == unit)
    verdict, rule = found.verdicts[-1]
    return verdict, rule.name if rule else ""


TFLITE: dict[str, tuple[Any, Any]] = {
    "cast-types": (
        ("CAST", [(IMAGE, U)], [(IMAGE, F)]),
        ("CAST", [(IMAGE, Z)], [(IMAGE, F)]),
    ),
    "suppression": (
        ("NON_MAX_SUPPRESSION_V4", [((9, 4), F), ((9,), F)], [((5,), Z), ((), Z)]),
        ("MAXIMUM", [((9, 4), F), ((9, 4), F)], [((9, 4), F)]),
    ),
    "order": (
        ("TOPK_V2", [((9,), F), ((), Z, True)], [((3,), F), ((3,), Z)]),
        ("REDUCE_MAX", [((9,), F), ((1,), Z, True)], [((), F)]),
    ),
    "slice-rank": (
        ("SLICE", [((9, 4), F), ((2,), Z, True), ((2,), Z, True)], [((9, 1), F)]),
        ("SLICE", [((1, 9, 4), F), ((3,), Z, True), ((3,), Z, True)], [((1, 9, 1), F)]),
    ),
    "slice-masks": (
        ("STRIDED_SLICE", [((1, 9, 4), F)], [((1, 9), F)], "StridedSlice", {"shrinkAxisMask": 4}),
        ("STRIDED_SLICE", [((1, 9, 4), F)], [((1, 9, 1), F)], "StridedSlice", {}),
    ),
    "gather-whole-numbers": (
        ("GATHER", [((9,), Z), ((2,), Z)], [((2,), Z)], "Gather", {}),
        ("GATHER", [((9,), F), ((2,), Z)], [((2,), F)], "Gather", {}),
    ),
    "select-whole-numbers": (
        ("SELECT_V2", [((9,), B), ((9,), Z), ((9,), Z)], [((9,), Z)]),
        ("SELECT_V2", [((9,), B), ((9,), F), ((9,), F)], [((9,), F)]),
    ),
    "softmax-beta": (
        ("SOFTMAX", [((1, 9), F)], [((1, 9), F)], "Softmax", {"beta": 2.0}),
        ("SOFTMAX", [((1, 9), F)], [((1, 9), F)], "Softmax", {"beta": 1.0}),
    ),
    "mirror-pad": (
        ("MIRROR_PAD", [(IMAGE, F), ((4, 2), Z, True)], [(IMAGE, F)], "MirrorPad", {"mode": 1}),
        ("MIRROR_PAD", [(IMAGE, F), ((4, 2), Z, True)], [(IMAGE, F)], "MirrorPad", {"mode": 0}),
    ),
    "axes": (
        ("MEAN", [(IMAGE, F), ((2,), Z)], [((1, 3), F)], "Reducer", {}),
        ("MEAN", [(IMAGE, F), ((2,), Z, True)], [((1, 3), F)], "Reducer", {}),
    ),
    "outer-product": (
        ("MUL", [((1, 9, 1), F), ((1, 1, 9), F)], [((1, 9, 9), F)], "Mul", {}),
        ("MUL", [((1, 9, 9), F), ((1, 1, 9), F)], [((1, 9, 9), F)], "Mul", {}),
    ),
    "depth-multiplier": (
        (
            "DEPTHWISE_CONV_2D", [(IMAGE, F), ((1, 3, 3, 6), F, True)], [((1, 8, 8, 6), F)],
            "DepthwiseConv2D", {"depthMultiplier": 2},
        ),
        (
            "DEPTHWISE_CONV_2D", [(IMAGE, F), ((1, 3, 3, 3), F, True)], [(IMAGE, F)],
            "DepthwiseConv2D", {"depthMultiplier": 1},
        ),
    ),
    "custom": (
        ("MyOwnOp", [(IMAGE, F)], [(IMAGE, F)]),
        ("RELU", [(IMAGE, F)], [(IMAGE, F)]),
    ),
}  # fmt: skip


def written(path: Path, said: Any) -> FilePlacement:
    kind, inputs, outputs, *more = said
    options = (schema(more[0]), more[1]) if more else (None, {})
    tflite(path, kind, inputs, outputs, options[0], **options[1])
    return mc.place(path).files[0]


@pytest.mark.parametrize("name", TFLITE)
def test_a_rule_of_the_gpu_delegate(name: str, tmp_path: Path) -> None:
    fires, quiet = (written(tmp_path / f"{k}.tflite", s) for k, s in enumerate(TFLITE[name]))
    assert on(fires, "tflite-gpu") == ("refused", name)
    assert on(quiet, "tflite-gpu") == ("taken", "")


def _lstm(mb: Any, x: Any) -> Any:
    weights = np.zeros((8, 3), np.float16), np.zeros((8, 2), np.float16)
    start = np.zeros((1, 2), np.float16)
    return mb.lstm(x=x, initial_h=start, initial_c=start, weight_ih=weights[0],
                   weight_hh=weights[1])[0]  # fmt: skip


def _conv3d(mb: Any, x: Any) -> Any:
    return mb.conv(x=x, weight=np.ones((2, 3, 1, 1, 1), np.float16))


def _conv(mb: Any, x: Any) -> Any:
    return mb.conv(x=x, weight=np.ones((2, 3, 1, 1), np.float16))


def _gathered(mb: Any, x: Any) -> Any:
    return mb.gather(x=x, indices=np.array([0, 2, 1], np.int32), axis=1)


PROGRAMS: dict[str, tuple[Any, Any]] = {
    "float32": (
        ((1, 3, 4, 4), lambda mb, x: mb.relu(x=x), {"half": False}),
        ((1, 3, 4, 4), lambda mb, x: mb.relu(x=x), {}),
    ),
    "whole-numbers": (
        ((1, 9), lambda mb, x: mb.reduce_argmax(x=x, axis=1), {}),
        ((1, 9), lambda mb, x: mb.softmax(x=x, axis=1), {}),
    ),
    "gather": (
        ((1, 3, 4, 4), _gathered, {}),
        ((1, 3, 4, 4), lambda mb, x: mb.slice_by_index(x=x, begin=[0, 1, 0, 0], end=[1, 3, 4, 4]),
         {}),
    ),
    "recurrent": (
        ((4, 1, 3), _lstm, {}),
        ((1, 3, 4), lambda mb, x: mb.tanh(x=x), {}),
    ),
    "scatter": (
        ((1, 9), lambda mb, x: mb.reduce_prod(x=x, axes=[1]), {}),
        ((1, 9), lambda mb, x: mb.add(x=x, y=np.float16(2)), {}),
    ),
    "volumes": (((1, 3, 2, 4, 4), _conv3d, {}), ((1, 3, 4, 4), _conv, {})),
    "long-sides": (
        ((1, 16385), lambda mb, x: mb.relu(x=x), {}),
        ((1, 16384), lambda mb, x: mb.relu(x=x), {}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rule_of_the_neural_engine(name: str, tmp_path: Path) -> None:
    verdicts = []
    for k, (shape, body, options) in enumerate(PROGRAMS[name]):
        path = program(tmp_path / f"{k}.mlpackage", shape, body, **options)
        verdicts.append(on(mc.place(path).files[0], "neural-engine"))
    assert verdicts == [("refused", name), ("taken", "")]


def test_a_range_of_shapes_runs_there_at_its_default_alone(tmp_path: Path) -> None:
    def ranged(array: Any) -> None:
        for low, high in ((1, 1), (3, 3), (4, 8), (4, 4)):
            array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)

    def enumerated(array: Any) -> None:
        for rows in (4, 8):
            array.enumeratedShapes.shapes.add(shape=[1, 3, rows, 4])

    fixed = program(tmp_path / "fixed.mlpackage", (1, 3, 4, 4), _conv)
    path = with_sides(tmp_path / "a.mlpackage", fixed, ranged)
    listed = with_sides(tmp_path / "b.mlpackage", fixed, enumerated)
    assert on(mc.place(path).files[0], "neural-engine") == ("unknown", "flexible-shapes")
    assert on(mc.place(listed).files[0], "neural-engine") == ("taken", "")


def test_layers_of_a_neural_network(tmp_path: Path) -> None:
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder
    from coremltools.models.utils import save_spec

    verdicts = []
    for k, broadcast in enumerate((True, False)):
        sides = [("x", datatypes.Array(3, 4, 4))]
        builder = NeuralNetworkBuilder(sides, [("y", datatypes.Array(3, 4, 4))])
        if broadcast:
            builder.add_add_broadcastable("layer", ["x", "x"], "y")
        else:
            builder.add_elementwise("layer", ["x", "x"], "y", "ADD")
        save_spec(builder.spec, str(tmp_path / f"{k}.mlmodel"))
        verdicts.append(on(mc.place(tmp_path / f"{k}.mlmodel").files[0], "neural-engine"))
    assert verdicts == [("refused", "old-broadcasts"), ("taken", "")]


def op(kind: str, macs: int = 0) -> Operation:
    return Operation(kind, kind.lower(), (), (Operand("y", "float32", (1, 2)),), {}, macs)


def test_parts_and_the_cheapest_change_by_hand() -> None:
    """conv | topk | conv relu | nms | relu: of 30 multiply-adds 10, 20, 0 in three parts."""
    ops = [op("CONV_2D", 10), op("TOPK_V2"), op("CONV_2D", 20), op("RELU"),
           op("NON_MAX_SUPPRESSION_V4"), op("RELU")]  # fmt: skip
    (unit, retired) = place("x.tflite", "tflite", ops, read_rules()).units
    assert [(p.first, p.ops, p.macs) for p in unit.parts] == [(0, 1, 10), (2, 2, 20), (5, 1, 0)]
    assert unit.share == pytest.approx(20 / 30) and unit.largest.first == 2
    # Without the topk, the first two parts are one of all 30; without the NMS, the last two are.
    assert [(b.name, b.without) for b in unit.breaks] == [
        ("order", (2, 1.0)),
        ("suppression", (2, pytest.approx(20 / 30))),
    ]
    assert retired.unit.retired and not retired.verdicts


def test_macs_and_bytes_by_hand(tmp_path: Path) -> None:
    weights = ((8, 3, 3, 3), F, True)
    tflite(tmp_path / "c.tflite", "CONV_2D", [((1, 4, 4, 3), F), weights], [((1, 4, 4, 8), F)],
           schema("Conv2D"))  # fmt: skip
    file = mc.place(tmp_path / "c.tflite").files[0]
    assert file.macs == 4 * 4 * 8 * 3 * 3 * 3
    assert file.bytes == 4 * (4 * 4 * 3 + 8 * 3 * 3 * 3 + 4 * 4 * 8)
    path = program(tmp_path / "c.mlpackage", (1, 3, 4, 4), _conv)
    file = mc.place(path).files[0]
    assert (file.macs, file.bytes) == (2 * 4 * 4 * 3, 2 * (48 + 6 + 32))


def test_every_rule_names_its_source_and_its_unit() -> None:
    rules = read_rules()
    for said in (*rules.units, *rules.rules):
        assert said.source.startswith("https://"), said.name
    names = [(r.unit, r.name) for r in rules.rules]
    assert len(set(names)) == len(names) and len(names) > 20
    used = {key for r in rules.rules for key in r.when}
    assert used == set(CONDITIONS), "every condition has a rule"
    told = TABLE.read_text()
    assert all(f"#     {key} " in told for key in CONDITIONS), "and its line at the table's head"


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "rules.toml"
    mine.write_text(
        '[[unit]]\nname = "npu"\nformat = "tflite"\ntitle = "Our NPU"\nsource = "https://x.test"\n'
        'otherwise = "taken"\n[[rule]]\nunit = "npu"\nname = "no-relu"\nops = ["RELU"]\n'
        'why = "none"\nchange = "clamp"\nsource = "https://x.test"\n'
    )
    tflite(tmp_path / "r.tflite", "RELU", [(IMAGE, F)], [(IMAGE, F)])
    done = mobilecat("inspect", tmp_path / "r.tflite", "--placement", "--rules", mine, "--json")
    (unit,) = json.loads(done.stdout)["files"][0]["units"]
    assert unit["unit"] == "npu" and unit["breaks"][0]["change"] == "clamp", done.stderr
    mine.write_text(
        mine.read_text().replace('ops = ["RELU"]', "when = { colour = 3, beyond = true }")
    )
    done = mobilecat("inspect", tmp_path / "r.tflite", "--placement", "--rules", mine)
    refused(done, "The rules cannot be used", "no condition 'colour'")
    mine.write_text('[[unit]]\nname = 3\n[[rule]]\nunit = "gpu"\n[other]\n')
    with pytest.raises(MobileCatError, match=r"there is no table 'other'"):
        read_rules(mine)
    refused(mobilecat("inspect", Path("README.md"), "--placement"), "Nothing is known of where")


def test_in_words(tmp_path: Path) -> None:
    tflite(tmp_path / "r.tflite", "TOPK_V2", [((9,), F), ((), Z, True)], [((3,), F), ((3,), Z)])
    done = mobilecat("inspect", tmp_path / "r.tflite", "--placement")
    assert done.returncode == 0 and "refuses 1× TOPK_V2" in done.stdout, done.stderr
    assert "cheapest change" in done.stdout and "gpu_compatibility.cc" in done.stdout
    assert "deprecated since Android 15" in done.stdout
    assert " ms" not in done.stdout, "nobody measured any"
