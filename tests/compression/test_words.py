"""What a compression says of files that are small and slow, and of holding them to the budget."""

from __future__ import annotations

import io
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mobilecat.cli.styled import show_styled
from mobilecat.cli.terminal import terminal
from mobilecat.compression.result import Compressed, Row
from mobilecat.compression.spec_file import Held
from mobilecat.compression.whole import _open_checks
from mobilecat.formats.coreml.target import CoreMLTarget
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.shown import Line, Table
from mobilecat.spec.checks import open_checks


def row(
    recipe: str, kb: int, time: float | None, *, fits: bool = True, chosen: bool = False
) -> Row:
    keys = {"precision": recipe}
    return Row("cats.tflite", recipe, keys, kb * 1000, "", kb / 8500, 0.1, 0.1, None, None, time,
               fits, False, chosen)  # fmt: skip


def found_of(*rows: Row, measure: str = "mAP", held: Held | None = None) -> Compressed:
    return Compressed(Path("mobilecat.toml"), measure, 0.5, "size", 44, 0, 44, 0.1, rows, (), {},
                       1, 1.0, (), True, "--- a", kept=Path("m.toml.before-compress"),
                       held={} if held is None else {"cats.tflite": held})  # fmt: skip


def said(*rows: Row, measure: str = "mAP", held: Held | None = None) -> list[str]:
    found = found_of(*rows, measure=measure, held=held)
    return [line.text for line in found.words() if hasattr(line, "text")]


def test_what_is_named_in_place_of_a_slow_file_is_small_and_quick() -> None:
    """By size int8-weights is first by 6 kB, and in each measurement the slower one."""
    for whole, weights in ((0.63, 0.79), (0.35, 1.83), (1.20, 1.41)):
        rows = [row("int8-dynamic", 2300, 9.31, chosen=True), row("int8", 2400, whole)]
        rows += [row("int8-weights", 2394, weights), row("float32", 8500, None)]
        (told,) = [line for line in said(*rows) if "times as long" in line]
        assert "int8 fits too" in told and 'precision = "int8"' in told
    rows = [row("int8-dynamic", 2300, 1.65, chosen=True), row("float16", 4300, 0.95)]
    rows += [row("int8-weights", 2400, 0.97), row("int8", 2400, 0.2, fits=False)]
    (told,) = [line for line in said(*rows) if "times as long" in line]
    assert "int8-weights fits too" in told
    assert not [line for line in said(row("int8", 2400, 1.2, chosen=True)) if "as long" in line]


def test_a_files_name_stands_once_and_no_recipe_is_broken_in_80_columns() -> None:
    out = io.StringIO()
    rows = [row(r, 2400, 0.6) for r in ("int8-weights", "int8-dynamic")]
    more = [replace(r, file="a_long_name_of_cats.mlpackage", held_loss=0.1, held_spread=0.2)
            for r in (*rows, row("palette4 of 16 channels", 900, None, chosen=True))]  # fmt: skip
    tables = [x for x in found_of(*rows, *more).words() if isinstance(x, Table | Line)][:4]
    show_styled(tables, terminal(width=80, file=out))
    shown = [line.strip() for line in out.getvalue().splitlines()]
    assert max(map(len, shown)) <= 80
    assert [x for x in shown if "." in x and " " not in x] == ["cats.tflite", more[0].file]
    for name in ("int8-weights", "int8-dynamic"):
        assert len([x for x in shown if x.startswith(f"{name} ")]) == 2


def test_the_lines_that_hold_a_file_to_the_budget_are_toml() -> None:
    lines = said(row("int8", 2400, 0.6, chosen=True))
    at = next(i for i, line in enumerate(lines) if "hold it to that" in line)
    spec = tomllib.loads("\n".join(lines[at + 1 : at + 3]))
    assert spec == {"tolerances": {"cats.tflite": {"map_loss": 0.5}}}
    landmarks = said(row("int8", 2400, 0.6, chosen=True), measure="NME")
    assert not [x for x in landmarks if "hold it" in x]


def test_a_table_that_is_there_is_not_to_be_written_again() -> None:
    """A second [tolerances."cats.tflite"] would be no TOML."""
    there = said(row("int8", 2400, 0.6, chosen=True), held=Held(None, 12))
    at = next(i for i, line in enumerate(there) if "hold it to that" in line)
    assert there[at + 1].startswith("  map_loss = 0.5 ") and "below line 12" in there[at + 1]
    inline = said(row("int8", 2400, 0.6, chosen=True), held=Held(None, 12, header=False))
    assert any("map_loss = 0.5" in line and "on line 12" in line for line in inline)
    for lines in (there, inline):
        assert not [x for x in lines if x.strip().startswith("[")]


def test_a_loss_that_is_held_already_is_said_to_be() -> None:
    (held,) = [
        x for x in said(row("int8", 2400, 0.6, chosen=True), held=Held(0.5, 13)) if "map_loss" in x
    ]
    assert "line 13" in held and "already" in held
    (wide,) = [
        x for x in said(row("int8", 2400, 0.6, chosen=True), held=Held(2, 13)) if "map_loss" in x
    ]
    assert "map_loss = 2 already, more than the budget: write 0.5 there" in wide


def test_where_the_spec_lies_as_it_was() -> None:
    (told,) = [x for x in said(row("int8", 2400, 0.6, chosen=True)) if "take it back" in x]
    assert told.endswith("mv m.toml.before-compress mobilecat.toml")
    assert "tolerances, goes too" in told and "removes" not in told
    found = replace(found_of(row("int8", 2400, 0.6, chosen=True)),
                    kept=Path("m y.toml.before-compress.2"), spec=Path("m y.toml"))  # fmt: skip
    (told,) = [str(x) for x in found.words() if "take it back" in str(x)]
    assert "rm 'm y.toml.before-compress'* removes all" in told


def test_a_loss_that_passes_the_budget_with_its_spread_is_said_with_what_does_not() -> None:
    """A newcomer's: 0.27 ± 0.70 is no more than 0.5, and may be 0.97."""
    chosen = replace(row("int8-dynamic", 2300, 1.0, chosen=True), loss=0.27, spread=0.70)
    near = replace(row("int8-weights", 2396, 1.0), loss=-0.4, spread=0.5)
    wide = replace(row("int8", 2390, 1.0), loss=0.01, spread=0.5)
    words = found_of(chosen, near, wide, row("float32", 8500, None)).words()
    (told,) = [x for x in words if isinstance(x, Line) and "may be" in x.text]
    assert told.style == "yellow"
    assert "its loss may be 0.97" in told.text and "with 44 pictures" in told.text
    assert told.text.endswith('is int8-weights: 2.396 MB, write precision = "int8-weights"')
    sure = replace(chosen, loss=0.27, spread=0.23)
    assert not [x for x in said(sure, near) if "may be" in x]
    assert not [x for x in said(chosen, wide) if "may be" in x], "none that would do better"


def test_a_gain_that_may_be_chance_is_told_as_what_it_may_lose() -> None:
    """-0.71 ± 0.75: a gain counts as no loss, so that it may lose 0.75, and not 0.04."""
    chosen = replace(row("palette6", 1763, None, chosen=True), loss=-0.71, spread=0.75)
    chosen = replace(chosen, keys={"weights": "palette6"})
    floats = replace(row("float16", 4411, None), loss=0.0, spread=0.0, keys={})
    (told,) = [x for x in said(chosen, floats) if "may be" in x]
    assert "what it gains may be chance, and its loss may be 0.75" in told
    assert told.endswith("is float16: 4.411 MB, leave out weights")


def test_what_the_model_itself_gives_stands_first() -> None:
    found = replace(found_of(row("float32", 8500, None)), own=68.2)
    first = next(iter(found.words()))
    assert str(first) == "the model itself: mAP 68.20 on 44 pictures"
    assert found.to_json()["source"] == 68.2


def test_keys_that_nobody_checked_are_said_before_and_after() -> None:
    spec: Any = SimpleNamespace(checks=open_checks("[input]\n# CHECK: which?\nresize = 1\n", "m"))
    (told,) = _open_checks(spec, Path("l"))
    assert told.startswith("still marked # CHECK: input.resize. Where one")
    assert _open_checks(SimpleNamespace(checks=()), Path("l")) == []  # type: ignore[arg-type]


def of_coreml(recipe: str, kb: int, needs: str, *, chosen: bool = False) -> Row:
    return Row("cats.mlpackage", recipe, {}, kb * 1000, "", kb / 8600, 0.1, 0.1, None, None, 1.0,
               True, False, chosen, needs=needs)  # fmt: skip


COREML = (
    of_coreml("float32", 8600, "iOS15"),
    of_coreml("float16", 4400, "iOS15"),
    of_coreml("int8", 2300, "iOS16"),
    of_coreml("palette6", 1763, "iOS16"),
)


def test_a_choice_that_needs_a_newer_system_says_so_and_what_is_best_for_an_older_one() -> None:
    lines = said(*COREML, of_coreml("int4", 1300, "iOS18", chosen=True))
    (told,) = [x for x in lines if "as floats" in x]
    assert "needs iOS 18 (as floats: iOS 15)" in told
    assert "the best for iOS 16 is palette6, 1.763 MB" in told
    assert 'deployment_target = "iOS16" into [targets.coreml]' in told
    assert not [x for x in said(of_coreml("float16", 4400, "iOS15", chosen=True)) if "needs" in x]


def test_the_table_says_what_each_recipe_needs_where_floats_need_less() -> None:
    table = next(x for x in found_of(*COREML).words() if isinstance(x, Table))
    at = [c.title for c in table.columns].index("needs")
    assert [cells[at] for cells in table.rows] == ["", "", "iOS 16", "iOS 16"]
    same = next(x for x in found_of(*COREML[:2]).words() if isinstance(x, Table))
    assert "needs" not in [c.title for c in same.columns]


def test_what_a_target_needs_is_what_its_export_says() -> None:
    """The systems are Apple's: int8 weights iOS 16, int4 and palettes of some channels iOS 18."""
    given: list[tuple[dict[str, Any], str]] = [
        ({}, "iOS15"),
        ({"weights": "int8"}, "iOS16"),
        ({"weights": "palette6"}, "iOS16"),
        ({"weights": "palette4", "block": 16}, "iOS18"),
        ({"weights": "int8", "layers": ({"nodes": ("a",), "weights": "int4"},)}, "iOS18"),
        ({"activations": "int8"}, "iOS17"),
        ({"weights": "int8", "deployment_target": "iOS17"}, "iOS17"),
    ]
    assert [CoreMLTarget.model_validate(keys).system for keys, _ in given] == [s for _, s in given]
    assert TfliteTarget().system == ""
