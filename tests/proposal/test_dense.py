"""`init` on networks of several strides: the family, and what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobilecat.proposal.whole import propose
from tests.heads.networks import save_network

SIDE = 256
P5, P6, P7 = (8, 16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 128)
P, LOGIT = (0.05, 0.95), (-3, 3)


def cells(strides: tuple[int, ...], a: int = 1) -> int:
    return a * sum((SIDE // s) ** 2 for s in strides)


def maps(strides: tuple[int, ...], **depths: tuple[int, float, float]) -> dict[str, Any]:
    return {
        f"{k}{s}": ((1, d, SIDE // s, SIDE // s), *r)
        for k, (d, *r) in depths.items()
        for s in strides
    }


def rows(strides: tuple[int, ...], a: int, **depths: tuple[int, float, float]) -> dict[str, Any]:
    return {
        f"{k}{s}": ((1, cells((s,), a), d), *r) for k, (d, *r) in depths.items() for s in strides
    }


FAMILIES = {
    "retinaface with logits": (
        {
            "b": ((1, cells(P5, 2), 4), -2, 2),
            "c": ((1, cells(P5, 2), 2), *LOGIT),
            "l": ((1, cells(P5, 2), 10), -2, 2),
        },
        {"kind": "retinaface", "form": "raw", "activation": "softmax"},
        [],
    ),
    "scrfd": (
        rows(P5, 2, s=(1, *P), b=(4, 0, 3), k=(10, -2, 2)),
        {"kind": "scrfd", "activation": "none"},
        [],
    ),
    "scrfd of five strides": (
        rows(P7, 1, s=(1, *LOGIT), b=(4, 0, 3)),
        {"kind": "scrfd", "activation": "sigmoid"},
        [],
    ),
    "yolo5face": (
        {"o": ((1, cells(P5, 3), 16), 0.05, (*[200] * 4, 0.9, *[200] * 10, 0.9))},
        {"kind": "yolo5face", "units": "pixels"},
        [],
    ),
    "yolov5 of eleven classes": (
        {"o": ((1, cells(P5, 3), 16), 0.05, (*[200] * 4, *[0.9] * 12))},
        {"kind": "yolov5", "units": "pixels"},
        [],
    ),
    "nanodet-plus": (
        {"o": ((1, cells(P6), 112), (*[0] * 80, *[-3] * 32), (*[1] * 80, *[3] * 32))},
        {"kind": "gfl", "family": "nanodet-plus"},
        ["head.family"],
    ),
    "picodet": (
        rows(P6, 1, s=(80, *P), b=(32, -3, 3)),
        {"kind": "gfl", "family": "picodet"},
        ["head.family"],
    ),
    "rtmdet": (
        maps(P5, s=(80, *LOGIT), b=(4, 0, 30)),
        {"kind": "gfl", "family": "rtmdet", "distances": "pixels"},
        ["head.family", "head.distances"],
    ),
    "gfl": (
        maps(P7, s=(80, *LOGIT), b=(68, -3, 3)),
        {"kind": "gfl", "family": "gfl"},
        ["head.family"],
    ),
    "fcos of mmdetection": (
        maps(P7, s=(80, *LOGIT), b=(4, 0, 30), t=(1, *LOGIT)),
        {"kind": "fcos", "family": "mmdet"},
        ["head.family"],
    ),
    "fcos of torchvision": (
        {
            "c": ((1, cells(P7), 91), *LOGIT),
            "b": ((1, cells(P7), 4), 0, 3),
            "t": ((1, cells(P7), 1), *LOGIT),
        },
        {"kind": "fcos", "family": "torchvision"},
        ["head.family"],
    ),
    "retinanet of torchvision": (
        {"c": ((1, cells(P7, 9), 91), *LOGIT), "b": ((1, cells(P7, 9), 4), -1, 1)},
        {"kind": "retinanet", "family": "torchvision"},
        ["head.family"],
    ),
    "retinanet of mmdetection": (
        maps(P7, s=(720, *LOGIT), b=(36, -1, 1)),
        {"kind": "retinanet", "family": "mmdet"},
        ["head.family"],
    ),
}


@pytest.mark.parametrize(("outputs", "head", "asked"), FAMILIES.values(), ids=FAMILIES)
def test_the_family(
    outputs: dict[str, Any], head: dict[str, Any], asked: list[str], tmp_path: Path
) -> None:
    found = propose(save_network(tmp_path / "n.onnx", (SIDE, SIDE), outputs), tmp_path / "m.toml")
    said = dict(found.spec.head)
    assert {k: said.get(k) for k in head} == head, found.because
    assert [a.key for a in found.asks] == asked


@pytest.mark.parametrize(
    ("side", "n", "columns", "low", "points"),
    [(192, 2016, 18, 0.0, 7), (224, 2254, 12, -1.0, 4), (128, 896, 16, -1.0, 6)],
)
def test_mediapipes_detectors(
    side: int, n: int, columns: int, low: float, points: int, tmp_path: Path
) -> None:
    outputs = {"r": ((1, n, columns), -20, 20), "c": ((1, n, 1), -6, 6)}
    found = propose(save_network(tmp_path / "n.onnx", (side, side), outputs), tmp_path / "m.toml")
    assert found.spec.head.kind == "blazeface"
    assert len(found.spec.landmarks) == points
    assert found.spec.input is not None and found.spec.input.range == (low, 1.0)
