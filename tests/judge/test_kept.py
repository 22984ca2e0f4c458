"""Verdicts kept between runs: believed where all they follow from is the same, and only there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.compare.compare import Check
from mobilecat.judge import engines, kept, run
from mobilecat.judge.kept import Verdicts
from mobilecat.judge.report import Report
from mobilecat.lanes import open_lane
from tests.tiny import save_yunet_like, yunet_like_spec

TARGETS = '\n[targets.onnx]\n[targets.tflite]\n[[targets.coreml]]\nformat = "mlpackage"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with float32 and float16 files, and two goldens."""
    home = tmp_path_factory.mktemp("kept")
    save_yunet_like(home / "tiny.onnx")
    text = yunet_like_spec(Path("tiny.onnx")).replace("threshold = 0.5", "threshold = 0.2")
    (home / "mobilecat.toml").write_text(text.split("[targets")[0] + TARGETS)
    mc.export(home / "mobilecat.toml", home / "bundle")
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 255, (64, 96, 3), np.uint8)
        Image.fromarray(pixels).save(home / f"{seed}.png")
        mc.golden.record(home / "bundle", home / "golden", home / f"{seed}.png")
    mc.golden.approve(home / "bundle", home / "golden", every=True, by="test")
    return home


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MOBILECAT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kept, "_WORTH", 0.0)  # so small a network is judged in no time
    return tmp_path / "mobilecat" / "judged"


def validated(
    home: Path, monkeypatch: pytest.MonkeyPatch, **options: object
) -> tuple[Report, list]:
    """Validate; return the report, and the names of what was judged anew."""
    anew: list[str] = []

    def counted(where: object, name: str) -> None:
        real: Callable[..., object] = getattr(where, name)
        monkeypatch.setattr(where, name, lambda *a, **k: (anew.append(name), real(*a, **k))[1])

    with monkeypatch.context() as monkeypatch:
        for where, name in ((engines, "_judge_lane"), (engines, "_judge_unrounded"),
                            (engines, "try_made"), (run, "check_written")):  # fmt: skip
            counted(where, name)
        options.setdefault("opener", open_lane)
        report = run.validate(home / "bundle", home / "golden", write_pending=False, **options)
    return report, anew


def test_a_second_run_says_the_same_and_judges_nothing_anew(
    made: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, judged = validated(made, monkeypatch)
    assert first.held
    assert not first.empty
    assert set(judged) == {"_judge_lane", "_judge_unrounded", "try_made", "check_written"}
    second, judged = validated(made, monkeypatch)
    assert judged == []
    assert second.results == first.results


def test_off_in_the_environment_keeps_nothing(
    made: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILECAT_CACHE", "off")
    _, judged = validated(made, monkeypatch)
    assert judged and not cache.exists()
    assert validated(made, monkeypatch)[1] == judged


def test_another_value_is_judged_anew_and_fails(
    made: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated(made, monkeypatch)

    def opener(folder: Path, bundle: object, lane: object, source: Path | None) -> object:
        runner = open_lane(folder, bundle, lane, source)
        if lane.name.startswith("onnx:"):
            infer = runner.infer

            def shifted(inputs: object, taps: object = ()) -> dict[str, np.ndarray]:
                found = infer(inputs, taps)
                return {**found, "boxes": found["boxes"] + np.float32(3) * (found["boxes"] != 0)}

            runner.infer = shifted
        return runner

    opener.opener = open_lane
    report, judged = validated(made, monkeypatch, opener=opener)
    wrong = {r.lane for r in report.failed}
    assert wrong == {"onnx:tiny.onnx"} and judged.count("_judge_lane") == 2


def test_another_file_is_judged_anew(
    made: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract stays, the bytes do not: what is kept of the old file says nothing of it."""
    path = cache.parent / "file"
    path.parent.mkdir(parents=True, exist_ok=True)
    held = [Check("contract", "a", "PASS", 0.5, 1.0, "said")]
    for data in (b"one", b"two"):
        path.write_bytes(data)
        asked: list[bytes] = []
        for _ in range(2):
            verdicts = Verdicts(open_bundle(made / "bundle"))
            make = partial(_told, asked, data, held)
            assert verdicts.checks(make, "x", path) == held
        assert asked == [data]


def _told(asked: list[bytes], data: bytes, checks: list[Check]) -> list[Check]:
    asked.append(data)
    return checks


@pytest.mark.parametrize("verdict", ["FAIL", "NOT_RUN"])
def test_what_did_not_hold_is_tried_again(made: Path, cache: Path, verdict: str) -> None:
    verdicts = Verdicts(open_bundle(made / "bundle"))
    asked: list[int] = []
    checks = [Check("contract", "a", "PASS"), Check("contract", "b", verdict)]
    for _ in range(2):
        assert verdicts.checks(lambda: (asked.append(1), checks)[1], "x") == checks
    assert asked == [1, 1]


def test_code_contract_and_damage_make_it_anew(
    made: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = open_bundle(made / "bundle")
    asked: list[int] = []

    def ask(bundle: object = bundle) -> int:
        Verdicts(bundle).checks(lambda: (asked.append(1), [Check("raw", "a", "PASS")])[1], "x")
        return len(asked)

    assert (ask(), ask()) == (1, 1)
    spec = bundle.spec.model_copy(update={"labels": ("dog",)})
    assert ask(bundle.model_copy(update={"spec": spec})) == 2
    monkeypatch.setattr(kept, "_origin", lambda: "other code")
    assert (ask(), ask()) == (3, 3)
    for path in cache.glob("*.json"):
        path.write_text(path.read_text().replace("PASS", "FAIL"))
    assert ask() == 4


def test_values_decide_which_verdict_is_believed(made: Path, cache: Path) -> None:
    verdicts = Verdicts(open_bundle(made / "bundle"))
    right = [Check("raw", "a", "PASS", 0.0)]
    wrong = [replace(right[0], verdict="FAIL", value=2.0)]
    assert verdicts.judged(lambda: right, lambda: "values", 1, "lane") == right
    assert verdicts.judged(lambda: wrong, lambda: "values", 1, "lane") == right
    assert verdicts.judged(lambda: wrong, lambda: "others", 1, "lane") == wrong
    assert verdicts.judged(lambda: wrong, lambda: "values", 1, "lane") == right
