"""What `golden approve` says before it approves, after, and where only lanes' results wait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mobilecat.cli.main import app
from mobilecat.errors import MobileCatError
from mobilecat.review.approve import approve, record
from tests.judge.fake import LANE, Tensors, Workshop, check, healthy, moved, write_bundle


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path)


def test_results_of_lanes_that_wait_are_named_with_what_approves_them(shop: Workshop) -> None:
    shop.approved("room", "hall")
    shop.faults[LANE] = moved
    assert len(check(shop).pending) == 2
    with pytest.raises(MobileCatError) as e:
        approve(shop.bundle, shop.golden, every=True)
    (problem,) = e.value.problems
    assert f"2 pending results are there that lanes gave in a validation: {LANE}" in problem.what
    of = f"{shop.bundle} --golden {shop.golden}"
    assert f"mobilecat golden approve {of} --all --lane {LANE}; " in problem.fix
    assert f"mobilecat golden review {of} --clean" in problem.fix
    assert len(approve(shop.bundle, shop.golden, every=True, lane=LANE)) == 2


def test_nothing_at_all_that_waits_is_said_as_before(shop: Workshop) -> None:
    shop.approved("room")
    with pytest.raises(MobileCatError) as e:
        approve(shop.bundle, shop.golden, every=True)
    assert [p.what for p in e.value.problems] == ["no case has a pending result"]


def five_sure() -> Tensors:
    """Five boxes, as many as FEW, all with a score of 1."""
    found = healthy()
    boxes = np.stack([np.array([4 + 9 * k, 10, 12 + 9 * k, 30], np.float32) for k in range(5)])
    return found | {
        "boxes": boxes[None],
        "scores": np.ones((1, 5), np.float32),
        "count": np.array([5], np.int32),
    }


def test_a_warning_comes_before_it_approves_and_again_at_the_end(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture("hall", 50), opener=shop.open)
    shop.tensors = five_sure
    record(shop.bundle, shop.golden, shop.picture("room"), opener=shop.open)
    words = ["golden", "approve", str(shop.bundle), "--golden", str(shop.golden), "--all"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = [line for line in done.output.splitlines() if line]
    assert said[0].startswith("room: warning: ") and "5 of 5 scores are 1.000" in done.output
    assert done.output.index("warning: ") < done.output.index("approved ")
    assert "1 of 2 approved results look wrong" in " ".join(said[-3:])
