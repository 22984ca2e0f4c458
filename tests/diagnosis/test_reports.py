"""Public reports, rebuilt as captures (shared/cases/diagnose), and the answers that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.diagnosis.whole import Diagnosis
from tests.conftest import the_shared_data

# capture: the ids that are right, and what the sentence must say besides.
ANSWERS: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "moblin_477_portrait": ({"6"}, ()),
    "moblin_477_4k_portrait": ({"32"}, ("scaled by another size", "0.889", "0.281", "1920 × 1080")),
    "tf_23919_mirrored_about_288": ({"34"}, ("mirrored", "288", "of 300")),
    "rn_face_36_window_for_view": ({"32"}, ("scaled by another size", "390 × 844", "window")),
    "turicreate_1016_centercrop": ({"11"}, ()),
    "tf_10348_pixelc": ({"7"}, ()),
    "yolov8tflite_11_landscape": ({"7"}, ()),
    "yolov8tflite_11_fillstart": ({"7"}, ()),
    "ratio_of_other_side": ({"33"}, ("One scale was taken for both axes", "0.75 times")),
    "orientation_missing": ({"4"}, (".right (EXIF 6)",)),
    "photo_exif6_cgimage": ({"4"}, (".right (EXIF 6)",)),
    "survival_12_half_crop_roi_told": ({"13"}, ()),
    "so_73399681_vnrect": ({"1"}, ()),
    "rn_face_188_mirror_and_stretch": ({"3", "7"}, ()),
    "stabilisation_zoom_80": ({"31"}, ("a zoom about the centre", "0.8 times")),
    "flutter_vision_14_positioned_right": ({"35"}, ("right and bottom", "far edge")),
    "flutter_vision_47_centre": ({"19"}, ("centre",)),
    **{
        f"offset_{where}": ({"30"}, ("points too low",))
        for where in ("390_15", "390_20", "390_24", "834_12", "834_15", "834_24")
    },
    "offset_1024_12": ({"30"}, ("12 points too low",)),
    "offset_1024_24": ({"30"}, ("24 points too low",)),
    "overlay_statusbar_24": ({"30"}, ("status bar",)),
    "overlay_appbar_56": ({"30"}, ("app bar",)),
    "overlay_safearea_59": ({"30"}, ("safe area",)),
}


def told(name: str) -> Diagnosis:
    path: Path = the_shared_data().parent / "cases" / "diagnose" / f"{name}.json"
    return mc.diagnose(path)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_bug_of_the_report_is_named(name: str) -> None:
    ids, words = ANSWERS[name]
    found = told(name)
    assert found.answer is not None and found.answer.first is not None
    assert found.answer.first.ids == ids
    said = found.to_json()["sentence"]
    assert all(word in said or word in found.answer.first.name for word in words), said
    assert found.exit_code == 1 and found.to_json()["map"]["words"]


def test_a_formula_of_its_own_is_no_known_bug() -> None:
    found = told("formula_of_its_own")
    assert found.to_json()["sentence"].startswith("No known bug explains this")
    assert found.exit_code == 1


def test_a_right_app_whose_front_camera_delivers_upright_frames_is_not_blamed() -> None:
    found = told("iphone17_front_right_app")
    assert found.exit_code == 0 and found.setting is not None and found.setting.notes == ()
