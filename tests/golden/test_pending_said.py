"""Goldens that nobody has approved yet: what the next steps and a validation say of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.cli.steps import labelled_of, with_a_bundle
from mobilecat.errors import MobileCatError
from mobilecat.judge.run import validate
from mobilecat.review.approve import record
from mobilecat.shown import Line
from tests.judge.fake import Workshop, check, write_bundle


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path)


def pending(shop: Workshop, *names: str) -> None:
    for k, name in enumerate(names):
        record(shop.bundle, shop.golden, shop.picture(name, 40 + k), opener=shop.open)


def verbs(shop: Workshop) -> list[str]:
    return [x.removeprefix("mobilecat ").partition(" -")[0] for x in with_a_bundle(shop.bundle)]


def test_the_next_steps_are_those_that_are_left(shop: Workshop, tmp_path: Path) -> None:
    of = f" {shop.bundle}"
    reviewed = [f"golden review{of}", f"golden approve{of}"]
    recorded = f"golden record{of} photos/"
    assert verbs(shop) == [f"run{of} photo.jpg", recorded, *reviewed, f"validate{of}"]
    pending(shop, "room")
    assert verbs(shop) == [f"run{of} photo.jpg", *reviewed, f"validate{of}"]
    shop.approved("hall")
    mine, others = (
        list(with_a_bundle(shop.bundle, name=n))[1].split()[1:3] for n in ("fake", "cats")
    )
    assert mine[0] == "validate" and others == ["golden", "record"]
    assert verbs(shop) == [f"run{of} photo.jpg", f"validate{of}"]


def test_ten_that_nobody_approved_are_one_line(shop: Workshop) -> None:
    pending(shop, *(f"p{k}" for k in range(10)))
    lines = [str(x) for x in check(shop).words() if isinstance(x, Line) and x.lead == "FAIL"]
    (said,) = lines
    command = f"mobilecat golden review {shop.bundle} --golden {shop.golden}"
    assert said == f"FAIL  golden, 10 goldens: has no approved.json; approve it: {command}"


def test_a_folder_of_goldens_that_is_nearly_called_so(shop: Workshop) -> None:
    shop.approved()
    wrong = shop.root / "goldens"
    with pytest.raises(MobileCatError, match="There is no such golden folder") as e:
        validate(shop.bundle, wrong, opener=shop.open)
    assert f"did you mean {shop.golden}?" in str(e.value)


def test_where_the_spec_says_what_may_be_lost_the_next_step_measures_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Followed as it stands, `mobilecat validate` would leave the limit untried."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "labels.json").write_text("{}")
    bundle = Path("bundle")
    last = [*with_a_bundle(bundle, photos="mine/", limits=True)][-1]
    assert last == "mobilecat validate --data mine/"
    assert [*with_a_bundle(bundle, photos="other/", limits=True)][-1].endswith(" --data DATA")
    assert [*with_a_bundle(bundle, photos="mine/")][-1] == "mobilecat validate"
    assert labelled_of([Path("mine/a.jpg")]) == "mine" and labelled_of([Path("a.jpg")]) == ""
