"""A sample of the faults in `.aimodel`s; the whole: `python -m tools.plant_faults.aimodel`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.bisection.walk import bisect
from mobilecat.formats.coreai.read.package import missing
from tools.plant_faults.aimodel import FORMAT, PAGE, no_check, planned, tried
from tools.plant_faults.subtle import untried_faults
from tools.plant_faults.workshop import Model, Mutant, make_models, stage_of

SAMPLE = (
    "mean missing",
    "landmarks left and right exchanged",
    "weights in main.mlirb zeroed",
    "output renamed in main.mlirb",
    "another program under the old main.hash",
)


@pytest.fixture(scope="module")
def model(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    if (reason := missing()) is not None:
        pytest.skip(f"NOT_RUN: {reason}")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    (made,) = make_models(shared_data, tmp_path_factory.mktemp("true"), ("mtcnn_onet",), (FORMAT,))
    patch.undo()
    return made


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SAMPLE)
def test_a_fault_fails_at_its_stage(model: Model, tmp_path: Path, name: str) -> None:
    (fault,) = [f for f in planned(model.name) if f.name == name]
    row = tried(fault, model, tmp_path / "mutant")
    assert (row.verdict, row.found) == ("caught", row.expected), row


def test_the_page_has_every_fault() -> None:
    text = PAGE.read_text("utf-8")
    rows = [(f.name, m) for m in ("yunet", "mtcnn_onet", "yolox_nano") for f in planned(m)]
    assert f"{len(rows)} of {len(rows)} faults are caught" in text
    for name, model in rows:
        assert f"| {name} | {model}.aimodel |" in text


@pytest.mark.parametrize("runner", ["coreai", "coreai-apple"])
def test_bisect_names_the_layer_in_both_lanes(model: Model, tmp_path: Path, runner: str) -> None:
    fault = next(f for f in planned(model.name) if f.layer and "zeroed" in f.name)
    mutant = Mutant(model, FORMAT, tmp_path / "mutant")
    with no_check():
        fault.plant(mutant)
    mutant.finish()
    picture = next((model.golden / model.name).glob("*/*.png"))
    found = bisect(mutant.folder, runner, picture, artifact=mutant.file, source=model.source)
    assert found.first is not None
    assert any(f"'{fault.layer}'" in n for n in found.first.nodes)


UNTRIED = ("candidates clipped at 0", "exp cut off at 4", "a top-k of 100", "scores times 0.999")


@pytest.fixture(scope="module")
def detector(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    if (reason := missing()) is not None:
        pytest.skip(f"NOT_RUN: {reason}")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    (made,) = make_models(shared_data, tmp_path_factory.mktemp("yunet"), ("yunet",), (FORMAT,))
    patch.undo()
    return made


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", UNTRIED)
def test_what_no_golden_tries_is_caught_on_made_values(
    detector: Model, tmp_path: Path, name: str
) -> None:
    plant = next(f.plant for f in untried_faults() if f.name == name)
    mutant = Mutant(detector, FORMAT, tmp_path / "mutant")
    with no_check():
        plant(mutant)
    mutant.finish()
    stage, said = stage_of(mutant)
    assert stage == "candidates", said
