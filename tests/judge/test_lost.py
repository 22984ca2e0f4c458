"""What is said where a rounded file loses an object, or finds a new one: no limit helps there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mobilecat.compare.compare import Check
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Limits
from mobilecat.formats.coreml.target import CoreMLTarget
from mobilecat.geometry.affine import Affine
from mobilecat.judge.lost import lost_ways
from mobilecat.judge.report import Result
from mobilecat.pictures.detections import Detections


def test_an_object_that_is_lost_has_its_ways_out_and_is_said_to_stand_next_to_the_threshold() -> (
    None
):
    threshold, own = 0.3, 0.338
    box = np.array([[1.0, 2.0, 30.0, 40.0]])
    there = Detections(box, np.array([own]), np.array([0]))
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    limits = Limits(5.0, 5.0, 0.03, 0.3)
    (check,) = compare_detections(there, none, limits, Affine.identity(), threshold)
    assert check.verdict == "FAIL" and "0.038 off: next to the threshold, 0.3" in check.detail
    record: Any = SimpleNamespace(kind="coreml", precision="palette6", file="cats.mlpackage")
    target = CoreMLTarget(weights="palette4", block=16)
    made: Any = SimpleNamespace(spec_file=None, target_of=lambda _: target)
    case: Any = SimpleNamespace(folder=Path("golden/cats/sofa"))
    off = [Result("coreml:cats.mlpackage", "sofa", check)]
    said = lost_ways(Path("bundle"), made, record, off, [case])
    assert "On sofa, missing: class 0 at 1.0 2.0 30.0 40.0, score 0.338" in said
    assert "next to the threshold, 0.3, in the source itself" in said
    assert 'weights = "int8" in place of weights and block' in said
    assert "mobilecat tune bundle --data LABELLED --write mobilecat.toml" in said
    assert (
        "golden approve bundle sofa --golden golden --lane coreml:cats.mlpackage --variant" in said
    )
    assert said.index("tune") < said.index("int8") < said.index("approve")


def test_what_is_far_from_the_threshold_is_another_recipes_matter_first() -> None:
    check = Check(
        "detections", "count", "FAIL", 1.0, 0.0, "0 found, 1 expected; missing: x", "golden"
    )
    record: Any = SimpleNamespace(kind="tflite", precision="int8", file="cats.tflite")
    made: Any = SimpleNamespace(spec_file=None, target_of=lambda _: None)
    said = lost_ways(Path("b"), made, record, [Result("tflite:cats.tflite", "sofa", check)], [])
    assert "next to" not in said.split("Choose")[0]
    assert said.index("int8-weights") < said.index("tune") and "approve" not in said
