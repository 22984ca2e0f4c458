"""What is kept between runs: believed only where it follows from the same things, and whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import open_bundle
from mobilecat.lanes import lanes_of
from mobilecat.measure import kept
from mobilecat.measure.evaluate import Evaluation, evaluate
from mobilecat.measure.evaluate.kept import Result, Store, open_stores
from mobilecat.pictures.detections import Detections
from tests.measure.evaluate import fake

ROOT = Path(__file__).resolve().parents[3]


def run(place: Path, given: fake.Lanes, **more: object) -> Evaluation:
    return evaluate(
        place / "made" / "bundle",
        place / "data",
        opener=given.open,  # type: ignore[arg-type]
        cache=place / "cache",
        threads=1,
        **more,  # type: ignore[arg-type]
    )


def counts(report: Evaluation) -> dict[str, tuple[int, int]]:
    return {r.lane.runner: (r.inferred, r.kept) for r in report.lanes}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    fake.bundle(tmp_path)
    fake.data(tmp_path / "data")
    return tmp_path


def test_the_second_run_infers_nothing_and_loads_nothing(place: Path) -> None:
    first = run(place, fake.lanes())
    assert counts(first) == dict.fromkeys(("source", "onnx", "tflite"), (3, 0))
    given = fake.lanes()
    second = run(place, given)
    assert counts(second) == dict.fromkeys(("source", "onnx", "tflite"), (0, 3))
    assert given.calls == given.opened == []
    assert [r.scores for r in second.lanes] == [r.scores for r in first.lanes]
    assert [r.engine for r in second.lanes] == ["a fake"] * 3


def test_another_picture_alone_runs_again(place: Path) -> None:
    run(place, fake.lanes())
    picture = place / "data" / "20.png"
    picture.write_bytes((place / "data" / "10.png").read_bytes())  # now the bytes of another
    given = fake.lanes()
    report = run(place, given)
    assert given.calls == []  # which are known
    scores = report.lanes[0].scores
    assert scores is not None and scores.found == 2  # twice what 10.png gives: the dog is missed
    picture.write_bytes(picture.read_bytes() + b" ")
    again = fake.lanes()
    run(place, again)
    assert [red for _, red in again.calls] == [10, 10, 10]


def test_fresh_believes_nothing(place: Path) -> None:
    run(place, fake.lanes())
    assert counts(run(place, fake.lanes(), fresh=True))["onnx"] == (3, 0)


@pytest.mark.parametrize("damage", ["{", "{}", '{"scores": [1]}', "", "[]", "null"])
def test_a_damaged_file_is_not_believed(place: Path, damage: str) -> None:
    run(place, fake.lanes())
    file = next(place.glob("cache/*/*.json"))
    file.write_text(damage)
    assert sum(r.inferred for r in run(place, fake.lanes()).lanes) == 1
    assert json.loads(file.read_text())["engine"] == "a fake"


def key(place: Path, runner: str = "onnx") -> str:
    made = open_bundle(place / "made" / "bundle", verify=False)
    lane = next(x for x in lanes_of(made) if x.runner == runner)
    return open_stores(made, [lane], place / "cache")[lane.name].folder.name


CHANGES = {
    "the artifact": lambda b: b["artifacts"][0].update(sha256="2" * 64),
    "NMS": lambda b: b["spec"]["nms"].update(score_threshold=0.2),
    "reading": lambda b: b["spec"]["input"].update(resize="letterbox-topleft"),
    "decoding": lambda b: b["spec"]["head"].update(version="2022"),
    "the source": lambda b: b["source"].update(sha256="3" * 64),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_detections_follow_from_is_in_the_key(place: Path, what: str) -> None:
    before = key(place)
    file = place / "made" / "bundle" / "bundle.json"
    value = json.loads(file.read_text())
    CHANGES[what](value)
    file.write_text(json.dumps(value))
    assert key(place) != before


def test_runners_and_code_are_in_the_key(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(place)
    assert key(place, "source") != before == key(place)
    with monkeypatch.context() as m:
        m.setattr(kept, "code_sha256", lambda without: "another")
        assert key(place) != before
    monkeypatch.setattr(kept, "version_of", lambda package: "another")
    assert key(place) != before


def test_names_and_places_are_not_in_the_key(place: Path) -> None:
    before = key(place)
    file = place / "made" / "bundle" / "bundle.json"
    value = json.loads(file.read_text())
    value["source"]["path"] = "/elsewhere/s.onnx"
    value["spec"]["labels"] = ["kitten", "puppy"]
    file.write_text(json.dumps(value))
    assert key(place) == before


@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("points", [None, 2])
def test_kept_to_the_last_bit(tmp_path: Path, rows: int, points: int | None) -> None:
    rng = np.random.default_rng(rows)
    marks = rng.normal(0, 99, (rows, points or 0, 2)).astype("f4").astype("f8")
    carried = {} if points is None else {"landmarks": marks}
    given = Result(
        Detections(rng.uniform(0, 1e3, (rows, 4)) / 3, rng.random(rows), np.arange(rows), carried),
        "an engine",
    )
    store = Store(tmp_path / "lane")
    assert store.get("a") is None
    store.put("a", given)
    back = store.get("a")
    assert back is not None and back.engine == "an engine"
    for name in ("boxes_xyxy", "scores", "class_ids", "landmarks_xy"):
        a, b = getattr(given.found, name), getattr(back.found, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape and a.tobytes() == b.tobytes()


def test_a_cache_that_cannot_be_written_is_said(place: Path) -> None:
    (place / "cache").write_text("a file")
    report = run(place, fake.lanes())
    assert report.lanes[0].scores is not None
    assert any("cannot be written" in n for n in report.notes)


SLOW = """
import sys, time
from pathlib import Path
from tests.measure.evaluate import fake
from mobilecat.measure.evaluate import evaluate

place = Path(sys.argv[1])
given = fake.lanes()
infer = fake.Engine.infer
def slowly(self, inputs, taps=()):
    time.sleep(0.5)
    with (place / "inferred.txt").open("a") as f:
        f.write(self.lane.name + "\\n")
    return infer(self, inputs, taps)
fake.Engine.infer = slowly
evaluate(place / "made" / "bundle", place / "data", opener=given.open, cache=place / "cache",
         threads=2)
"""


def test_a_killed_run_goes_on_where_it_was(place: Path) -> None:
    script = place / "slow.py"
    script.write_text(SLOW)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen([sys.executable, str(script), str(place)], env=env, cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while len(list(place.glob("cache/*/*.json"))) < 3 and child.poll() is None:
            assert time.monotonic() < until, "nothing was kept in a minute"
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert child.returncode == -signal.SIGKILL, "it had finished before it could be killed"
    there = len(list(place.glob("cache/*/[!.]*.json")))
    before = len((place / "inferred.txt").read_text().splitlines())
    assert 3 <= there < 9
    assert before - there <= 2  # two threads were at work: at most their two are lost
    given = fake.lanes()
    report = run(place, given)
    assert sum(r.kept for r in report.lanes) == there
    assert len(given.calls) == 9 - there
    whole = evaluate(
        place / "made" / "bundle", place / "data", opener=fake.lanes().open,  # type: ignore[arg-type]
        cache=place / "other",
    )  # fmt: skip
    assert [r.scores for r in report.lanes] == [r.scores for r in whole.lanes]
