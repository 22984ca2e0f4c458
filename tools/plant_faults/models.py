"""The models that faults are planted in: source, spec and pictures of each."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from mobilecat.demo import DETECTOR, FOLDER
from mobilecat.formats.coreai.target import CoreAITarget
from mobilecat.spec import Spec, load_spec, spec_from_text

ROOT = Path(__file__).resolve().parents[2]
SSD = "ssdlite"
SOURCES = {
    "mtcnn_onet": "mtcnn_onet.onnx",
    "yunet": "yunet_n_dynamic.onnx",
    SSD: "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb",
    "yolox_nano": "yolox_nano.onnx",
}
DEMO = "cat_faces"
"""The demo's detector, for a sample that needs no test data; the whole run goes without it."""
EXAMPLES = {"onet_means": "mtcnn_onet"}
SUBTLE = {"onet_means": "mtcnn_onet.onnx", **SOURCES}
MEANS = {"mean": (126.5, 127.5, 128.5)}
"""O-net as if trained with another mean for each colour: a wrong order of them must show."""
SIZES = {"yunet": (320, 256)}  # not square, and quick
WITH_CONTRACTS = ("yolox_nano", SSD)  # no landmarks: Vision and MediaPipe Tasks can read them
TARGETS = """
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
"""
SSD_SPEC = f"""
name = "ssdlite"
source = "-"
labels = ["person"]
input = {{ size = [300, 300], mean = 127.5, std = 127.5, resize = "stretch" }}
head = {{ kind = "ssd" }}
nms = {{ score_threshold = 0.3, iou_threshold = 0.45, max_detections = 100 }}
{TARGETS}"""


def missing(name: str) -> str:
    """Return why this model cannot be made here, or ""."""
    if name != SSD:
        return ""
    from mobilecat.formats.tensorflow.worker import INSTALL, missing_extra

    packages = missing_extra()
    return f"its TensorFlow graph needs {packages}: {INSTALL}" if packages else ""


def spec_of(name: str, formats: tuple[str, ...] = ()) -> Spec:
    """Return a model's spec, with its own targets; for `.aimodel` alone with that one."""
    if formats == ("aimodel",):
        spec = spec_of(name)
        targets = type(spec.targets)(coreai=(CoreAITarget(),))
        return spec.model_copy(update={"targets": targets})
    if name == SSD:
        return _in_every_contract(spec_from_text(SSD_SPEC))
    if name == DEMO:
        return spec_from_text(DETECTOR.read_text("utf-8").split("[[targets", 1)[0] + TARGETS)
    spec = load_spec(ROOT / "examples" / EXAMPLES.get(name, name) / "mobilecat.toml")
    assert spec.input is not None
    image = spec.input.model_copy(update={"size": SIZES.get(name, spec.input.size)})
    image = image.model_copy(update=MEANS) if name == "onet_means" else image
    spec = spec.model_copy(update={"input": image, "name": name})
    return _in_every_contract(spec) if name in WITH_CONTRACTS else spec


def _in_every_contract(spec: Spec) -> Spec:
    """Add the files that Vision and MediaPipe Tasks read."""
    pipelines = tuple(
        t.model_copy(update={"contract": "vision", "name": f"{spec.name}.vision"})
        for t in spec.targets.coreml
    )
    detector = spec.targets.tflite[0].model_copy(
        update={"contract": "detection", "name": f"{spec.name}.detection"}
    )
    targets = spec.targets.model_copy(
        update={
            "coreml": (*spec.targets.coreml, *pipelines),
            "tflite": (*spec.targets.tflite, detector),
        }
    )
    return spec.model_copy(update={"targets": targets})


def source_of(name: str, data: Path, root: Path) -> Path:
    """Return the source model's file; the TensorFlow graph is made ONNX once, in `root`."""
    if name == DEMO:
        return FOLDER / f"{name}.onnx"
    path = data / "models" / SUBTLE[name]
    if name != SSD:
        return path
    import onnx

    from mobilecat.formats.base.source import Source
    from mobilecat.formats.importing import ImportOptions, dims_of
    from mobilecat.formats.tensorflow.read import frozen_onnx

    (picture,) = dims_of(path)
    frozen = root / f"{name}-source.onnx"
    graph = Source(path, "tf-graph", ImportOptions())
    onnx.save(frozen_onnx(graph, {picture: (1, 300, 300, 3)}), frozen)
    return frozen


def pictures_of(name: str, data: Path, root: Path) -> list[Path]:
    """Return pictures that have something to find: odd sides, off the middle."""
    if name == DEMO:
        return [FOLDER / "pictures" / f"{p}.png" for p in ("one_at_night", "two_on_a_sofa")]
    person = Image.open(data / "astronaut.png").convert("RGB")
    cat = Image.open(data / "chelsea.png").convert("RGB")
    wide = Image.new("RGB", (731, 547), (30, 60, 90))
    if name in ("mtcnn_onet", "onet_means"):
        # O-net looks at faces that were cropped already.
        pictures = [person.crop((163, 61, 284, 206)), person.crop((150, 70, 276, 214))]
    else:
        wide.paste(person.crop((60, 0, 420, 400)), (20, 90))
        wide.paste(person.crop((60, 0, 420, 400)).resize((270, 300)), (390, 30))
        if name == "yolox_nano":
            wide.paste(cat.resize((300, 200)), (410, 340))
        # One for YOLOX, which takes ten times as long: cat and people are in it.
        pictures = [wide] if name == "yolox_nano" else [person, wide]
    folder = root / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}-{i}.png" for i in range(len(pictures))]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    return paths
