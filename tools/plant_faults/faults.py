"""The faults, with the stage where each must show, said before anything is run.

raw: preprocessing, weights, ops. candidates: decode. detections: NMS and what follows.
contract: names, types, padding, labels. input: how the picture is fitted. load: the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mobilecat.graph import Array
from tools.plant_faults import file_faults as files
from tools.plant_faults.changes import (
    LEFT_RIGHT,
    YX,
    average_pool,
    bits,
    clipped,
    coarse_first,
    columns,
    count_all,
    count_one_more,
    dirty_padding,
    exchanged_names,
    falling_to_rising,
    graph,
    head,
    image,
    key,
    leaky,
    mirrored,
    next_class,
    nms,
    no_bias,
    no_skip,
    no_slopes,
    other_color,
    other_score,
    other_upsampling,
    resize,
    reversed_rows,
    scaled,
    shifted_anchors,
    shuffle_labels,
    shuffle_labels_file,
    softmax_over_batch,
    spec,
    swapped_outputs,
    swapped_taps,
    swapped_wh,
    through,
    times,
    told,
    unary,
    upside_down,
    weights,
    without_class,
    wrong_concat,
    xy_corner_is_centre,
    zeros,
)
from tools.plant_faults.contract_faults import contract_faults
from tools.plant_faults.interface_faults import interface_faults
from tools.plant_faults.kinds import ALL, COREML, DETECTORS, GRIDS, Fault
from tools.plant_faults.ssd_faults import ssd_faults
from tools.plant_faults.workshop import FORMATS


def weight_faults(layers: dict[str, tuple[str, ...]]) -> list[Fault]:
    """Return faults of one layer's weights; eight bits show where precision is above eight bits."""
    found = []
    kinds: list[tuple[str, Callable[[Array], Array], Sequence[str]]] = [
        ("zeroed", zeros, FORMATS),
        ("permuted", reversed_rows, FORMATS),
        ("cut to 8 bits", bits(8), FORMATS),
        ("cut to 4 bits", bits(4), FORMATS),
        ("with the wrong sign", np.negative, FORMATS),
    ]
    for model, names in layers.items():
        for k, (kind, change, formats) in enumerate(kinds):
            node = names[k % len(names)]
            plant = weights(node, change)
            title = f"weights of {node} {kind}"
            found.append(Fault(title, "raw", (model,), plant, formats, node))
    return found


def faults(layers: dict[str, tuple[str, ...]]) -> list[Fault]:
    both, one = DETECTORS, ("mtcnn_onet",)
    fitted = ("ssdlite", "mtcnn_onet")
    return [
        # preprocessing
        Fault("colours swapped", "raw", ALL, spec(other_color), ("tflite",)),
        Fault("colours swapped", "input", ALL, spec(other_color), COREML),
        Fault("scale off: 0–1 for 0–255", "raw", DETECTORS, image(range=(0.0, 1.0))),
        Fault("scale off: std 255 for 128", "raw", one, image(std=255.0)),
        Fault("scale off by 2 %", "raw", DETECTORS, scaled(1.02)),
        Fault("scale off by 20 %", "raw", DETECTORS, scaled(1.2)),
        Fault("mean missing", "raw", fitted, image(mean=0.0)),
        Fault("bias off: a mean too many", "raw", GRIDS, image(mean=127.5)),
        Fault("bias off: mean 122 for 127.5", "raw", one, image(mean=122.0)),
        Fault("bias off: mean 90 for 127.5", "raw", one, image(mean=90.0)),
        Fault("rows and columns of the picture swapped", "raw", one, image(transposed=False)),
        Fault("picture upside down", "raw", ALL, graph(upside_down)),
        # network
        *weight_faults(layers),
        Fault("an activation missing", "raw", ("yunet",), graph(lambda e: e.skip("Relu_1"))),
        Fault("ReLU leaks by 0.1", "raw", ("yunet",), graph(leaky)),
        Fault("slopes of a PReLU zeroed", "raw", one, graph(no_slopes)),
        Fault("sigmoid missing", "raw", ("yunet",), graph(lambda e: e.skip("Sigmoid_94"))),
        Fault("sigmoid missing", "raw", ("yolox_nano",), graph(lambda e: e.skip("Sigmoid_396"))),
        Fault("sigmoid twice", "raw", ("yunet",), through("cls_8", unary("Sigmoid"))),
        Fault(
            "sigmoid twice", "raw", ("yolox_nano",), through("onnx::Concat_1149", unary("Sigmoid"))
        ),
        Fault("softmax over the wrong axis", "raw", one, graph(softmax_over_batch)),
        Fault("softmax missing", "raw", one, graph(lambda e: e.skip("softmax_2"))),
        Fault("a bias missing", "raw", ALL, graph(no_bias)),
        Fault("branches joined in the wrong order", "raw", ("yolox_nano",), graph(wrong_concat)),
        Fault("a skip connection missing", "raw", ("yunet",), graph(no_skip)),
        Fault("average for maximum pooling", "raw", ("yunet",), graph(average_pool)),
        Fault(
            "upsampling by another convention",
            "raw",
            GRIDS,
            graph(other_upsampling),
            ("mlpackage", "tflite"),
        ),
        # decode
        Fault("anchors shifted by half a cell", "candidates", GRIDS, graph(shifted_anchors)),
        Fault("stride order reversed", "candidates", ("yolox_nano",), head(strides=(32, 16, 8))),
        Fault("stride order reversed", "candidates", ("yunet",), graph(coarse_first)),
        Fault("width and height swapped", "candidates", both, graph(swapped_wh)),
        Fault(
            "yxyx for xyxy",
            "candidates",
            ALL,
            through("decode/candidate_boxes", columns([1, 0, 3, 2])),
        ),
        Fault("centre and size for corners", "candidates", both, graph(xy_corner_is_centre)),
        Fault(
            "exp of the size missing",
            "candidates",
            GRIDS,
            graph(lambda e: e.skip("decode/size_cells")),
        ),
        Fault(
            "boxes in 0–1 for pixels",
            "candidates",
            ALL,
            through("decode/candidate_boxes", times(1 / 320)),
        ),
        Fault(
            "score without its root",
            "candidates",
            ("yunet",),
            graph(lambda e: e.skip("decode/candidate_scores")),
        ),
        Fault(
            "sigmoid a second time in the decode",
            "candidates",
            both,
            through("decode/candidate_scores", unary("Sigmoid")),
        ),
        Fault("score without the class", "candidates", ("yunet",), graph(without_class)),
        Fault(
            "a background class in front",
            "candidates",
            ("yolox_nano",),
            through("decode/candidate_scores", columns([*range(79, 80), *range(79)])),
        ),
        Fault(
            "the background's score for the face's",
            "candidates",
            one,
            graph(other_score),
            score=True,
        ),
        Fault(
            "landmarks left and right exchanged",
            "candidates",
            ("yunet", "mtcnn_onet"),
            through("decode/candidate_landmarks", columns(LEFT_RIGHT)),
        ),
        Fault(
            "landmarks y, x for x, y",
            "candidates",
            ("yunet", "mtcnn_onet"),
            through("decode/candidate_landmarks", columns(YX)),
        ),
        Fault("landmarks read as x, y pairs", "candidates", one, head(order="xy")),
        Fault("landmarks in 0–1 for pixels", "candidates", one, head(units="pixels")),
        Fault(
            "boxes clipped to the picture",
            "candidates",
            both,
            through("decode/candidate_boxes", clipped),
        ),
        # NMS and results
        Fault("NMS IoU 0.45 → 0.9", "detections", both, nms(iou_threshold=0.9)),
        Fault("NMS IoU 0.45 → 0.5", "detections", both, nms(iou_threshold=0.5)),
        Fault("NMS score 0.3 → 0.01", "detections", both, nms(score_threshold=0.01)),
        Fault("NMS score 0.3 → 0.31", "detections", both, nms(score_threshold=0.31)),
        Fault("NMS dropped", "detections", both, nms(iou_threshold=1.0)),
        Fault("NMS over all classes together", "detections", ("yolox_nano",), nms(per_class=False)),
        Fault("NMS keeps 50 for 100", "contract", both, nms(max_detections=50)),
        Fault("class index off by one", "contract", both, graph(next_class)),
        Fault(
            "yxyx for xyxy after NMS", "detections", ALL, through("boxes", columns([1, 0, 3, 2]))
        ),
        Fault(
            "landmarks exchanged after NMS",
            "detections",
            ("yunet", "mtcnn_onet"),
            through("landmarks", columns([1, 0, 2, 4, 3], axis=2)),
        ),
        Fault(
            "landmarks mirrored in the picture", "detections", one, through("landmarks", mirrored)
        ),
        Fault("padded rows counted as detections", "detections", both, graph(count_all)),
        Fault("one padded row counted", "detections", both, graph(count_one_more)),
        Fault("padded rows not zero", "contract", both, graph(dirty_padding)),
        Fault("rows in rising order", "contract", both, graph(falling_to_rising)),
        Fault(
            "scores squared after NMS",
            "detections",
            both,
            through("scores", lambda e, v: e.op("Mul", v, v)),
        ),
        Fault("boxes halved after NMS", "detections", ALL, through("boxes", times(0.5))),
        # names and contract
        Fault(
            "outputs swapped: scores, class_ids",
            "contract",
            ALL,
            swapped_outputs("scores", "class_ids"),
        ),
        Fault(
            "outputs swapped: boxes, landmarks",
            "contract",
            ("yunet", "mtcnn_onet"),
            swapped_outputs("boxes", "landmarks"),
        ),
        Fault("raw outputs swapped: cls, obj", "raw", ("yunet",), swapped_taps("cls_8", "obj_8")),
        Fault("labels.txt shuffled", "contract", both, shuffle_labels_file, ("tflite",)),
        Fault(
            "labels shuffled everywhere", "contract", both, shuffle_labels, ("tflite", "mlpackage")
        ),
        Fault(
            "landmark names exchanged",
            "contract",
            ("yunet", "mtcnn_onet"),
            told(exchanged_names),
            ("tflite", "mlpackage"),
        ),
        # the picture
        Fault(
            "stretch for letterbox",
            "contract",
            GRIDS,
            told(resize("stretch")),
            ("tflite", "mlpackage"),
        ),
        Fault(
            "letterbox in the corner for the middle",
            "contract",
            ("yunet",),
            told(resize("letterbox-topleft")),
            ("tflite", "mlpackage"),
        ),
        Fault(
            "letterbox in the middle for the corner",
            "contract",
            ("yolox_nano",),
            told(resize("letterbox")),
            ("tflite", "mlpackage"),
        ),
        Fault(
            "letterbox for stretch",
            "contract",
            fitted,
            told(resize("letterbox")),
            ("tflite", "mlpackage"),
        ),
        Fault(
            "padding of another grey",
            "contract",
            GRIDS,
            told(key("pad", 200)),
            ("tflite", "mlpackage"),
        ),
        Fault(
            "nearest for bilinear resizing",
            "contract",
            ALL,
            told(key("resample", "nearest")),
            ("tflite", "mlmodel"),
        ),
        *ssd_faults(),
        *files_faults(),
        *contract_faults(),
        *interface_faults(),
    ]


def files_faults() -> list[Fault]:
    both = DETECTORS
    return [
        Fault("one flipped byte", "load", ALL, files.flipped_byte),
        Fault("file cut short", "load", ALL, files.cut_short),
        Fault("file cut short, its hash made again", "load", ALL, files.cut_short_and_vouched),
        Fault("colour space of the image input", "input", ALL, files.other_colour_space, COREML),
        Fault(
            "image input scaled by 1/255 as well", "input", ALL, files.scaled_again, ("mlmodel",)
        ),
        Fault("image input with a bias", "input", ALL, files.biased, ("mlmodel",)),
        Fault("a weight of a layer is inf (float16)", "raw", both, files.infinite, ("mlpackage",)),
        Fault("weights in weight.bin zeroed", "raw", ALL, files.zeroed_blob, ("mlpackage",)),
        Fault("weights in the flatbuffer zeroed", "raw", ALL, files.zeroed_buffer, ("tflite",)),
        Fault("weights in a layer zeroed", "raw", ALL, files.zeroed_layer, ("mlmodel",)),
        Fault("NMS IoU changed in the file", "detections", both, files.other_iou),
        Fault("NMS score changed in the file", "detections", both, files.other_score, COREML),
        Fault("output renamed in the file", "contract", ALL, files.renamed_output, ("tflite",)),
        Fault("output renamed in the file", "contract", ALL, files.renamed_output, COREML),
        Fault(
            "signature's outputs exchanged", "contract", ALL, files.exchanged_signature, ("tflite",)
        ),
    ]
