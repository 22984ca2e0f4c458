"""How far a search has come, on a clock of ours; and what is said where it is stopped."""

from __future__ import annotations

import os
import signal
import time

import pytest

from mobilecat.cli.progress import stoppable
from mobilecat.compression.pace import Pace, said_time


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_that_of_steps_that_were_taken() -> None:
    """Steps of 10 s and 30 s, mean 20 s; one kept from before says nothing. Of 6, three are done,
    and 5 s of the fourth: 3 · 20 − 5 s."""
    said: list[str] = []
    clock = Clock()
    pace = Pace(6, said.append, clock)
    pace("float32: writing")
    for took in (10, 30, 0.1):
        pace.begin()
        clock.now += took
        pace.end()
    pace.begin()
    clock.now += 5
    pace("int8: layer 3 of 9 alone")
    assert said == [
        "step 1 of about 6: float32: writing",
        "step 4 of about 6, about 60 s left: int8: layer 3 of 9 alone",
    ]


def test_long_steps_at_the_beginning_are_forgotten() -> None:
    """A newcomer's: two minutes were said to be left seventeen seconds before the end."""
    said: list[str] = []
    clock = Clock()
    pace = Pace(12, said.append, clock)
    for took in (12, 8, 18, 29, 4, 4, 5):
        pace.begin()
        clock.now += took
        pace.end()
    pace("palette4: writing")
    assert said == ["step 8 of about 12, about 20 s left: palette4: writing"]  # 5 · 4 s


def test_a_step_that_takes_longer_leaves_no_less_than_the_others() -> None:
    said: list[str] = []
    clock = Clock()
    pace = Pace(3, said.append, clock)
    for took in (20, 500):
        pace.begin()
        clock.now += took
        if took == 20:
            pace.end()
    pace("long")
    assert said == ["step 2 of about 3, about 20 s left: long"]  # 2 · 20 − 20


def test_what_is_not_tried_is_no_step_and_none_is_beyond_the_last() -> None:
    said: list[str] = []
    pace = Pace(9, said.append, Clock())
    for _ in range(2):
        pace.begin()
        pace.end()
    pace.leave_out(6)
    pace("a")
    pace.leave_out(6)
    pace("b")
    pace.begin()
    pace.end()
    pace("c")
    assert said == ["step 3 of about 3: a", "step 2 of about 2: b", "step 3 of about 3: c"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "10 s"), (44, "40 s"), (100, "2 min"), (3500, "58 min"), (4200, "1 h 10 min")],
)
def test_a_time_is_said_as_people_do(seconds: float, text: str) -> None:
    assert said_time(seconds) == text


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_what_is_stopped_says_what_was_kept(
    by: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    # What a shell starts with & has SIGINT ignored, and so have its children.
    own = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(SystemExit) as stopped, stoppable("kept: run it again"):
        os.kill(os.getpid(), by)
        for _ in range(1000):
            time.sleep(0.01)
    signal.signal(signal.SIGINT, own)
    assert stopped.value.code == 130
    assert "mobilecat: kept: run it again" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
