"""Classes of a picture and of its pixels, from the network to the picture's own pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.compile import export
from mobilecat.geometry.resize import plan_resize
from mobilecat.judge.run import validate
from mobilecat.lanes import decode_outputs, lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import draw_detections
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network

TARGETS = "[targets.onnx]\n[targets.tflite]\n[[targets.coreml]]\nprecision = 'float32'\n"


def exported(folder: Path, head: str, outputs: dict[str, Any], more: str = "") -> Path:
    path = save_constant_network(folder / "net.onnx", (8, 8), outputs)
    spec = spec_from_text(
        f'name = "net"\nsource = "{path}"\n{more}\n[input]\nsize = [8, 8]\nresize = "letterbox"\n'
        f"[head]\n{head}\n{TARGETS}"
    )
    return export(spec, folder / "out").folder


def found_in(folder: Path, picture: Image.Image) -> dict[str, Detections]:
    from mobilecat.bundle import open_bundle
    from mobilecat.lanes.inputs import picture_inputs

    bundle = open_bundle(folder)
    tensors, plan = picture_inputs(bundle, picture)
    found = {}
    for lane in lanes_of(bundle):
        if lane.runner.endswith("-native"):
            continue
        found[lane.name] = decode_outputs(open_lane(folder, bundle, lane).infer(tensors), plan)
    assert len(found) == 4
    return found


def test_the_best_five_of_seven_classes(tmp_path: Path) -> None:
    logits = np.log([[0.05, 0.3, 0.01, 0.2, 0.1, 0.04, 0.3]])  # 1 and 6 tie: the first comes first
    head = 'kind = "classify"\nactivation = "softmax"'
    out = exported(tmp_path, head, {"logits": logits})
    for name, d in found_in(out, Image.new("RGB", (32, 16))).items():
        assert d.class_ids.tolist() == [1, 6, 3, 4, 0], name
        np.testing.assert_allclose(d.scores, [0.3, 0.3, 0.2, 0.1, 0.05], atol=1e-6, err_msg=name)
        # The whole input, padding included: 8 rows of ¼ pixel each above and below.
        np.testing.assert_allclose(d.boxes_xyxy, [[0, -8, 32, 24]] * 5, atol=1e-6, err_msg=name)


def test_the_best_alone_and_fewer_classes_than_five(tmp_path: Path) -> None:
    logits = {"logits": np.array([[0.1, 0.7, 0.2]])}
    head = 'kind = "classify"\nactivation = "none"'
    (tmp_path / "one").mkdir()
    (tmp_path / "all").mkdir()
    one = exported(tmp_path / "one", head, logits, "nms = { max_detections = 1 }")
    every = exported(tmp_path / "all", head, logits)
    for d in found_in(one, Image.new("RGB", (8, 8))).values():
        assert d.class_ids.tolist() == [1]
    for d in found_in(every, Image.new("RGB", (8, 8))).values():
        assert d.class_ids.tolist() == [1, 2, 0]


def test_a_class_map_leads_through_the_letterbox_to_the_picture(tmp_path: Path) -> None:
    """32×16 in 8×8: 8×4 pixels of 4 each, 2 rows of padding above. Class 1 is columns 1 to 4 of
    rows 2 and 3: x 4 to 20, y 0 to 8 of the picture."""
    scores = np.zeros((1, 3, 8, 8))
    scores[0, 0] = 0.5
    scores[0, 1, 2:4, 1:5] = 1
    out = exported(tmp_path, 'kind = "segments"', {"s": scores}, 'labels = ["a", "b", "c"]')
    for name, d in found_in(out, Image.new("RGB", (32, 16))).items():
        assert d.class_ids.tolist() == [0, 1], name  # class 2 is nowhere
        np.testing.assert_allclose(d.scores, [56 / 64, 8 / 64], atol=1e-6, err_msg=name)
        np.testing.assert_allclose(d.boxes_xyxy[1], (4, 0, 20, 8), atol=1e-4, err_msg=name)
        assert d.masks is not None
        held = d.masks.on_picture(1, (32, 16))
        want = np.zeros((16, 32), bool)
        want[0:8, 4:20] = True
        assert (held == want).all(), name
        assert (d.masks.on_picture(0, (32, 16)) == ~want).all(), name


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda m: m[:, :, ::-1], "masks"),
        (lambda m: np.roll(m, 1, axis=1), "masks"),
        (lambda m: m.transpose(0, 2, 1), "masks"),
    ],
    ids=["mirrored", "a row lower", "rows for columns"],
)
def test_a_class_map_that_is_not_the_golden_is_told(
    tmp_path: Path, fault: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    scores = np.zeros((1, 3, 8, 8))
    scores[0, 0] = 0.5
    scores[0, 1, 2:4, 1:5] = 1
    scores[0, 2, 4:6, 6:8] = 2
    out = exported(tmp_path, 'kind = "segments"', {"s": scores}, 'labels = ["a", "b", "c"]')
    Image.new("RGB", (32, 16), (90, 40, 10)).save(tmp_path / "p.png")
    record(out, tmp_path / "golden", tmp_path / "p.png")
    approve(out, tmp_path / "golden", every=True, by="test")
    assert validate(out, tmp_path / "golden", runner="onnx").held

    def wrong(*args: Any) -> Any:
        engine = open_lane(*args)

        class Wrong:
            note = "a fault"

            def infer(self, inputs: Any, taps: Any = ()) -> Any:
                found = dict(engine.infer(inputs, taps))
                found["class_map"] = fault(found["class_map"])
                return found

        return Wrong()

    report = validate(out, tmp_path / "golden", runner="onnx", opener=wrong, write_pending=False)
    assert not report.held
    assert said in {r.check.name for r in report.failed}


def test_labels_at_one_place_come_below_each_other() -> None:
    found = Detections(
        np.tile([0.0, 0, 200, 100], (3, 1)), np.array([0.5, 0.3, 0.2]), np.array([0, 1, 2])
    )
    drawn = np.asarray(draw_detections(Image.new("RGB", (200, 100)), found, ["a", "b", "c"]))
    labels = drawn[:60, 4].tolist()
    assert [230, 159, 0] in labels and [86, 180, 233] in labels and [0, 158, 115] in labels


def test_the_plan_of_these_pictures_is_the_one_worked_by_hand() -> None:
    plan = plan_resize((32, 16), (8, 8), "letterbox")
    assert (plan.resized_wh, plan.left, plan.top) == ((8, 4), 0, 2)
