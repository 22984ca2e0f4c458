"""Which candidates a search takes and announces; what a stopped fresh run goes on as."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mobilecat.cli.compress import _points, _stopped
from mobilecat.compression.kept import Kept
from mobilecat.compression.measured import Loss, Made, in_turns
from mobilecat.compression.pace import Pace
from mobilecat.compression.plot import chart_of
from mobilecat.compression.recipes import ladder_of
from mobilecat.compression.result import Compressed, Row
from mobilecat.compression.search import Search
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.spec import load_spec
from tests.compression.test_words import row

BYTES = {"float32": 100, "float16": 50, "int8-weights": 30, "int8-dynamic": 29, "int8": 30,
         "int16x8": 31}  # fmt: skip


class FakeBench:
    """lost: points that each precision loses. seconds: of a run, `noise` what is added to each."""

    seconds: Mapping[str, float] = {}
    first: Mapping[str, float] = {}

    def __init__(self, **lost: float) -> None:
        self.lost = {k.replace("_", "-"): v for k, v in lost.items()}
        self.asked: list[str] = []

    def made(self, target: Any, *_: object) -> Made:
        self.asked.append(target.precision)
        points = self.lost.get(target.precision, 0.0)
        time = self.first.get(target.precision)
        return Made(bytes=BYTES[target.precision], loss=Loss(points, 0.1), time=time)

    def rounds(self, targets: Any, reference: Any, _: object) -> Any:
        """A clock of its own: every seventh run takes twice as long, whichever it is."""
        if not self.seconds:
            return None
        now, calls = 0.0, 0

        def run(of: str) -> None:
            nonlocal now, calls
            calls += 1
            now += 0.01 * self.seconds[of] * (2 if calls % 7 == 0 else 1)

        runs = [partial(run, t.precision) for t in (reference, *targets)]
        return in_turns(runs, lambda: now)


def searched(bench: FakeBench, target: TfliteTarget) -> tuple[Search, list[str]]:
    said: list[str] = []
    pace = Pace(0, said.append)
    ladder = ladder_of(target)
    nothing: Any = None
    assert ladder is not None
    search = Search(
        target, "cats.tflite", ladder, bench, nothing, nothing, 0.5, "size", True, pace  # type: ignore[arg-type]
    )  # fmt: skip
    pace.steps = search.steps
    search.run()
    return search, said


def test_what_cannot_win_is_neither_measured_nor_announced() -> None:
    bench = FakeBench()
    search, said = searched(bench, TfliteTarget())
    assert bench.asked == ["float32", "float16", "int8-weights", "int8-dynamic", "int8"]
    assert {line.partition(":")[0] for line in said} == {
        f"step {k} of about 5" for k in range(1, 6)
    }
    (told,) = [n for n in search.notes if "int16x8" in n]
    assert "is not tried: int8-dynamic fits and is smaller" in told


SECONDS = {"float32": 1.0, "int8": 0.7, "int8-weights": 1.0, "int8-dynamic": 2.4}


@pytest.mark.parametrize(
    "first",
    [
        {"int8": 0.7, "int8-weights": 1.0, "int8-dynamic": 2.4, "float16": 1.0},
        {"int8": 1.31, "int8-weights": 0.7, "int8-dynamic": 2.4, "float16": 1.0},
        {"int8": 0.7, "int8-weights": 0.52, "int8-dynamic": 1.0, "float16": 1.0},
    ],
)
def test_noise_of_the_first_timing_does_not_choose(first: Mapping[str, float]) -> None:
    """The first is the usual one; by the others, a newcomer's, int8-weights would be taken."""
    bench = FakeBench(int8=0.3)
    bench.first, bench.seconds = first, SECONDS
    search, _ = searched(bench, TfliteTarget())
    best = search.best()
    assert best is not None and best.recipe.label == "int8"
    assert best.made.time == pytest.approx(0.7, rel=0.01)
    said = (
        "timed in turns it took 0.70 to 0.70 of the time of int8-weights, faster in 5 of 5 rounds"
    )
    assert search.decided == said


@pytest.mark.parametrize("own", ["int8", "int8-weights"])
@pytest.mark.parametrize("quick", ["int8", "int8-weights"])
def test_of_files_as_quick_the_specs_own_is_kept(own: str, quick: str) -> None:
    bench = FakeBench(int8=0.3)
    bench.first = {"int8": 0.5, "int8-weights": 1.0} if quick == "int8" else {"int8-weights": 0.5}
    bench.seconds = {**SECONDS, "int8-weights": 0.75}
    search, _ = searched(bench, TfliteTarget(precision=own))
    best = search.best()
    assert best is not None and best.target.precision == own
    assert search.decided == "sizes and times are alike, and the spec has it already"


def test_of_files_as_quick_of_which_the_spec_has_none_that_is_taken_which_loses_least() -> None:
    bench = FakeBench(int8=0.3)
    bench.first = {"int8": 0.5, "int8-weights": 1.0}
    bench.seconds = {**SECONDS, "int8-weights": 0.75}
    search, _ = searched(bench, TfliteTarget())
    best = search.best()
    assert best is not None and best.recipe.label == "int8-weights"
    assert search.decided == "sizes and times are alike in 5 rounds in turns: it loses least"


def test_what_may_win_is_measured() -> None:
    bench = FakeBench(int8=3, int8_weights=3, int8_dynamic=3)
    with pytest.raises(TypeError):  # mixtures come next, which this bench has no layers for
        searched(bench, TfliteTarget())
    assert bench.asked[-1] == "int16x8"


def test_what_the_spec_says_is_always_measured() -> None:
    bench = FakeBench()
    _, said = searched(bench, TfliteTarget(precision="int16x8"))
    assert bench.asked[-1] == "int16x8" and "of about 6" in said[0]


def test_a_fresh_run_that_was_stopped_goes_on_as_fresh(tmp_path: Path) -> None:
    says = {"of": "spec and pictures"}

    def kept(key: str, of: str = "a", fresh: bool = False) -> Any:
        return Kept(tmp_path, fresh, of).get("layers", {**says, "key": key})

    old = Kept(tmp_path, of="a")
    for key in ("one", "two"):
        old.put("layers", {**says, "key": key}, key)
    for file in (tmp_path / "layers").iterdir():
        os.utime(file, (1e9, 1e9))  # long ago
    assert kept("one") == "one"
    begun = Kept(tmp_path, True, "a")
    assert begun.get("layers", {**says, "key": "one"}) is None
    begun.put("layers", {**says, "key": "one"}, "anew")
    # It is stopped; the same work without --fresh believes what it wrote, and nothing older.
    assert kept("one") == "anew" and kept("two") is None
    assert kept("two", of="another spec") == "two"
    Kept(tmp_path, of="a").finished()
    assert kept("two") == "two"
    assert "without --fresh goes on there" in _stopped(Path("s.toml"), None, True)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("0,5", "--budget 0.5"),
        (",25", "--budget .25"),
        ("half", "--budget 0.5"),
        ("1%", "--budget 1,"),
        ("2,5 %", "--budget 2.5"),
    ],
)
def test_a_budget_that_is_no_number_is_told_how_to_write_it(text: str, fix: str) -> None:
    with pytest.raises(MobileCatError) as e:
        _points(text)
    assert fix in str(e.value)
    assert _points("0.25") == 0.25


def chart_texts(rows: tuple[Row, ...]) -> list[str]:
    found = Compressed(Path("mobilecat.toml"), "mAP", 0.5, "size", 44, 0, 44, 0.1, rows, (), {},
                       1, 1.0, (), True, "", "cats")  # fmt: skip
    chart = chart_of(found)
    assert chart.title.startswith("cats: mAP lost over size")
    assert "<text class=" not in chart.svg(560) and 'viewBox="0 0 560' in chart.svg(560)
    return [m.note for m in chart.marks if getattr(m, "note", "")]


def test_a_dot_has_its_recipes_name_where_it_covers_no_other() -> None:
    best = row("mixed: 6 float, 26 int8", 1400, None, chosen=True)
    near = row("int4", 1410, None)  # of the same loss: one name would lie on the other
    assert chart_texts((row("float32", 8500, None), near, best)) == ["mixed", "float32"]


def test_a_page_is_not_written_into_a_picture(tmp_path: Path) -> None:
    with pytest.raises(MobileCatError, match="cannot be written") as e:
        require_outputs({"--html": tmp_path / "out.png"})
    assert f"--html {tmp_path / 'out.html'}" in str(e.value)
    require_outputs({"--html": tmp_path / "out.html", "--plot": tmp_path / "out.svg"})


def test_a_model_or_nothing_in_the_place_of_a_spec_is_told_what_makes_one(tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    model.write_bytes(bytes([0x8, 0x9, 0xFF, 0xFE]))
    with pytest.raises(MobileCatError) as e:
        load_spec(model)
    assert f"mobilecat init {model} makes one" in str(e.value)
    with pytest.raises(MobileCatError) as e:
        load_spec(tmp_path / "mobilecat.toml")
    assert "or make one from a model: mobilecat init MODEL" in str(e.value)
