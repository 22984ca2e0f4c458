"""The table of families: one small function each, from a file's facts to a guess or None.

To add one: a function, and its name in FAMILIES. Sources of the preprocessing: the families' own
repositories, as docs/adding-a-head.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mobilecat.formats.base.notes import cut_in
from mobilecat.proposal.dense import fcos, fits, gfl, retinaface, retinanet, scrfd, yolo5face
from mobilecat.proposal.facts import Facts, Shape
from mobilecat.proposal.guess import FIVE_POINTS, LETTERBOX, Ask, Guess
from mobilecat.proposal.pictures import (
    classifier,
    logits,
    maps_of_the_input,
    mediapipe_points,
    perhaps_classifier,
    simcc,
)
from mobilecat.proposal.queries import detr, end2end
from mobilecat.proposal.single import (
    PIXELS,
    box_and_class,
    landmarks_on_a_crop,
    one_box,
    points,
    points_and_score,
    units_of,
)
from mobilecat.spec.heads import HEADS
from mobilecat.spec.published_anchors import YOLOV3_TINY

Family = Callable[[Facts], Guess | None]
_OWN_ANCHORS = (
    "written are those that the family publishes; where you trained with your own (the .cfg has "
    "them), say --set 'head.anchors=[[[w, h], …], …]', a list a map, finest first"
)
_ORDER = (
    "the order of colours in training: the TF API's and torchvision's detectors take RGB, those of "
    "Caffe and OpenCV BGR. Pictures seldom tell (--image), labels more often (mobilecat evaluate)"
)
_VALUES = (
    "what pixel values 0 and 255 became in training: the TF API has -1 and 1, others 0 and 1, or "
    "leave them. Pictures tell of some (--image), labels of more (mobilecat evaluate)"
)
_FITTED = (
    "how pictures were brought to the input's size in training: the TF API and torchvision stretch "
    "them, others letterbox. Pictures tell (--image, 5 or more) that are much wider or higher than "
    "the input's aspect, with one object near the middle that it finds"
)


def yunet(facts: Facts) -> Guess | None:
    named = {f"{k}_{s}" for k in ("cls", "obj", "bbox", "kps") for s in (8, 16, 32)}
    image = {"color": "BGR", "resize": "letterbox"}
    if named <= set(facts.outputs):
        because = "outputs cls, obj, bbox and kps at strides 8, 16 and 32"
        return Guess("YuNet 2023", "yunet", 2, because, {}, image, (), ("face",), FIVE_POINTS)
    wide = sorted(shape[-1] for shape in facts.outputs.values())
    if set(facts.outputs) == {"loc", "conf", "iou"} and wide == [1, 2, 14]:
        because = "outputs loc [N,14], conf [N,2] and iou [N,1]"
        return Guess("YuNet 2022", "yunet", 2, because, {}, image, (), ("face",), FIVE_POINTS)
    return None


def ultraface(facts: Facts) -> Guess | None:
    scores, boxes = _named(facts, 2), _named(facts, 4)
    per_cell = {8: 3, 16: 2, 32: 2, 64: 3}
    priors = sum(n * facts.cells(s) for s, n in per_cell.items())
    if not scores or not boxes or facts.outputs[boxes][1] != priors or len(facts.outputs) != 2:
        return None
    box = facts.values[boxes].reshape(-1, 4)
    upright = (box[:, 2:] > box[:, :2]).mean()
    form = "decoded" if upright > 0.99 else "raw"
    because = f"{priors} priors of UltraFace at this size; the boxes' values are {form}"
    image = {"mean": 127, "std": 128}
    return Guess("UltraFace", "ultraface", 2, because, {"form": form}, image, (), ("face",))


def blazeface(facts: Facts) -> Guess | None:
    rows = [s for s in facts.outputs.values() if len(s) == 3 and s[1] in (896, 2016, 2254, 2304)]
    columns = sorted(s[2] for s in rows)
    if columns not in ([1, 12], [1, 16], [1, 18]):
        return None
    title, low, label, points = BLAZE[columns[1]]
    because = f"{rows[0][1]} anchors with 4 + 2·{len(points)} values and a logit"
    image = {"resize": "letterbox", "range": [low, 1]}
    return Guess(title, "blazeface", 2, because, {}, image, (), (label,), points)


FINGERS = tuple(f"{finger}_base" for finger in ("index", "middle", "ring", "little"))
BLAZE = {
    # MediaPipe's pose detector boxes the face; its points say where the body is, and how large.
    12: ("MediaPipe pose", -1, "person", ("hips", "body_size", "shoulders", "upper_body_size")),
    16: (
        "BlazeFace", -1, "face",
        ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear"),
    ),
    18: ("MediaPipe palm", 0, "palm", ("wrist", *FINGERS, "thumb_root", "thumb_base")),
}  # fmt: skip
"""By columns: title, what black becomes, label, points."""


def centerface(facts: Facts) -> Guess | None:
    maps = [s for s in facts.outputs.values() if len(s) == 4]
    if sorted(s[1] for s in maps) != [1, 2, 2, 10] or len({s[2:] for s in maps}) != 1:
        return None
    because = "four maps of one stride: heat, size, offset and five points"
    return Guess("CenterFace", "centernet", 1, because, {}, {}, (), ("face",), FIVE_POINTS)


def told(facts: Facts) -> Guess | None:
    """Return what the file itself says, where it names a whole head."""
    head = dict(facts.told.head)
    kind = head.pop("kind", None)
    if not isinstance(kind, str) or kind not in HEADS:
        return None
    because = "candidates of a pipeline that ends in suppression, as the file says"
    return Guess("A detector with its own suppression", kind, 3, because, head)


def ssd(facts: Facts) -> Guess | None:
    rows = {n: s for n, s in facts.outputs.items() if _is_rows(s)}
    boxes = [n for n, s in rows.items() if s[-1] == 4]
    scores = [n for n, s in rows.items() if s[-1] != 4]
    if len(boxes) != 1 or len(scores) != 1:
        return None
    image = {"range": [-1, 1]}
    if facts.anchors is not None and facts.told.head and "kind" not in facts.told.head:
        because = f"{len(facts.anchors)} anchors, as the file's own postprocessing says"
        return Guess("SSD", "ssd", 3, because, dict(facts.told.head), image)
    trained = (
        Ask("input.color", _ORDER, ("RGB", "BGR")),
        Ask("input.range", _VALUES, ([-1, 1], [0, 1], [0, 255])),
        Ask("input.resize", _FITTED, ("stretch", "letterbox")),
    )
    if facts.anchors is not None:
        because = f"{len(facts.anchors)} anchors of the TF object detection API in the graph"
        if facts.path.suffix.lower() != ".onnx":
            return Guess("SSD", "ssd", 2, because, {}, image)
        # A graph of the API itself has its resizer, which stretches; in an ONNX file it is gone.
        own = {**image, "color": "RGB", "resize": "stretch"}
        return Guess("SSD", "ssd", 2, because, {}, own, trained)
    corners = facts.values[boxes[0]].reshape(-1, 4)
    if (corners[:, 2:] > corners[:, :2]).all(axis=1).mean() > 0.99:
        return None  # boxes that are decoded already, as files whose app suppresses give them
    # It settles where the API's generator makes as many.
    because = f"encodings and scores of {rows[boxes[0]][1]} anchors, as the TF API generates them"
    asks = (
        Ask("head.order", "the order of an encoding: TensorFlow's, or Caffe's", ("yxhw", "xywh")),
        Ask(
            "head.activation",
            "what is still to be applied to the scores",
            ("sigmoid", "softmax", "none"),
        ),
        *trained,
    )
    own = {**image, "color": "RGB", "resize": "stretch"}
    return Guess("SSD", "ssd", 1, because, {}, own, asks)


def yolov5(facts: Facts) -> Guess | None:
    name = _only_rows(facts)
    shape = facts.outputs.get(name, ())
    ladders = ((8, 16, 32), (8, 16, 32, 64), (16, 32))
    if not name or shape[2] < 6 or shape[1] not in (3 * facts.cells(*s) for s in ladders):
        return None
    values = facts.values[name][0]
    if values[:, 4:].min() < 0 or values[:, 4:].max() > 1:
        return None  # points, coefficients of masks: not scores
    units = units_of(values[:, :4])
    because = f"{shape[1]} rows of 5 + {shape[2] - 5}, three a cell; its boxes are {units}"
    return Guess("YOLOv5", "yolov5", 2, because, {"units": units}, LETTERBOX)


def yolox(facts: Facts) -> Guess | None:
    name = _only_rows(facts)
    shape = facts.outputs.get(name, ())
    if not name or shape[2] < 6 or shape[1] != facts.cells(8, 16, 32):
        return None
    rows = facts.values[name][0]
    # log sides are small and of both signs; sides in pixels are neither.
    if not ((rows[:, 2:4] < 0).any() and rows[:, 4:].min() >= 0 and rows[:, 4:].max() <= 1):
        return None
    because = f"{shape[1]} rows of 5 + {shape[2] - 5}, one a cell, sides as logarithms"
    image = {"color": "BGR", "resize": "letterbox-topleft", "pad": 114}
    return Guess("YOLOX", "yolox", 2, because, {}, image)


def yolov8(facts: Facts) -> Guess | None:
    fits = [n for n, s in facts.outputs.items() if len(s) == 3 and s[0] == 1]
    if len(facts.outputs) != 1 or not fits:
        return None
    name, cells = fits[0], facts.cells(8, 16, 32)
    shape = facts.outputs[name]
    if cells not in shape[1:] or min(shape[1:]) < 5 or facts.said("task") not in (None, "detect"):
        return None
    rows = facts.values[name][0]
    rows = rows if shape[1] == cells else rows.T
    scores = rows[:, 4:]
    if scores.min() < 0 or scores.max() > 1 or (rows[:, 2:4] < 0).any():
        return None
    units = units_of(rows[:, :4])
    said = facts.said("task") == "detect"
    because = f"{cells} columns of 4 + {scores.shape[1]}, one a cell; its boxes are {units}"
    if said:
        because += "; the file's metadata says task detect"
    what = "rows of 4 + C scores, YOLOX's of 5 + C, or rows that need no suppression"
    asks: tuple[Ask, ...] = (Ask("head.kind", what, ("yolov8", "yolov5", "yolox", "end2end")),)
    if said or shape[2] == cells:
        asks = ()
    if not said and units == "normalised" and scores.shape[1] >= 4:
        kinds = ("yolov8", *(("yolov5", "yolox") if asks else ()), "pose")
        asks = (Ask("head.kind", f"{what}; or scores and points behind the box", kinds),)
    return Guess("YOLOv8", "yolov8", 3 if said else 2, because, {"units": units}, LETTERBOX, asks)


def with_its_own_nms(facts: Facts) -> Guess | None:
    """A network whose suppression the import cut off: what it says of it is the file's own word."""
    cut = cut_in(facts.metadata)
    name = _only_rows(facts)
    if cut is None or not name:
        return None
    units = units_of(facts.values[name][0][:, :4])
    keys = ("iou_threshold", "score_threshold", "max_detections", "per_class")
    because = (
        f"its own suppression, cut off at {cut['boxes']} and {cut['scores']}; boxes are {units}"
    )
    head = {"units": units, "layout": "rows-first"}
    nms = {k: cut[k] for k in keys}
    return Guess("A detector with NMS", "yolov8", 3, because, head, {}, nms=nms)


def pose(facts: Facts) -> Guess | None:
    """One class, and points of three columns, or of two where the metadata says so."""
    fits = [n for n, s in facts.outputs.items() if len(s) == 3 and s[0] == 1]
    if len(facts.outputs) != 1 or not fits or facts.said("task") not in (None, "pose"):
        return None
    name, cells = fits[0], facts.cells(8, 16, 32)
    shape, each = facts.outputs[name], facts.said("kpt_shape")
    if cells not in shape[1:]:
        return None
    rows = facts.values[name][0]
    rows = rows if shape[1] == cells else rows.T
    told = facts.said("task") == "pose"
    classes = max(1, len(facts.names)) if told else 1
    two = isinstance(each, (list, tuple)) and list(each)[1:] == [2]
    rest = rows[:, 4 + classes :]
    if rest.shape[1] < 2 or rest.shape[1] % (2 if two else 3) or (rows[:, 2:4] < 0).any():
        return None
    units = units_of(rows[:, :4])
    points, seen = rest if two else np.delete(rest, np.s_[2::3], axis=1), rest[:, 2::3]
    if not told and (units == "normalised" or np.abs(points).max() <= PIXELS):
        return None  # nothing tells them from scores; `yolov8` asks
    sure = seen.size == 0 or (seen.min() >= 0 and seen.max() <= 1)
    head: dict[str, object] = {"units": units} | ({"classes": classes} if classes > 1 else {})
    head |= {"visibility": "none"} if two else {} if sure else {"visibility": "logit"}
    count = points.shape[1] // 2
    because = f"{cells} columns of 4 + {classes} and {count} points, one a cell, in {units}"
    because += "; the file's metadata says task pose" if told else "; the points are pixels"
    return Guess("YOLO pose", "pose", 3 if told else 2, because, head, LETTERBOX)


def masks(facts: Facts) -> Guess | None:
    """Rows as YOLOv8's, and a grid of prototypes with fewer channels than the rows have columns."""
    rows = [n for n, s in facts.outputs.items() if len(s) == 3 and s[0] == 1]
    grids = [n for n, s in facts.outputs.items() if len(s) == 4 and s[0] == 1]
    cells = facts.cells(8, 16, 32)
    if len(facts.outputs) != 2 or len(rows) != 1 or len(grids) != 1:
        return None
    if facts.said("task") not in (None, "segment") or cells not in facts.outputs[rows[0]][1:]:
        return None
    values = facts.values[rows[0]][0]
    values = values if facts.outputs[rows[0]][1] == cells else values.T
    grid = facts.outputs[grids[0]]
    count = grid[1] if grid[1] < grid[3] else grid[3]
    scores = values[:, 4 : values.shape[1] - count]
    if not scores.shape[1] or scores.min() < 0 or scores.max() > 1 or (values[:, 2:4] < 0).any():
        return None
    units = units_of(values[:, :4])
    because = (
        f"{cells} columns of 4 + {scores.shape[1]} + {count}, and {count} prototypes; its boxes "
        f"are {units}"
    )
    told = facts.said("task") == "segment"
    because += "; the file's metadata says task segment" if told else ""
    return Guess(
        "YOLO segmentation", "masks", 3 if told else 2, because, {"units": units}, LETTERBOX
    )


def obb(facts: Facts) -> Guess | None:
    """Only the file's metadata tells an angle from one more score."""
    fits = [n for n, s in facts.outputs.items() if len(s) == 3 and s[0] == 1]
    if len(facts.outputs) != 1 or not fits or facts.said("task") != "obb":
        return None
    name, cells = fits[0], facts.cells(8, 16, 32)
    shape = facts.outputs[name]
    if cells not in shape[1:] or min(shape[1:]) < 6:
        return None
    rows = facts.values[name][0]
    rows = rows if shape[1] == cells else rows.T
    units = units_of(rows[:, :4])
    angle = "radians" if np.abs(rows[:, -1]).max() <= 2 * np.pi else "degrees"
    because = (
        f"{cells} columns of 4 + {rows.shape[1] - 5} and an angle in {angle}, one a cell, in "
        f"{units}; the file's metadata says task obb"
    )
    head = {"units": units} | ({"angle": angle} if angle == "degrees" else {})
    return Guess("YOLO oriented boxes", "obb", 3, because, head, LETTERBOX)


def maps(facts: Facts) -> Guess | None:
    """YOLOv3, v4, v5 and v7 share their maps' shapes; only the way to a box differs."""
    shapes = list(facts.outputs.values())
    found = [_map_stride(s, facts) for s in shapes]
    if len(shapes) not in (2, 3) or not all(found):
        return None
    strides = sorted(s for s in found if s)
    five = all(len(s) == 5 for s in shapes)
    because = f"{len(shapes)} maps at strides {', '.join(map(str, strides))}, three anchors a cell"
    if strides == [16, 32]:
        because += "; the anchors are those that YOLOv3-tiny publishes"
        anchors = [[[int(v) for v in pair] for pair in pairs] for pairs in YOLOV3_TINY]
        asks = (Ask("head.anchors", _OWN_ANCHORS, (anchors,)),)
        return Guess("YOLOv3-tiny", "yolov3", 1, because, {"anchors": anchors}, LETTERBOX, asks)
    if strides != [8, 16, 32]:
        return None
    kinds: tuple[str, ...] = ("yolov5", "yolov3") if five else ("yolov3", "yolov5")
    what = "maps of YOLOv3 or of YOLOv5: no shape or value tells"
    if fits(facts, "yolo5face"):
        kinds, what = (*kinds, "yolo5face"), f"{what}; or YOLO5Face's, with ten of five points"
    asks = (Ask("head.kind", what, kinds),)
    return Guess("YOLOv5" if five else "YOLOv3", kinds[0], 1, because, {}, LETTERBOX, asks)


FAMILIES: tuple[Family, ...] = (
    with_its_own_nms,
    yunet,
    ultraface,
    blazeface,
    centerface,
    told,
    ssd,
    yolov5,
    yolox,
    yolov8,
    pose,
    masks,
    obb,
    maps,
    retinaface,
    scrfd,
    yolo5face,
    gfl,
    fcos,
    retinanet,
    landmarks_on_a_crop,
    simcc,
    maps_of_the_input,
    mediapipe_points,
    classifier,
    end2end,
    detr,
    box_and_class,
    logits,
    one_box,
    points,
    points_and_score,
    perhaps_classifier,
)


def _is_rows(shape: Shape) -> bool:
    return len(shape) in (3, 4) and shape[0] == 1 and all(d == 1 for d in shape[2:-1])


def _only_rows(facts: Facts) -> str:
    rows = [n for n, s in facts.outputs.items() if len(s) == 3 and s[0] == 1 and s[1] > s[2]]
    return rows[0] if len(rows) == 1 else ""


def _named(facts: Facts, columns: int) -> str:
    """Return the only output [1,N,columns], or ''."""
    found = [n for n, s in facts.outputs.items() if len(s) == 3 and s[2] == columns]
    return found[0] if len(found) == 1 else ""


def _map_stride(shape: Shape, facts: Facts) -> int:
    """Return the stride of a map of three anchors of 5 + C, or 0."""
    width, height = facts.size_wh
    ways = {4: [(2, 3, 1), (1, 2, 3)], 5: [(2, 3, 4), (1, 2, 4)]}.get(len(shape), [])
    for rows, cols, deep in ways:
        depth = shape[deep] * (1 if len(shape) == 4 else 3)
        if depth % 3 or depth // 3 < 6 or not shape[rows] or not shape[cols]:
            continue
        if height % shape[rows] == 0 and width // shape[cols] == height // shape[rows] > 1:
            return height // shape[rows]
    return 0
