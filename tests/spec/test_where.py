"""Where boxes are suppressed: for all targets, or for one."""

from __future__ import annotations

import pytest

from mobilecat.errors import SpecError
from mobilecat.spec import Spec, spec_from_text

TOP = """source = "net.onnx"
head = { kind = "yolov8" }
[input]
size = [64, 64]
"""


def spec(nms: str = "", targets: str = "[targets.onnx]") -> Spec:
    return spec_from_text(TOP + (f"[nms]\n{nms}\n" if nms else "") + targets)


def contracts(read: Spec) -> list[str]:
    return [t.contract for t in read.targets.all]


EVERY = "[targets.coreml]\n[targets.tflite]\n[targets.onnx]\n[targets.coreai]"


def test_in_the_graph_unless_said() -> None:
    assert contracts(spec(targets=EVERY)) == ["tensor"] * 4
    assert contracts(spec("max_detections = 9", EVERY)) == ["tensor"] * 4


def test_said_once_for_every_target() -> None:
    read = spec('where = "app"', EVERY)
    assert contracts(read) == ["candidates"] * 4
    assert Spec.model_validate(read.model_dump(by_alias=True)) == read


def test_a_target_may_say_otherwise() -> None:
    one = '[targets.tflite]\nnms = "app"\n[targets.onnx]'
    assert contracts(spec(targets=one)) == ["candidates", "tensor"]
    assert contracts(spec('where = "app"', one.replace("app", "graph"))) == ["tensor", "candidates"]
    assert contracts(spec(targets='[targets.tflite]\ncontract = "candidates"')) == ["candidates"]


def test_a_contract_of_its_own_stays() -> None:
    own = '[targets.coreml]\ncontract = "vision"\n[targets.tflite]\ncontract = "detection"'
    labelled = f'labels = ["a"]\n{TOP}[nms]\nwhere = "app"\n{own}\n[targets.onnx]'
    assert contracts(spec_from_text(labelled)) == ["vision", "detection", "candidates"]


@pytest.mark.parametrize(
    ("nms", "targets", "said"),
    [
        ('where = "phone"', "[targets.onnx]", "nms.where = 'phone' is not one of graph, app, none"),
        ("candidates = 0", "[targets.onnx]", "nms.candidates"),
        ("", '[targets.coreml]\nnms = "app"\ncontract = "vision"', "take one out"),
        ("", '[targets.tflite]\nnms = "graph"\ncontract = "candidates"', "leaves suppression"),
        ("", '[targets.onnx]\nnms = "none"', "targets.onnx.nms = 'none' is not one of graph, app"),
    ],
)
def test_contradictions(nms: str, targets: str, said: str) -> None:
    with pytest.raises(SpecError) as e:
        spec(nms, targets)
    assert said in str(e.value)


def test_nobody_suppresses() -> None:
    """Rows are then the best by their scores; a family's thresholds of IoU are nothing to them."""
    for kind in ("yolov8", "yolov1"):
        text = TOP.replace("yolov8", kind) + '[nms]\nwhere = "none"\nmax_detections = 7\n'
        nms = spec_from_text(text + EVERY).effective_nms
        assert nms is not None and (nms.selection, nms.max_detections) == ("best", 7)
        assert nms.score_threshold == {"yolov8": 0.3, "yolov1": 0.1}[kind]
    assert contracts(spec('where = "none"', EVERY)) == ["tensor"] * 4
    with pytest.raises(SpecError, match="take one out"):
        spec('where = "none"\nselection = "nms"')
    with pytest.raises(SpecError, match="compares no boxes"):
        spec('where = "none"\niou_threshold = 0.4')


def test_a_head_without_suppression_leaves_nothing_to_the_app() -> None:
    box = TOP.replace('"yolov8"', '"box", format = "xyxy", units = "pixels"')
    with pytest.raises(SpecError, match="gives one result a picture"):
        spec_from_text(f'{box}[nms]\nwhere = "app"\n[targets.onnx]')
    with pytest.raises(SpecError, match=r'targets\.onnx: nms = "app".*without'):
        spec_from_text(f'{box}[targets.onnx]\nnms = "app"')
