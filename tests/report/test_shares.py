"""A share of a limit stands beside the figures whose ratio it is, and what was compared."""

from __future__ import annotations

from mobilecat.compare.compare import Check
from mobilecat.report.html_cells import cell_of

GOLDEN = Check("raw", "output0", "PASS", 9e-6, 1e-4, against="golden")
UNROUNDED = Check("raw", "output0", "PASS", 7.2e-5, 1e-4, against="structure")


def test_a_share_says_of_which_check_it_is() -> None:
    cell = cell_of([GOLDEN, UNROUNDED])
    assert cell.text == "72%"
    assert cell.more == (
        "output0, 7e-05 of 1e-04", "the file without its rounding, with the source model"
    )  # fmt: skip
    assert cell_of([GOLDEN]).more == ("output0, 9e-06 of 1e-04", "with the golden")


def test_what_fails_or_measures_nothing_has_no_such_line() -> None:
    bad = Check("raw", "output0", "FAIL", 2e-4, 1e-4, against="golden")
    assert cell_of([GOLDEN, bad]).more == () == cell_of([Check("input", "fit", "PASS")]).more
