"""The systems of docs/systems.md: which network stands for each, and its spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from systems_dense import system_rows

PICTURES = (
    "chelsea.png",
    "astronaut.png",
    "cats/00000003_024.jpg",
    "cats/00000009_003.jpg",
    "cats/00000011_015.jpg",
)
"""A cat from near, a person, and cats in landscape and portrait."""

# The head in each picture as Vision would box an animal's: x, y, width, height in 0..1, the origin
# at the lower left. Grown, the first reaches beyond its picture.
BOXES = (
    (0.05, 0.03, 0.88, 0.97),
    (0.32, 0.62, 0.25, 0.34),
    (0.43, 0.66, 0.23, 0.26),
    (0.40, 0.38, 0.26, 0.37),
    (0.17, 0.54, 0.53, 0.32),
)
CROP = '[crop]\ngrow = 0.25\nsquare = true\nedge = "pad"'

SINGLE_224 = 'size = [224, 224]\nrange = [0, 1]\ncolor = "BGR"\nresize = "fit-pad"'
FREDERIC_224 = 'size = [224, 224]\nmean = 127.5\nstd = 127.5\nresize = "stretch"'
NMS = "[nms]\nscore_threshold = 0.3\niou_threshold = 0.45\nmax_detections = 100\n"
SIGMOID, SOFTMAX = 'activation = "sigmoid"', 'activation = "softmax"'
BUILT = "built: {}, seeded, last layer scaled"


@dataclass(frozen=True)
class System:
    """One row.

    file: among the test models, or what `build` (a name in systems_nets) is written to.
    spec: TOML without targets, `input` and `head` given apart; or the name of an example.
    labels: how many classes, which the `vision` contract must be able to name.
    cascade: the demo's landmark model, behind boxes from elsewhere (BOXES).
    app: whether its .aimodel leaves the suppression to the app.
    """

    name: str
    weights: str
    file: str = ""
    build: str = ""
    example: str = ""
    input: str = ""
    head: str = ""
    more: str = ""
    labels: int = 0
    cascade: str = ""
    app: bool = False

    @property
    def tensorflow(self) -> bool:
        return not self.cascade and not self.file.endswith(".onnx")

    def toml(self, examples: Path) -> str:
        """Return the spec, ready for targets to be added."""
        if self.example:
            text = (examples / self.example / "mobilecat.toml").read_text("utf-8")
            return text[: text.index("[[targets.")]
        labels = [f"class {i}" for i in range(self.labels)]
        top = f'name = "net"\nsource = "-"\nlabels = {labels}'
        return f"{top}\n[input]\n{self.input}\n{self.head}\n{self.more}\n"


def _head(kind: str, rest: str = "") -> str:
    return f'[head]\nkind = "{kind}"\n{rest}'


SYSTEMS = (
    System(
        "EfficientNetV2, single box",
        BUILT.format("Keras EfficientNetV2-B0 (.keras)"),
        "efficientnet_box.keras",
        build="efficientnet_box",
        input='size = [224, 224]\nresize = "stretch"',
        head=_head("box", 'format = "xyxy"\nunits = "pixels"'),
    ),
    System(
        "YuNet 2023",
        "real: face_detection_yunet_2023mar.onnx",
        "face_detection_yunet_2023mar.onnx",
        example="yunet",
    ),
    System(
        "YuNet 2022",
        "real: face_detection_yunet_2022mar.onnx",
        "face_detection_yunet_2022mar.onnx",
        input='size = [320, 240]\ncolor = "BGR"\nresize = "letterbox"',
        head=_head("yunet"),
        more=NMS + "[shapes]\ninput = [1, 3, 240, 320]",  # made for 160×120, it takes any size
    ),
    System(
        "YOLOv1 on ResNet",
        BUILT.format("Keras ResNet50 (SavedModel)"),
        "yolov1_resnet",
        build="yolov1_resnet",
        input='size = [448, 448]\nmean = [123, 117, 104]\nresize = "stretch"',
        head=_head("yolov1"),
        labels=20,
        more="[nms]\nscore_threshold = 0.2",
    ),
    System(
        "YOLOv3, two maps",
        "real: yolov3_tiny.onnx",
        "yolov3_tiny.onnx",
        example="yolov3_tiny",
    ),
    System(
        "YOLOv3, three maps",
        BUILT.format("five convolutions in ONNX"),
        "yolov3.onnx",
        build="yolov3",
        input='size = [416, 416]\nrange = [0, 1]\nresize = "letterbox"\npad = 114',
        head=_head("yolov3"),
        labels=3,
        more=NMS,
    ),
    System("YOLOv5", "real: yolov5n.onnx", "yolov5n.onnx", example="yolov5n"),
    System(
        "YOLOv8-style",
        BUILT.format("five convolutions in ONNX"),
        "yolov8.onnx",
        build="yolov8",
        input='size = [640, 640]\nrange = [0, 1]\nresize = "letterbox"\npad = 114',
        head=_head("yolov8"),
        labels=3,
        more=NMS,
    ),
    System(
        "YOLOv8-pose-like, 17 points",
        BUILT.format("YOLOv8's structure at half of n's widths, in ONNX"),
        "yolov8_pose.onnx",
        build="yolov8_pose",
        input='size = [320, 256]\nrange = [0, 1]\nresize = "letterbox"\npad = 114',
        head=_head("pose"),
        labels=1,
        more=NMS.replace("0.3", "0.2"),
    ),
    *(
        System(
            f"YOLOv8-seg-like, masks by the {by}",
            BUILT.format("YOLOv8's structure at half of n's widths, in ONNX"),
            "yolov8_seg.onnx",
            build="yolov8_seg",
            input='size = [320, 256]\nrange = [0, 1]\nresize = "letterbox"\npad = 114',
            head=_head("masks", f'masks = "{by}"'),
            labels=3,
            more=NMS.replace("0.3", "0.2"),
        )
        for by in ("graph", "app")
    ),
    System(
        "YOLOv8-obb-like, suppressed by the app",
        BUILT.format("YOLOv8's structure at half of n's widths, in ONNX"),
        "yolov8_obb.onnx",
        build="yolov8_obb",
        input='size = [320, 256]\nrange = [0, 1]\nresize = "letterbox"\npad = 114',
        head=_head("obb"),
        labels=3,
        more=NMS.replace("0.3", "0.2"),
    ),
    *(
        System(
            name,
            BUILT.format(f"{what}, in ONNX"),
            f"{build}.onnx",
            build=build,
            input='size = [320, 256]\nrange = [0, 1]\nresize = "stretch"',
            head=_head(kind, rest),
            labels=labels,
        )
        for name, what, build, kind, rest, labels in (
            ("RT-DETR-like", "RT-DETR's structure, 2 layers", "rtdetr", "detr", SIGMOID, 5),
            ("D-FINE-like", "D-FINE's structure, 2 layers", "dfine", "detr", SIGMOID, 5),
            ("DETR-like", "DETR's structure, 2 layers", "detr", "detr", SOFTMAX, 5),
            ("YOLOv10-like, rows", "YOLOv10's head and choice", "yolov10", "end2end", "", 3),
            ("YOLO26-like, maps", "YOLO26's one-to-one head", "yolo26", "end2end", "", 3),
        )
    ),
    System("YOLOX", "real: yolox_nano.onnx", "yolox_nano.onnx", example="yolox_nano"),
    System(
        "SSD MobileNetV2, TF object detection API",
        "real: TF1 SSDLite person graph (.pb)",
        "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb",
        input='size = [300, 300]\nmean = 127.5\nstd = 127.5\nresize = "stretch"',
        head=_head("ssd"),
        labels=1,
        more=NMS.replace("0.3", "0.05"),
    ),
    System(
        "ResNet50 + squeeze-excite, two heads",
        BUILT.format("Keras ResNet50 (.h5)"),
        "resnet_two_heads.h5",
        build="resnet_two_heads",
        input='size = [244, 244]\nrange = [0, 1]\nresize = "letterbox-topleft"',
        head=_head("box+class", 'format = "xywh"\nunits = "normalised"'),
    ),
    *(
        System(
            f"{name}, {part}",
            BUILT.format(f"Keras MobileNetV2 ({suffix})"),
            f"{name.split()[-1].lower()}_{build}{suffix}",
            build=f"{name.split()[-1].lower()}_{build}",
            input=input,
            head=head,
        )
        for name, suffix, input in (
            ("Cat Hipsterizer", ".h5", SINGLE_224),
            ("frederic", ".keras", FREDERIC_224),
        )
        for part, build, head in (
            (
                "box net" if name != "frederic" else "box net (4 of 14)",
                "box",
                _head(
                    "box",
                    'format = "xyxy"\nunits = "pixels"' + "\nstart = 0" * (name == "frederic"),
                ),
            ),
            ("landmark net", "points", _head("landmarks", 'units = "pixels"')),
        )
    ),
    System(
        "Vision animal detector → landmark net",
        "real: our demo's cat landmark net; boxes written by hand in Vision's space, one a picture",
        cascade="cat_landmarks.toml",
    ),
    System("MTCNN O-net", "real: mtcnn_onet.onnx", "mtcnn_onet.onnx", example="mtcnn_onet"),
    System(
        "UltraFace",
        "real: ultraface_version-slim-320 without post-processing",
        "ultraface_version-slim-320_without_postprocessing.onnx",
        example="ultraface",
    ),
    System(
        "CenterFace",
        BUILT.format("five convolutions in ONNX"),
        "centerface.onnx",
        build="centerface",
        input='size = [320, 256]\nresize = "letterbox"',
        head=_head("centernet"),
        more=NMS,
        app=True,  # random boxes lie in long chains, each over the next: `settled` is 0
    ),
    System(
        "BlazeFace",
        BUILT.format("five convolutions in ONNX"),
        "blazeface.onnx",
        build="blazeface",
        input='size = [128, 128]\nmean = 127.5\nstd = 127.5\nresize = "letterbox"',
        head=_head("blazeface"),
        more=NMS,
    ),
    *(System(**row) for row in system_rows(NMS)),
    System(
        "HRNet-like, heat maps",
        BUILT.format("five convolutions in ONNX"),
        "heatmaps.onnx",
        build="heatmaps",
        input="size = [192, 256]\nmean = [123.675, 116.28, 103.53]\nstd = [58.395, 57.12, 57.375]",
        head=_head("heatmap", 'method = "quarter"'),
    ),
    System(
        "RTMPose-like, SimCC",
        BUILT.format("five convolutions in ONNX"),
        "simcc.onnx",
        build="simcc",
        input="size = [192, 256]\nmean = [123.675, 116.28, 103.53]\nstd = [58.395, 57.12, 57.375]",
        head=_head("simcc"),
    ),
    System(
        "MediaPipe pose-like, 39 points with visibility",
        BUILT.format("five convolutions in ONNX"),
        "pose_rows.onnx",
        build="pose_rows",
        input="size = [256, 256]\nrange = [0, 1]",
        head=_head("landmarks", 'units = "pixels"\ncolumns = 5\nvisibility = 3\nscore = "there"'),
    ),
    System(
        "Classifier, the best five of 20",
        BUILT.format("five convolutions in ONNX"),
        "classes.onnx",
        build="classes",
        input="size = [224, 224]\nmean = [123.675, 116.28, 103.53]\nstd = [58.395, 57.12, 57.375]",
        head=_head("classify", 'activation = "softmax"'),
        labels=20,
    ),
    System(
        "DeepLab-like, class map",
        BUILT.format("five convolutions in ONNX"),
        "deeplab.onnx",
        build="deeplab",
        input="size = [320, 256]\nrange = [-1, 1]",
        head=_head("segments"),
        labels=21,
    ),
    System(
        "Keras HDF5 of years ago, raw head",
        "real: keras_fer_mini_xception.hdf5",
        "keras_fer_mini_xception.hdf5",
        input='size = [64, 64]\ncolor = "GRAY"\nmean = 127.5\nstd = 127.5\nresize = "stretch"',
    ),
)
