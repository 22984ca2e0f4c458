"""What is not settled stands below the verdict, not only among the notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.cli.steps import photos_here, with_a_bundle
from mobilecat.report.html_evaluation import _doubtful
from tests.judge.fake import Workshop, edit_bundle
from tests.report.pages import page


def test_the_page_of_a_validation_names_marked_keys(shop: Workshop) -> None:
    assert "Not settled" not in page(shop).read_text("utf-8")
    marks = [{"key": "input.color", "what": "the file does not say", "other": "BGR"}]
    edit_bundle(shop.bundle, lambda told: told.update(unchecked=marks))
    above = page(shop).read_text("utf-8").partition("<main")[0]
    assert "Not settled: input.color.</strong>" in above


@pytest.mark.parametrize("said", ["wrong", "leaning", "open"])
def test_the_page_of_an_evaluation_names_what_labels_do_not_bear_out(said: str) -> None:
    told = {"preprocessing": {"verdicts": {"input.range": said, "input.color": "right"}}}
    ((key, what),) = _doubtful(told)
    assert key == "input.range" and "label" in what
    assert _doubtful({"preprocessing": None}) == []


@pytest.mark.parametrize("gain, better", [(0.12, "letterbox"), (-0.12, "stretch"), (0.01, None)])
def test_a_fit_that_pictures_settle_without_labels_is_told_by_them(
    gain: float, better: str | None
) -> None:
    """The spec stretches; a gain above 0 is of the letterbox."""
    by = {"pictures": 6, "overlap_gain": gain, "speaks_for": better}
    told = {"preprocessing": {"verdicts": {"input.resize": "open"}, "fit_by_cut_outs": by}}
    said = dict(_doubtful(told))
    if better == "letterbox":
        assert "looks wrong: 6 wide or high pictures speak for" in said["input.resize"]
    else:
        assert ("input.resize" in said) == (better is None)


def test_evaluate_comes_next_where_labels_lie_beside_the_pictures(tmp_path: Path) -> None:
    bundle, photos = tmp_path / "bundle", f"{tmp_path}/"
    before = [*with_a_bundle(bundle, photos=photos)]
    (tmp_path / "labels.json").write_text("{}", encoding="utf-8")
    evaluate, *more = [x for x in with_a_bundle(bundle, photos=photos) if x not in before]
    assert evaluate.startswith(f"mobilecat evaluate {bundle} --data {photos}") and not more


def test_other_pictures_come_next_than_those_of_the_calibration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("calib", "photos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").touch()
    assert photos_here(Path("photos")) == "calib/"
    assert photos_here(Path("calib")) == "photos/" == photos_here()
    (tmp_path / "calib" / "a.jpg").unlink()
    assert photos_here(Path("photos")) == "other_photos/"
    lines = [*with_a_bundle(Path("bundle"), photos="b/", calibrated=Path("photos"))]
    (said,) = [x for x in lines if "calibrated on" in x]
    assert said.startswith("(take other pictures than photos:")
    assert not any("calibrated on" in x for x in with_a_bundle(Path("bundle"), photos="b/"))
