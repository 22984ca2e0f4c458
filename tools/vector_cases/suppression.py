"""Greedy suppression: cases worked by hand, and crowds by onnxruntime's NonMaxSuppression."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from vector_cases.form import Cases, case, refused

# Two boxes of 20 × 10 with IoU 1/3 (100 shared of 300), and one far away.
LEFT, RIGHT, FAR = [0, 0, 20, 10], [10, 0, 30, 10], [100, 50, 120, 90]
# 9 shared of 20: IoU is .45, and so is float32's nearest.
NINE, TWENTIETHS = [0, 0, 14.5, 1], [5.5, 0, 20, 1]
# 3 shared of 10: IoU is .3, which float32 rounds up; compared as a double it would be above .3.
THREE, TENTHS = [0, 0, 6.5, 1], [3.5, 0, 10, 1]
# In a row, each 6 of 14 into the next: IoU 6/14 = .43 with the neighbour, 0 with the one beyond.
CHAIN = [[0, 0, 10, 5], [4, 0, 14, 5], [8, 0, 18, 5], [12, 0, 22, 5]]
FLOAT32_THREE_TENTHS = 0.30000001192092896  # what an artifact gives for .3
NAN = None  # JSON has no NaN: null stands for one


def _args(boxes: Any, scores: Any, **more: Any) -> dict[str, Any]:
    plain = {"score_threshold": 0.25, "iou_threshold": 0.3, "max_detections": 10, "per_class": True}
    return {"boxes": boxes, "scores": scores, **plain, **more}


def hand_cases() -> list[Any]:
    """Every rule by an example that another rule would answer otherwise."""
    two = [[0.9, 0.1], [0.2, 0.8]]
    return [
        case("the better of two", _args([LEFT, RIGHT], [[0.6], [0.7]]), [1]),
        case("best first", _args([LEFT, FAR], [[0.6], [0.7]]), [1, 0]),
        case("two classes leave each other alone", _args([LEFT, RIGHT], two), [0, 1]),
        case("unless they compete", _args([LEFT, RIGHT], two, per_class=False), [0]),
        case("an IoU at the threshold is kept", _args([NINE, TWENTIETHS], [[0.6], [0.5]],
             iou_threshold=0.45), [0, 1]),
        case("also where float32 rounds it up", _args([THREE, TENTHS], [[0.6], [0.5]]), [0, 1]),
        case("one above it is not", _args([NINE, TWENTIETHS], [[0.6], [0.5]],
             iou_threshold=0.44), [0]),
        case("a score at the threshold is dropped", _args([LEFT, FAR], [[0.5], [0.75]],
             score_threshold=0.5), [1]),
        case("also a score that float32 rounds up", _args(
             [LEFT, FAR], [[FLOAT32_THREE_TENTHS], [0.31]], score_threshold=0.3), [1]),
        case("equal scores: the lowest row", _args([RIGHT, LEFT, FAR], [[0.5], [0.5], [0.5]]),
             [0, 2]),
        case("equal classes: the first", _args([LEFT, RIGHT], [[0.5, 0.5], [0.6, 0.2]]), [1]),
        case("what is suppressed suppresses nobody", _args(CHAIN, [[0.9], [0.8], [0.7], [0.6]]),
             [0, 2]),
        case("from the middle", _args(CHAIN, [[0.6], [0.9], [0.8], [0.7]]), [1, 3]),
        case("no more than the most", _args([*CHAIN, FAR], [[0.9], [0.8], [0.7], [0.6], [0.65]],
             max_detections=2), [0, 2]),
        case("one", _args([LEFT, RIGHT, FAR], [[0.6], [0.7], [0.8]], max_detections=1), [2]),
        case("boxes without area overlap nothing", _args([[5, 5, 5, 9], [5, 5, 5, 9]],
             [[0.5], [0.6]], iou_threshold=0), [1, 0]),
        case("the same box twice, at a threshold of 1", _args([LEFT, LEFT], [[0.5], [0.6]],
             iou_threshold=1), [1, 0]),
        case("a NaN score is no detection", _args([LEFT, RIGHT, FAR], [[NAN], [0.7], [0.6]]),
             [1, 2]),
        case("in whichever class", _args([LEFT, RIGHT], [[0.9, NAN], [0.3, 0.4]]), [1]),
        case("and behind a better one", _args([LEFT, RIGHT], [[NAN, 0.9], [0.4, 0.3]]), [1]),
        case("a NaN box overlaps nothing", _args([[NAN, 0, 20, 10], LEFT, RIGHT],
             [[0.9], [0.8], [0.7]]), [0, 1]),
        case("all below", _args([LEFT, FAR], [[0.1], [0.2]]), []),
        case("none at all", _args([], []), []),
    ]  # fmt: skip


def onnxruntimes(args: dict[str, Any]) -> list[int]:
    """Return the rows that onnxruntime keeps, class by class, brought to falling score."""
    boxes = np.array([args["boxes"]], np.float32)
    scores = np.array(args["scores"], np.float32)
    owner, best = scores.argmax(axis=1), scores.max(axis=1)
    classes = range(scores.shape[1]) if args["per_class"] else [None]
    mine = [best if c is None else np.where(owner == c, best, -1) for c in classes]
    k, iou, least = (("k", TensorProto.INT64, args["max_detections"]),
                     ("iou", TensorProto.FLOAT, args["iou_threshold"]),
                     ("least", TensorProto.FLOAT, args["score_threshold"]))  # fmt: skip
    node = helper.make_node("NonMaxSuppression", ["b", "s", "k", "iou", "least"], ["rows"])
    graph = helper.make_graph(
        [node], "nms",
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, list(boxes.shape)),
         helper.make_tensor_value_info("s", TensorProto.FLOAT, [1, len(mine), len(best)])],
        [helper.make_tensor_value_info("rows", TensorProto.INT64, [None, 3])],
        [helper.make_tensor(name, kind, [1], [value]) for name, kind, value in (k, iou, least)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"b": boxes, "s": np.array([mine], np.float32)})[0][:, 2]
    return sorted((int(r) for r in found), key=lambda r: -best[r])[: args["max_detections"]]


def crowd_cases() -> list[Any]:
    """Crowds of 60 boxes in 3 classes: quarters of a pixel, and no score twice."""
    made = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        corner, side = rng.integers(0, 160, (60, 2)) / 4, rng.integers(8, 80, (60, 2)) / 4
        scores = rng.permutation(1024)[:180].reshape(60, 3) / 1024
        args = _args(
            np.concatenate([corner, corner + side], axis=1),
            scores,
            iou_threshold=(0.3, 0.45, 0.5, 0.7)[seed % 4],
            max_detections=(20, 100)[seed % 2],
            per_class=seed < 4,
        )
        made.append(case(f"a crowd, seed {seed}, by onnxruntime", args, onnxruntimes(args)))
    return made


def decode_cases() -> list[Any]:
    """Candidates of a 320 × 200 input of a 640 × 480 picture, stretched, by hand."""
    args = {
        **_args([[LEFT, RIGHT, FAR]], [[[0.1, 0.7], [0.2, 0.6], [0.9, 0.3]]]),
        "landmarks": [[[1, 2, 3, 4], [5, 6, 7, 8], [110, 60, 115, 80]]],
        "image_from_model": [2, 0, 0, 0, 2.4, 0],
    }
    far = {"box_xyxy": [200, 120, 240, 216], "score": 0.9, "class_id": 0,
           "landmarks_xy": [[220, 144], [230, 192]]}  # fmt: skip
    left = {"box_xyxy": [0, 0, 40, 24], "score": 0.7, "class_id": 1,
            "landmarks_xy": [[2, 4.8], [6, 9.6]]}  # fmt: skip
    bare = [{**d, "landmarks_xy": []} for d in (far, left)]
    paired = [[[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[110, 60], [115, 80]]]]
    atol = 1e-6  # scores are float32
    return [
        case("two classes", args, [far, left], atol),
        case("no landmarks", {**args, "landmarks": None}, bare, atol),
        case("landmarks in pairs", {**args, "landmarks": paired}, [far, left], atol),
        case("no batch", {**args, **{k: args[k][0] for k in ("boxes", "scores", "landmarks")}},
             [far, left], atol),
        case("none at all", {**args, "boxes": [], "scores": [], "landmarks": None}, []),
        refused("a row of scores too few", {**args, "scores": [[[0.1, 0.7], [0.2, 0.6]]]}),
        refused("three columns", {**args, "boxes": [[b[:3] for b in (LEFT, RIGHT, FAR)]]}),
        refused("odd landmarks", {**args, "landmarks": [[[1, 2, 3]] * 3]}),
        refused("scores without classes", {**args, "scores": [[0.1, 0.2, 0.9]]}),
    ]  # fmt: skip


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {
        "suppress_candidates": [*hand_cases(), *crowd_cases()],
        "detections_from_candidates": decode_cases(),
    }
