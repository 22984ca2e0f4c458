"""A quick sample of what tools/diagnose_figures.py and diagnose_pictures.py measure and write."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mobilecat.diagnosis import BUGS
from mobilecat.diagnosis.fixes import FIXES

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import diagnose_figures  # noqa: E402
import diagnose_pictures  # noqa: E402


def test_each_class_of_trials_names_most_of_its_bugs() -> None:
    for seed, (name, sets, make) in enumerate(diagnose_figures.CLASSES):
        picked = list(sets())[:: max(1, len(sets()) // 5)]
        score = diagnose_figures.trial(name, picked, 100 + seed, make)
        assert score.wrong.total() <= 1, (name, score.wrong)
        assert score.first + score.alike_only >= score.total - 2, name


def test_the_page_has_a_row_and_four_fixes_for_every_bug() -> None:
    page = (ROOT / "docs" / "diagnose.md").read_text("utf-8")
    assert set(FIXES) == {b.id for b in BUGS}
    for b in BUGS:
        assert all(FIXES[b.id]), b.id
    assert diagnose_figures.table() in page


def test_planted_faults_are_what_they_are_called() -> None:
    kinds = {k.name: k for k in diagnose_pictures.KINDS}
    assert len(kinds) == 26
    a = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    turned = kinds["turned by 90° (needs .right)"].plant(a)
    assert turned.shape == (6, 4, 3) and (np.rot90(turned, -1) == a).all()  # clockwise undoes it
    flat = kinds["planar, read pixel by pixel"].plant(a).reshape(-1)
    assert (flat[:24] == a[..., 0].reshape(-1)).all()
    assert (kinds["four bytes a pixel, read as three"].plant(a).reshape(-1)[3::4] == 255).all()
    longer = kinds["rows 16 bytes longer"].plant(a).reshape(-1, 3)
    assert (longer[10:16] == a[1]).all()  # the second row begins ten pixels on


def test_an_outcome_is_wrong_where_something_is_named_that_is_not_there() -> None:
    kind = next(k for k in diagnose_pictures.KINDS if k.name == "swapped, and upside down")

    class Found:
        def __init__(self, *ids: str) -> None:
            self.ids, self.sentence, self.verdict = ids, "", "untold"

    said = {ids: kind.outcome(Found(*ids)) for ids in (("27", "5"), ("27",), (), ("4",))}  # type: ignore[arg-type]
    assert said == {("27", "5"): "right", ("27",): "part", (): "untold", ("4",): "wrong"}
    nothing = Found()
    nothing.verdict = "nothing wrong"
    assert kind.outcome(nothing) == "fine"  # type: ignore[arg-type]
    assert diagnose_pictures.RIGHT.outcome(nothing) == "fine"  # type: ignore[arg-type]


def test_photos_are_picked_by_their_names_alone() -> None:
    if not diagnose_pictures.DATA.is_dir():
        pytest.skip("NOT_RUN: no test data (models and photos) beside this checkout")
    every = diagnose_pictures.photos(66)
    assert diagnose_pictures.photos(3) == every[:3] and all(p.is_file() for p in every)
    # Its eyes are one above the other, and a box's print stands on its side: taken turned.
    assert "00000006_006.jpg" not in {p.name for p in every} and len(every) == 59
