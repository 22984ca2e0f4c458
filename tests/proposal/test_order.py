"""Two of COCO's names exchanged are every artifact's alike, and no golden tells."""

from __future__ import annotations

from importlib.resources import files

from mobilecat.proposal.labels import in_another_order

COCO = (files("mobilecat.proposal") / "coco80.txt").read_text("utf-8").split("\n")[:80]


def test_two_exchanged_names_are_told() -> None:
    cat, dog = COCO.index("cat"), COCO.index("dog")
    assert (cat, dog) == (15, 16)
    labels = [*COCO[:cat], "dog", "cat", *COCO[dog + 1 :]]
    (said,) = in_another_order(labels)
    assert "class 15 is 'dog', and 'cat' in COCO" in said


def test_other_labels_are_not_held_to_coco() -> None:
    assert in_another_order(COCO) == () and in_another_order([n.title() for n in COCO]) == ()
    assert in_another_order(["cat", "dog"]) == () and in_another_order([]) == ()
    assert in_another_order([*COCO[:79], "tooth brush"]) == ()
