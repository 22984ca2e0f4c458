"""A small bundle whose lanes give what a test says: every number here was chosen by hand.

Picture 96×60 → model input 64×48: scale 2/3, so 64×40, 4 rows of padding above and below.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mobilecat.bundle import FILE, LABELS, ArtifactRecord, Bundle, SourceRecord, TensorContract
from mobilecat.bundle.seal import digest, sealed
from mobilecat.disk import sha256_of
from mobilecat.judge.report import Report
from mobilecat.judge.run import validate
from mobilecat.lanes import Lane, NotRun
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text

LANE = "onnx:fake.onnx"
Tensors = dict[str, np.ndarray]
Fault = Callable[[Tensors], object]

SPEC = """
name = "fake"
source = "fake-source.onnx"
labels = ["cat", "dog"]
landmarks = ["left eye", "right eye"]
targets = {{ {targets} }}
[input]
size = [64, 48]
resize = "letterbox"
[head]
kind = "yunet"
[nms]
score_threshold = 0.3
iou_threshold = 0.45
max_detections = 5
{more}
"""
SHAPES = {
    "boxes": ((1, 5, 4), "float32"),
    "scores": ((1, 5), "float32"),
    "class_ids": ((1, 5), "int32"),
    "landmarks": ((1, 5, 2, 2), "float32"),
    "count": ((1,), "int32"),
}
RAW = {"cls": ((1, 6, 2), "float32"), "reg": ((1, 2, 3, 4), "float32")}
CANDIDATES = {
    "decode/boxes": ((1, 6, 4), "float32"),
    "decode/scores": ((1, 6, 2), "float32"),
    "decode/landmarks": ((1, 6, 4), "float32"),
}


def healthy() -> Tensors:
    """Three detections of two classes, best first, in model pixels; two rows of padding."""
    boxes = np.zeros((1, 5, 4), np.float32)
    boxes[0, :3] = [[10, 8, 30, 28], [34, 10, 60, 40], [4, 30, 16, 42]]
    scores = np.array([[0.9, 0.8, 0.5, 0, 0]], np.float32)
    class_ids = np.array([[1, 0, 0, 0, 0]], np.int32)
    landmarks = np.zeros((1, 5, 2, 2), np.float32)
    landmarks[0, :3] = [[[15, 14], [25, 15]], [[40, 20], [52, 21]], [[7, 34], [12, 36]]]
    low = np.array([[50, 2, 58, 9], [20, 30, 31, 44], [1, 1, 9, 6]], np.float32)
    candidate_scores = [[0.02, 0.9], [0.8, 0.1], [0.5, 0.2], [0.1, 0.05], [0.02, 0.2], [0.0, 0.01]]
    cls = np.array(candidate_scores, np.float32)[None] ** 2
    reg = (np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4) - 7.5) / 4
    points = np.concatenate([landmarks[0, :3].reshape(3, 4), low + 1])
    return {
        "boxes": boxes,
        "scores": scores,
        "class_ids": class_ids,
        "landmarks": landmarks,
        "count": np.array([3], np.int32),
        "cls": cls,
        "reg": reg,
        "decode/boxes": np.concatenate([boxes[0, :3], low])[None],
        "decode/scores": np.array(candidate_scores, np.float32)[None],
        "decode/landmarks": points[None].astype(np.float32),
    }


def contracts(table: Mapping[str, tuple[tuple[int, ...], str]]) -> tuple[TensorContract, ...]:
    return tuple(TensorContract(name=n, shape=s, dtype=d) for n, (s, d) in table.items())


@dataclass
class FakeRunner:
    """Gives what it is told; `after` calls it says that it cannot run."""

    tensors: Callable[[], Tensors]
    fault: Fault = lambda t: t
    after: int | None = None
    note: str = "a fake"
    calls: int = 0

    def infer(self, inputs: Mapping[str, np.ndarray], taps: Sequence[str] = ()) -> object:
        if self.after is not None and self.calls >= self.after:
            raise NotRun("the engine has had enough")
        self.calls += 1
        whole = self.tensors()
        return self.fault({n: v for n, v in whole.items() if n in taps or n in SHAPES})


@dataclass
class Workshop:
    """A bundle folder, a golden folder, and what each lane does."""

    root: Path
    faults: dict[str, Fault] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    tensors: Callable[[], Tensors] = healthy

    @property
    def bundle(self) -> Path:
        return self.root / "bundle"

    @property
    def golden(self) -> Path:
        return self.root / "golden"

    def open(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> FakeRunner:
        if lane.runner == "coreml-native":
            raise NotRun("Core ML itself runs on macOS only")
        if lane.name in self.not_run:
            raise NotRun(self.not_run[lane.name])
        fault = self.faults.get(lane.name, lambda t: t)
        return FakeRunner(self.tensors, fault, self.after.get(lane.name))

    def picture(self, name: str = "room", colour: int = 40) -> Path:
        path = self.root / f"{name}.png"
        Image.new("RGB", (96, 60), (colour, 90, 200)).save(path)
        return path

    def approved(self, *names: str) -> Workshop:
        """Record and approve a case a name, from the healthy source."""
        for k, name in enumerate(names or ("room",)):
            record(self.bundle, self.golden, self.picture(name, 40 + k), opener=self.open)
        approve(self.bundle, self.golden, every=True, reason="looked at", by="a tester")
        return self


def targets_of(kinds: Sequence[str]) -> str:
    """Return `targets` of a spec that makes one file a kind."""
    coreml = {"coreml": "mlpackage", "mlmodel": "mlmodel"}
    made = [f"{k} = {{ }}" for k in kinds if k not in coreml]
    formats = [
        f'{{ format = "{coreml[k]}", precision = "{"float16" if k == "coreml" else "float32"}" }}'
        for k in kinds
        if k in coreml
    ]
    return ", ".join([*made, *([f"coreml = [{', '.join(formats)}]"] if formats else [])])


def edit_bundle(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the values of bundle.json, and seal them again."""
    told = json.loads((folder / FILE).read_text("utf-8"))
    change(told)
    told["spec_sha256"] = digest(told["spec"])
    (folder / FILE).write_text(json.dumps(sealed(told)), encoding="utf-8")


def write_bundle(
    root: Path, more: str = "", taps: bool = True, kinds: Sequence[str] = ("onnx", "tflite")
) -> Workshop:
    """Write a bundle with one artifact a kind; the files hold no model: no engine opens them."""
    shop = Workshop(root)
    shop.bundle.mkdir(parents=True)
    shop.golden.mkdir()
    spec = spec_from_text(SPEC.format(more=more, targets=targets_of(kinds)))
    inner = {n: n for n in (*RAW, *CANDIDATES)} if taps else {}
    records = []
    for kind in kinds:
        suffix = {"coreml": "mlpackage", "coreai": "aimodel"}.get(kind, kind)
        precision = "float16" if kind == "coreml" else "float32"
        path = shop.bundle / f"fake.{suffix}"
        path.write_bytes(kind.encode())
        records.append(
            ArtifactRecord(
                file=path.name,
                kind="coreml" if kind == "mlmodel" else kind,
                format=suffix,
                contract="tensor",
                precision=precision,
                bytes=path.stat().st_size,
                sha256=sha256_of(path),
                image="pixels" if kind in ("coreml", "mlmodel") else "uint8",
                inputs={"image": "image"},
                outputs={n: n for n in SHAPES},
                output_dtypes={"class_ids": "float32"} if kind == "mlmodel" else {},
                taps=inner,
            )
        )
    made = Bundle(
        name="fake",
        versions={"mobilecat": "test"},
        source=SourceRecord(path="s.onnx", sha256="0" * 64, format="onnx", shapes={}),
        spec_sha256=digest(spec.model_dump(mode="json", by_alias=True)),
        spec=spec,
        nms=spec.effective_nms,
        inputs=(TensorContract(name="image", shape=(1, 48, 64, 3), dtype="uint8"),),
        outputs=contracts(SHAPES),
        raw_outputs=contracts(RAW),
        candidates=contracts(CANDIDATES),
        artifacts=tuple(records),
    )
    (shop.bundle / FILE).write_text(made.to_json(), encoding="utf-8")
    (shop.bundle / LABELS).write_text("cat\ndog\n", encoding="utf-8")
    return shop


def moved(tensors: Tensors) -> Tensors:
    boxes = tensors["boxes"].copy()
    boxes[0, 1] += 3
    return {**tensors, "boxes": boxes}


def moved_everywhere() -> Tensors:
    return moved(healthy())


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def approved_hashes(folder: Path) -> dict[str, str]:
    return {k: v for k, v in hashes(folder).items() if Path(k).name.startswith("approved")}


def check(shop: Workshop, **more: object) -> Report:
    """Validate with the workshop's engines."""
    return validate(shop.bundle, shop.golden, opener=shop.open, **more)  # type: ignore[arg-type]


def reasons(shop: Workshop) -> list[str]:
    return [r.check.detail for r in check(shop).failed]


def home(shop: Workshop, case: str = "room") -> Path:
    return shop.golden / "fake" / case
