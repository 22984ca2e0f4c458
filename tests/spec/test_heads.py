"""Head tables of a spec: what is required, what contradicts, and how it is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import SpecError
from mobilecat.spec import Spec, spec_from_text
from mobilecat.spec.heads import HEAD_KINDS, HEADS, SsdHead

TOP = 'source = "a.onnx"\n[input]\nsize = [50, 30]\n'


def problems(text: str, folder: Path | None = None) -> list[str]:
    with pytest.raises(SpecError) as caught:
        spec_from_text(text, folder=folder)
    return [
        f"{p.where.removeprefix('mobilecat.toml:')}: {p.what} | {p.fix}"
        for p in caught.value.problems
    ]


CASES = {
    "the kind itself misspelt": (
        TOP + '[head]\nknd = "yolox"\n',
        ["4: unknown key 'head.knd' | did you mean 'kind'?"],
    ),
    "wrong word, missing key, unknown key, in one go": (
        TOP + '[head]\nkind = "box"\nformat = "xyyx"\nstrt = 2\n',
        [
            "4: head.units is missing | one of pixels, normalised",
            "6: head.format = 'xyyx' is not one of xyxy, xywh, cxcywh | did you mean 'xyxy'?",
            "7: unknown key 'head.strt' | did you mean 'start'?",
        ],
    ),
    "a contradiction beside a wrong word": (
        TOP
        + '[head]\nkind = "box"\nformat = "xyyx"\nunits = "pixels"\n[nms]\niou_threshold = 0.2\n',
        [
            "mobilecat.toml: nms is set, but head 'box' gives one result a picture: "
            "take [nms] out | ",
            "6: head.format = 'xyyx' is not one of xyxy, xywh, cxcywh | did you mean 'xyxy'?",
        ],
    ),
    "nms with landmarks, even an empty table": (
        TOP + '[head]\nkind = "landmarks"\nunits = "pixels"\n[nms]\n',
        [
            "mobilecat.toml: nms is set, but head 'landmarks' gives one result a picture: "
            "take [nms] out | "
        ],
    ),
    "nms with box+class": (
        TOP + '[head]\nkind = "box+class"\nformat = "xywh"\nunits = "pixels"\n[nms]\n',
        [
            "mobilecat.toml: nms is set, but head 'box+class' gives one result a picture: "
            "take [nms] out | "
        ],
    ),
    "keys of another kind": (
        TOP + '[head]\nkind = "yolov8"\nanchors = [[[1, 2]]]\n',
        ["6: unknown key 'head.anchors' | valid here: kind, output, units, layout"],
    ),
    "a kind that is nearly one": (
        TOP + '[head]\nkind = "yolo5"\n',
        ["5: there is no head 'yolo5' | did you mean 'yolov5'?"],
    ),
    "maps in units": (
        TOP + '[head]\nkind = "yolov5"\nform = "maps"\nunits = "pixels"\noutput = "o"\n',
        [
            "4: head: units is set, but maps are always decoded to pixels | ",
            "4: head: output is set, but maps are found by their shapes | ",
        ],
    ),
    "decoded with anchors": (
        TOP + '[head]\nkind = "yolov5"\nform = "decoded"\nanchors = [[[1, 2]]]\n',
        ["4: head: anchors is set, but decoded boxes need none | "],
    ),
    "an anchor without a height": (
        TOP + '[head]\nkind = "yolov3"\nanchors = [[[1, 2], [3]], [[4, 5]]]\n',
        [
            "6: head.anchors has [3] in it, but it takes "
            "a list of list of list of 2 numbers above 0 | "
        ],
    ),
    "an anchor below nothing": (
        TOP + '[head]\nkind = "yolov3"\nanchors = [[[1, -2]]]\n',
        [
            "6: head.anchors has -2 in it, but it takes "
            "a list of list of list of 2 numbers above 0 | "
        ],
    ),
    "generator settings": (
        TOP + '[head]\nkind = "ssd"\n[head.anchors]\nmin_scal = 0.2\nlayers = 1\n',
        [
            "7: unknown key 'head.anchors.min_scal' | did you mean 'min_scale'?",
            "8: head.anchors.layers = 1, but it takes a whole number from 2 to 16 | "
            "write layers = 6, for example",
        ],
    ),
    "generator settings that contradict": (
        TOP + '[head]\nkind = "ssd"\n[head.anchors]\ngrids = [[3, 2]]\n',
        ["6: head.anchors: grids has 1 entries for 6 layers | "],
    ),
    "vision for landmarks": (
        TOP + '[[targets.coreml]]\ncontract = "vision"\n[head]\nkind = "blazeface"\n',
        ['5: contract "vision" cannot carry landmarks, which this head has: use "tensor" | '],
    ),
    "vision for one box": (
        TOP + '[[targets.coreml]]\ncontract = "vision"\n'
        '[head]\nkind = "box"\nformat = "xyxy"\nunits = "pixels"\n',
        ['5: contract "vision" ends in an NMS, which head \'box\' does without: use "tensor" | '],
    ),
    "both contracts that carry plain boxes": (
        TOP + '[[targets.tflite]]\n[[targets.tflite]]\nname = "b"\ncontract = "detection"\n'
        '[targets.coreml]\ncontract = "vision"\n[head]\nkind = "blazeface"\n',
        [
            '7: contract "detection" cannot carry landmarks, which this head has: use "tensor" | ',
            '9: contract "vision" cannot carry landmarks, which this head has: use "tensor" | ',
        ],
    ),
    "detection for one box, and a word for it that is none": (
        TOP + '[[targets.tflite]]\ncontract = "detection"\n'
        '[[targets.tflite]]\ncontract = "detections"\nname = "b"\n'
        '[head]\nkind = "box"\nformat = "xyxy"\nunits = "pixels"\n',
        [
            "5: contract \"detection\" ends in an NMS, which head 'box' does without: "
            'use "tensor" | ',
            "7: targets.tflite.contract = 'detections' is not one of tensor, detection, "
            "classifier, candidates | did you mean 'detection'?",
        ],
    ),
    "landmark names for a head without": (
        'landmarks = ["nose"]\n' + TOP + '[head]\nkind = "yolox"\n',
        ["mobilecat.toml: landmarks is set, but head 'yolox' decodes none | "],
    ),
    "rounding of a stretch": (
        TOP + 'rounding = "truncate"\nresample = "cubic"\n[head]\nkind = "yolox"\n',
        [
            '2: input: rounding is set, but resize = "stretch" fills the input exactly | ',
            "5: input.resample = 'cubic' is not one of bilinear, lanczos, nearest | "
            "valid here: bilinear, lanczos, nearest",
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_everything_wrong_is_said_at_once(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_every_kind_is_listed_once() -> None:
    assert set(HEAD_KINDS) == set(HEADS)
    assert [h.model_fields["kind"].annotation.__args__[0] for h in HEADS.values()] == list(HEADS)  # type: ignore[union-attr]


NMS = {
    "nothing said": ("", (0.1, 0.5, 100)),
    "one key said": ("[nms]\nmax_detections = 7\n", (0.1, 0.5, 7)),
    "all said": (
        "[nms]\nscore_threshold = 0.2\niou_threshold = 0.3\nmax_detections = 3\n",
        (0.2, 0.3, 3),
    ),
}


@pytest.mark.parametrize(("nms", "expected"), NMS.values(), ids=NMS)
def test_the_familys_thresholds_fill_what_is_left_out(
    nms: str, expected: tuple[float, float, int]
) -> None:
    """YOLOv1's authors: score 0.1, IoU 0.5. The same after a bundle was written and read."""
    spec = spec_from_text(TOP + '[head]\nkind = "yolov1"\n' + nms)
    again = Spec.model_validate(_tuples(json.loads(spec.model_dump_json())))
    for each in (spec, again):
        found = each.effective_nms
        assert found is not None
        assert (found.score_threshold, found.iou_threshold, found.max_detections) == expected


@pytest.mark.parametrize("kind", ["box", "box+class", "landmarks"])
def test_no_nms_follows_a_single_result(kind: str) -> None:
    rest = 'units = "pixels"\n' + ("" if kind == "landmarks" else 'format = "xyxy"\n')
    assert spec_from_text(TOP + f'[head]\nkind = "{kind}"\n{rest}').effective_nms is None


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_anchors_from_a_file(suffix: str, tmp_path: Path) -> None:
    rows = [[0.5, 0.25, 0.1, 0.2], [0.75, 0.5, 0.3, 0.4], [0, 1, 1, 1]]
    path = tmp_path / f"anchors{suffix}"
    if suffix == ".npy":
        np.save(path, np.array(rows))
    else:
        path.write_text(json.dumps(rows))
    text = TOP + f'[head]\nkind = "ssd"\nanchors = "anchors{suffix}"\n'
    spec = spec_from_text(text, folder=tmp_path)
    assert isinstance(spec.head, SsdHead)
    assert spec.head.anchors == tuple(tuple(row) for row in rows)
    again = Spec.model_validate(_tuples(json.loads(spec.model_dump_json())))
    assert again == spec


BAD_ANCHORS = {
    "missing": (None, "No such file"),
    "not json": ("[[1, 2", "delimiter"),
    "three columns": ("[[1, 2, 3], [4, 5, 6]]", "holds int64 [2, 3], expected numbers [N, 4]"),
    "words": ('[["a", "b", "c", "d"]]', "expected numbers [N, 4]"),
    "not finite": ("[[1, 2, 3, NaN]]", "values that are not finite"),
    "nothing": ("[]", "expected numbers [N, 4]"),
    "ragged": ("[[1, 2, 3, 4], [1]]", "cannot be read"),
}


@pytest.mark.parametrize(("content", "expected"), BAD_ANCHORS.values(), ids=BAD_ANCHORS)
def test_a_bad_anchors_file_is_one_problem_of_several(
    content: str | None, expected: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    text = TOP + '[head]\nkind = "ssd"\nanchors = "a.json"\nordr = "xywh"\n'
    first, second = problems(text, tmp_path)
    assert first.startswith("6: head.anchors: ")
    assert expected in first
    assert second.startswith("7: unknown key 'head.ordr' | did you mean 'order'?")


def _tuples(value: object) -> object:
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
