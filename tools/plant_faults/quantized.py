"""Faults in quantised and float16 artifacts alone: `python -m tools.plant_faults.quantized`.

Each is planted in one artifact of a true bundle, the others left right, and must be caught at the
stage that was foretold; harmless changes must hold. Writes docs/planted_faults_quantized.md, where
a row that was not tried stays as the page has it. No test data is needed: the demo's cat faces,
calibrated on the demo's pictures.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.compare.compare import Stage
from mobilecat.demo import FOLDER
from mobilecat.graph import Array
from mobilecat.spec import spec_from_text
from tools.plant_faults.changes import Plant, graph, image, through, times
from tools.plant_faults.edit import Editor
from tools.plant_faults.files import edit_coreml
from tools.plant_faults.harmless import Harmless, noisy_graph
from tools.plant_faults.kept import Kept
from tools.plant_faults.kinds import Fault
from tools.plant_faults.models import ROOT
from tools.plant_faults.packed import (
    activation,
    axis_of_scales,
    exchanged_activations,
    flat,
    flat_quant,
    flat_rounding,
    flat_weight,
    weight,
)
from tools.plant_faults.run import Row, try_fault
from tools.plant_faults.subtle import BOXES, SCORES, in_layer, shifted
from tools.plant_faults.subtle import channel as of_channel
from tools.plant_faults.workshop import Model, Mutant, make_model, stage_of, writable

PAGE = ROOT / "docs" / "planted_faults_quantized.md"
STORE = ROOT / "build" / "planted_faults_quantized.jsonl"
NAME = "cat_faces"
EARLIER = " †"
COREML = {
    "half": "",
    "int8": 'weights = "int8"',
    "int4": 'weights = "int4"',
    "palette4": 'weights = "palette4"',
    "grouped": 'weights = "palette6"\nblock = 16',
    "sparse": 'weights = "sparse"\nsparsity = 0.3',
    "w8a8": 'activations = "int8"',
}
TFLITE = {
    "float16": "float16",
    "dynamic": "int8-dynamic",
    "whole": "int8",
    "fitted": "int8-weights",
}
FORMATS = (*(f"{n}.mlpackage" for n in COREML), *(f"{n}.tflite" for n in TFLITE))


def spec_text(formats: Sequence[str]) -> str:
    """Return the demo's spec with a target for each of the artifacts."""
    text = (FOLDER / f"{NAME}.toml").read_text("utf-8")
    text = text[: text.index("[[targets")] + '[quantize]\ncalibration = "pictures"\n'
    for n, said in COREML.items():
        if f"{n}.mlpackage" in formats:
            text += f'[[targets.coreml]]\nname = "{NAME}.{n}"\n{said}\n'
    for n, precision in TFLITE.items():
        if f"{n}.tflite" in formats:
            text += f'[[targets.tflite]]\nname = "{NAME}.{n}"\nprecision = "{precision}"\n'
    return text


def true_model(root: Path, formats: Sequence[str] = FORMATS) -> Model:
    """Export the true bundle and approve what its source gives; every artifact has to hold."""
    spec = spec_from_text(spec_text(formats), folder=FOLDER)
    picture = FOLDER / "pictures" / "two_on_a_sofa.png"
    return make_model(spec, FOLDER / f"{NAME}.onnx", [picture], root, tuple(formats))


def one_anchor(e: Editor) -> None:
    """One candidate's box is two pixels off, the others right."""
    value = e.value(BOXES)
    assert value.shape is not None
    off = np.zeros([int(d) for d in value.shape], np.float32)  # type: ignore[arg-type]
    off[0, off.shape[1] // 3] = 2.0
    e.through(BOXES, lambda e, v: e.op("Add", v, off))


def row(factor: int) -> Callable[[Array], Array]:
    """The output with the largest weights, times a factor."""

    def change(w: Array) -> Array:
        sizes = np.abs(w.astype(np.float64)).reshape(len(w), -1).sum(axis=1)
        at = int(sizes.argmax())
        w[at] = w[at] * factor
        return w

    return change


def largest_negated(w: Array) -> Array:
    flat_ = w.reshape(-1)
    at = int(np.abs(flat_.astype(np.int32)).argmax())
    flat_[at] = -flat_[at]
    return w


def neighbours(axis: int = 0) -> Callable[[Array], Array]:
    """Two neighbours along an axis are exchanged, the two that differ most."""

    def change(a: Array) -> Array:
        flat_ = np.moveaxis(a, axis, 0)
        gaps = np.abs(np.diff(flat_.astype(np.float64), axis=0)).reshape(len(flat_) - 1, -1)
        at = int(gaps.max(axis=1).argmax())
        flat_[[at, at + 1]] = flat_[[at + 1, at]]
        return a

    return change


def rolled(axis: int) -> Callable[[Array], Array]:
    return lambda a: np.roll(a, 1, axis)


def entries_swapped(a: Array) -> Array:
    """The second and the last but one entry of a palette, or of the first one of many."""
    table = a.reshape(-1, a.shape[0]) if a.ndim == 1 else a.reshape(-1, a.shape[-2])
    table[0, [1, -2]] = table[0, [-2, 1]]
    return a


def other_index(a: Array) -> Array:
    a.reshape(-1)[7] ^= 0x03
    return a


def more(amount: int) -> Callable[[Array], Array]:
    return lambda a: a + amount


def factor(by: float) -> Callable[[Array], Array]:
    return lambda a: a * by


def doubled_scale(q: Any, _: Any) -> None:
    q.scale = np.asarray(q.scale, np.float32) / 2


def next_zero(q: Any, _: Any) -> None:
    zero = np.zeros(len(q.scale)) if q.zeroPoint is None else np.asarray(q.zeroPoint)
    q.zeroPoint = (zero + 1).astype(np.int64)


def neighbours_scale(q: Any, _: Any) -> None:
    q.scale = neighbours()(np.array(q.scale, np.float32))


def other_axis(q: Any, _: Any) -> None:
    q.quantizedDimension = 3


def faults() -> list[Fault]:
    found: list[Fault] = []

    def add(name: str, stage: Stage, plant: Plant, *kinds: str) -> None:
        places = [f for f in FORMATS if f.partition(".")[0] in kinds]
        assert len(places) == len(kinds), kinds
        found.append(Fault(name, stage, (NAME,), plant, tuple(places)))

    half = through(BOXES, shifted(0.5, 0, 0.5, 0))
    many = ("half", "int8", "palette4", "w8a8", "float16", "whole")
    add("boxes half a pixel to the right", "candidates", half, *many, "int4", "dynamic", "fitted")
    add("one anchor two pixels off", "candidates", graph(one_anchor), *many, "fitted")
    add("boxes half a pixel down", "candidates", through(BOXES, shifted(0, 0.5, 0, 0.5)), "int8")
    add(
        "scores times 0.99",
        "candidates",
        through(SCORES, times(0.99)),
        "palette4",
        "whole",
        "fitted",
    )
    mean = image(mean=128.0)
    add("a mean of 0.5 too many", "raw", mean, "half", "int8", "grouped", "dynamic", "fitted")
    add("1 % gain in one layer", "raw", in_layer("0.5", lambda w: w * 1.01), "half", "float16")
    add("a dead channel", "raw", in_layer("0.5", of_channel(0.0, 3)), "half", "float16")
    # integers, and what they are multiplied by
    q = "quantized_data"
    add("a dead channel", "raw", weight(q, row(0)), "int8", "w8a8")
    add("one weight row negated", "raw", weight(q, row(-1)), "int8", "w8a8")
    add("one weight negated", "raw", weight(q, largest_negated), "int8", "w8a8")
    add("zero point off by one", "raw", weight("zero_point", more(1)), "int8", "w8a8")
    add("scale of a neighbour channel", "raw", weight("scale", neighbours()), "int8", "w8a8")
    add("scales along the wrong axis", "raw", axis_of_scales, "int8")
    add("inputs in another order", "raw", weight(q, rolled(1)), "int8")
    blocks = "constexpr_blockwise"
    wide = lambda s: len(s) > 1 and s[1] >= 64  # noqa: E731
    shift = weight("scale", rolled(1), kind=blocks, fits=wide)
    add("block scales shifted by a block", "raw", shift, "int4")
    add("a dead channel", "raw", weight("data", row(0), kind=blocks), "int4")
    add("one weight row negated", "raw", weight("data", row(-1), kind=blocks), "int4")
    add("scale of a neighbour channel", "raw", weight("scale", neighbours(), kind=blocks), "int4")
    # palettes and masks
    add("two palette entries swapped", "raw", weight("lut", entries_swapped), "palette4", "grouped")
    add("palette entries shifted by one", "raw", weight("lut", rolled(0)), "palette4")
    add("palettes of neighbour groups", "raw", weight("lut", rolled(0), fits=wide), "grouped")
    add("one index wrong", "raw", weight("indices", other_index), "palette4")
    add("largest entry a tenth smaller", "raw", weight("lut", _less), "palette4", "grouped")
    add("mask shifted by one place", "raw", weight("mask", _next_bit), "sparse")
    add("two kept values exchanged", "raw", weight("nonzero_data", neighbours()), "sparse")
    # activations
    add("activation range halved", "contract", activation("scale", factor(0.5)), "w8a8")
    zero = activation("zero_point", _one_on)
    add("activation zero point off by one", "contract", zero, "w8a8")
    back = activation("zero_point", _one_on, both=False)
    add("dequantised with another zero point", "contract", back, "w8a8")
    add("activation scale of a neighbour", "contract", exchanged_activations(), "w8a8")
    # TFLite, where its own numbers lie
    add("a dead channel", "raw", flat_weight(row(0)), "dynamic", "whole", "fitted")
    add("one weight row negated", "raw", flat_weight(row(-1)), "dynamic", "whole", "fitted")
    add("one weight negated", "raw", flat_weight(largest_negated), "whole", "fitted")
    add("zero point of weights off by one", "raw", flat_quant(next_zero), "dynamic", "fitted")
    add("zero point of weights off by one", "load", flat_quant(next_zero), "whole")
    add(
        "scale of a neighbour channel",
        "raw",
        flat_quant(neighbours_scale),
        "dynamic",
        "whole",
        "fitted",
    )
    add("inputs in another order", "raw", flat_weight(rolled(3)), "dynamic", "whole", "fitted")
    add("a bias of another channel", "raw", flat_weight(neighbours(), at=2), "whole", "fitted")
    # either whole number beside a weight is right, but not in any way
    add("weights rounded down", "raw", flat_rounding(down), "fitted")
    add("one output's weights rounded down", "raw", flat_rounding(one_down), "fitted")
    add("weights rounded to the farther number", "raw", flat_rounding(farther), "fitted")
    add("each weight to its other number", "raw", flat_rounding(turned), "fitted")
    add("weights rounded by chance", "raw", flat_rounding(by_chance), "fitted")
    halved = flat_quant(doubled_scale, made=True)
    add("activation range halved", "contract", halved, "whole")
    add("activation zero point off by one", "contract", flat_quant(next_zero, made=True), "whole")
    return found


def down(w: Array, _: Array) -> Array:
    return np.asarray(np.floor(w))


def one_down(w: Array, whole: Array) -> Array:
    at = int(np.abs(w).reshape(len(w), -1).sum(axis=1).argmax())
    whole[at] = np.floor(w[at])
    return whole


def farther(w: Array, _: Array) -> Array:
    low = np.floor(w)
    return np.where(w - low < 0.5, low + 1, low)


def turned(w: Array, whole: Array) -> Array:
    """What was rounded down goes up, and what went up goes down."""
    low = np.floor(w)
    return np.where(whole > low, low, low + 1)


def by_chance(w: Array, _: Array) -> Array:
    return np.asarray(np.floor(w) + np.random.default_rng(0).integers(0, 2, w.shape))


def _less(a: Array) -> Array:
    a.reshape(-1)[np.argmax(a.reshape(-1))] *= np.asarray(0.9, a.dtype)
    return a


def _next_bit(a: Array) -> Array:
    return np.packbits(
        np.roll(np.unpackbits(a.reshape(-1), bitorder="little"), 1), bitorder="little"
    )


def _one_on(a: Array) -> Array:
    return np.where(a < 127, a + 1, a - 1)


def reordered_palette(m: Mutant) -> None:
    """Entries and indices turned around together."""
    weight("lut", lambda a: a[::-1].copy(), kind="constexpr_lut")(m)
    weight("indices", lambda a: 255 - a, kind="constexpr_lut")(m)


def signs_of_both(m: Mutant) -> None:
    """A channel's integers and its scale, both negated."""
    weight("quantized_data", of_channel(-1, 5))(m)
    weight("scale", of_channel(-1, 5))(m)


def author(m: Mutant) -> None:
    edit_coreml(m.path, lambda s: s.description.metadata.__setattr__("author", "somebody"))


def seen_ends(model: Any) -> None:
    """Ranges beside scales, as converters leave them there."""
    for t in model.subgraphs[0].tensors:
        if t.quantization is not None and t.quantization.scale is not None:
            n = len(t.quantization.scale)
            t.quantization.min, t.quantization.max = np.zeros(n, np.float32), np.ones(n, np.float32)


def harmless() -> list[Harmless]:
    as_it_is: Plant = lambda m: m.relower()  # noqa: E731
    again = ("int4.mlpackage", "w8a8.mlpackage", "whole.tflite")
    noise = ("half.mlpackage", "int8.mlpackage", "grouped.mlpackage", "dynamic.tflite")
    one = ("int8.mlpackage",)
    return [
        Harmless("written again", as_it_is, (NAME,), again),
        Harmless("float noise of 1e-6 on the weights", graph(noisy_graph), (NAME,), noise),
        Harmless("a palette in another order", reordered_palette, (NAME,), ("palette4.mlpackage",)),
        Harmless("integers and scale negated", signs_of_both, (NAME,), one),
        Harmless("an author", author, (NAME,), one),
        Harmless("ranges beside the scales", flat(seen_ends), (NAME,), ("whole.tflite",)),
    ]


def try_harmless(change: Harmless, model: Model, format: str, folder: Path) -> Row:
    mutant = Mutant(model, format, folder)
    change.plant(mutant)
    mutant.finish()
    stage, said = stage_of(mutant)
    verdict = "held" if stage == "held" else "alarm"
    return Row(change.name, f"{NAME}.{format}", "held", stage, verdict, said)


def page(rows: Sequence[Row], calm: Sequence[Row]) -> str:
    kinds = len({r.name for r in rows})
    lines = [
        HEAD.format(
            caught=sum(r.ok for r in rows),
            faults=len(rows),
            kinds=kinds,
            held=sum(r.ok for r in calm),
            calm=len(calm),
            seconds=sum(r.seconds for r in (*rows, *calm)),
        ),
        "| fault | artifact | stage | says |",
        "|---|---|---|---|",
        *(f"| {r.name} | {r.artifact} | {_stage(r)} | {_short(r.detail)} |" for r in rows),
        "",
        "## Harmless changes",
        "",
        "| change | artifact | verdict |",
        "|---|---|---|",
        *(f"| {r.name} | {r.artifact} | {r.verdict}{'' if r.seconds else EARLIER} |" for r in calm),
    ]
    return "\n".join(lines) + "\n"


def _stage(r: Row) -> str:
    if not r.ok:
        return f"**{r.found or r.verdict}**, foretold: {r.expected}"
    return r.found if r.seconds else r.found + EARLIER


def on_page(text: str) -> dict[tuple[str, str], Row]:
    """Return the page's rows by fault or change, and artifact; they took no seconds now."""
    found = {}
    for line in text.splitlines():
        name, artifact, *rest = [c.strip() for c in line.strip("|").split("|")] + [""]
        if len(rest) == 3 and artifact.startswith(NAME):
            stage = rest[0].removesuffix(EARLIER)
            row = Row(name, artifact, stage, stage, "caught", rest[1])
            found[name, artifact] = row
        elif len(rest) == 2 and artifact.startswith(NAME):
            verdict = rest[0].removesuffix(EARLIER)
            found[name, artifact] = Row(name, artifact, "held", "held", verdict, "")
    return found


def _short(text: str) -> str:
    return text.replace("|", "/")[:110]


HEAD = """# Planted faults of quantised artifacts

Made by `python -m tools.plant_faults.quantized`. Each fault is planted in one quantised or float16
artifact of the demo's cat faces, the bundle's others left right, and validated against goldens that
its source gave; no spec widens a limit. Weights are changed where they lie in the file: integers,
scales, zero points, palettes, masks. `raw` and `candidates` are found by the program without its
rounding ([validate.md](validate.md)); `contract` by the file's scales and zero points, held to the
ranges that were calibrated. The true artifacts hold.

{caught} of {faults} faults of {kinds} kinds are caught at the stage that was foretold; {held} of
{calm} harmless changes hold. Rows with † were measured at an earlier commit; the others took
{seconds:.0f} s on two busy cores.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those with this in their name")
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--store", type=Path, default=STORE, help="rows that are kept between runs")
    parser.add_argument("--again", action="store_true", help="forget the rows that are kept")
    args = parser.parse_args()
    formats = tuple(args.format or FORMATS)
    if args.again:
        args.store.unlink(missing_ok=True)
    kept = Kept(args.store)
    todo = [
        (f, format, tries)
        for changes, tries in ((faults(), try_fault), (harmless(), try_harmless))
        for f in changes
        for format in f.formats
        if format in formats and args.only in f.name and kept.get(_key(f, format)) is None
    ]
    bad: list[str] = []
    root = Path(tempfile.mkdtemp(prefix="quantized-"))
    try:
        with writable():
            made = tuple(dict.fromkeys(format for _, format, _ in todo))
            model = true_model(root, made) if made else None
            for change, format, tries in todo:
                began = time.perf_counter()
                found = tries(change, model, format, root / "mutant")  # type: ignore[operator]
                found = replace(found, seconds=time.perf_counter() - began)
                said = f"{found.found} {found.detail[:110]}"
                print(f"{found.verdict:12} {found.name}: {format}: {said}", flush=True)
                if found.ok:
                    kept.add(_key(change, format), found)
                else:
                    bad.append(_key(change, format))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    kept = Kept(args.store)
    earlier = on_page(PAGE.read_text("utf-8"))
    wanted, calm = (_rows(x, kept, earlier, bad) for x in (faults(), harmless()))
    whole = sum(len(f.formats) for f in (*faults(), *harmless()))
    print(f"{len(wanted)} faults caught, {len(calm)} harmless hold, of {whole}")
    if len(wanted) + len(calm) == whole:
        PAGE.write_text(page(wanted, calm), "utf-8")
    return int(bool(bad))


def _key(change: Fault | Harmless, format: str) -> str:
    return f"{change.name} in {format}"


def _rows(
    changes: Sequence[Any],
    kept: Kept,
    earlier: Mapping[tuple[str, str], Row],
    bad: Sequence[str],
) -> list[Row]:
    """Return the rows that are there: now, or on the page and not found otherwise now."""
    found = []
    for c in changes:
        for format in c.formats:
            key = _key(c, format)
            row = kept.get(key) or earlier.get((c.name, f"{NAME}.{format}"))
            found += [row] if row is not None and key not in bad else []
    return found


if __name__ == "__main__":
    sys.exit(main())
