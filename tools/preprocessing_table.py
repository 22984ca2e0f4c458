"""How often labelled pictures tell a wrong preprocessing, and how often they accuse a right one.

    python -m tools.preprocessing_table [--kept build/preprocessing] [--only NAME …] [--draws 3000]

Six detectors that find cats run on 66 photos with each colour order, range and fit that `evaluate`
tries; what they find is kept in a folder. Then photos are drawn at random, many times, and the test
of `mobilecat.measure.evaluate.paired` is asked: of the right preprocessing, and of each that is
wrong in one key. Writes the tables in docs/evaluate.md.

Labels: of cats' faces people's own (the demo's detector). Nobody labelled whole cats: they are
those that another network finds, with its right preprocessing and a score of 0.3 or more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.lanes import Lane, decode_outputs, open_lane
from mobilecat.lanes.source import source_in
from mobilecat.measure.datasets import Labelled, load_dataset
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import match_classes
from mobilecat.measure.evaluate.otherwise import LOOKS, SURELY, tells_fit, values_of
from mobilecat.measure.evaluate.paired import LEANING, LEAST, LEVEL, SPREAD, WORTH
from mobilecat.measure.evaluate.scores import truth_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import ImageSpec
from mobilecat.spec.otherwise import WORDS, Key, otherwise, said_of

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "evaluate.md"
MARKS = ("<!-- tools.preprocessing_table: begin -->", "<!-- tools.preprocessing_table: end -->")
NUMBERS = (3, 5, 8, 16, 34, 66)
_LEAST_SCORE, _LABEL = 0.01, 0.3
Floats = npt.NDArray[np.float64]
Way = tuple[str, str, str]
"""Colour order, range, fit, in words."""


@dataclass(frozen=True)
class Net:
    """spec: its [input], [head] and [nms]. cat: the class. labelled_by: None, or whose cats."""

    title: str
    model: str
    spec: str
    cat: int
    labelled_by: str | None


def _example(name: str) -> str:
    return (ROOT / "examples" / name / "mobilecat.toml").read_text("utf-8")


def _ssd(value: str, head: str) -> str:
    return (
        f'[input]\nsize = [300, 300]\n{value}\n[head]\nkind = "ssd"\n{head}\n'
        "[nms]\nscore_threshold = 0.3\n"
    )


_FACES = (ROOT / "mobilecat" / "demo" / "cat_faces.toml").read_text("utf-8")
_QUANTISED = 'scales = [10.0, 10.0, 5.0, 5.0]\nactivation = "sigmoid"\nbackground = true'
_OID, _COCO = "ssd_mobilenetv2_oidv4_fp16.tflite", "coco_ssd_mobilenet_v1_quant.tflite"
_NANO = "yolox_nano"
NETS = {
    "cats": Net("the demo's cat faces", "", _FACES, 0, None),
    _NANO: Net("YOLOX-nano", "yolox_nano.onnx", _example(_NANO), 15, "oid"),
    "yolov5n": Net("YOLOv5n", "yolov5n.onnx", _example("yolov5n"), 15, _NANO),
    "yolov3_tiny": Net("YOLOv3-tiny", "yolov3_tiny.onnx", _example("yolov3_tiny"), 15, _NANO),
    "oid": Net("SSD, Open Images", _OID, _ssd("range = [-1, 1]", ""), 7, _NANO),
    "coco_ssd": Net("SSD, COCO, takes bytes", _COCO, _ssd("", _QUANTISED), 16, _NANO),
}


def spec_text(net: Net, data: Path) -> str:
    """Return the network's spec with its model's path, without labels, for one target."""
    head = net.spec.partition("[[targets")[0].partition("[targets")[0]
    kept = [s for s in head.splitlines() if not s.startswith(("source", "labels", "name"))]
    model = data / "models" / net.model
    if not net.model:
        model = ROOT / "mobilecat" / "demo" / "cat_faces.onnx"
    return "\n".join([f'name = "net"\nsource = "{model}"', *kept, "[targets.onnx]\n"])


def ways_of(image: ImageSpec, whole: bool) -> dict[Way, ImageSpec]:
    """Return every mix of colour order, range and fit."""
    mixed = [image]
    for key in ("color", "range", "resize"):
        mixed += [w.of(i) for i in mixed for w in otherwise(i, whole=whole) if w.key == key]
    return {_way(i): i for i in mixed}


def _way(image: ImageSpec) -> Way:
    color, value, fit = (said_of(image, key) for key in ("color", "range", "resize"))
    return color, value, fit


@dataclass(frozen=True)
class Found:
    """What a network finds: a way → a picture each. right: the way that it was trained on."""

    right: Way
    input_wh: tuple[int, int]
    whole: bool
    boxes: Mapping[Way, Sequence[Detections]]


def find(name: str, photos: Sequence[Path], kept: Path, data: Path) -> Found:
    """Run a network on all photos in every way; believe what is kept."""
    net, file = NETS[name], kept / f"{name}.npz"
    folder = kept / name
    if not (folder / "bundle.json").is_file():
        spec = kept / f"{name}.toml"
        spec.write_text(spec_text(net, data), encoding="utf-8")
        mc.export(spec, folder)
    bundle = open_bundle(folder)
    runner = source_in(open_lane(folder, bundle, Lane("source")))
    image, nms = bundle.spec.input, bundle.spec.effective_nms
    assert runner is not None and image is not None and nms is not None
    ways = ways_of(image, runner.takes_whole_numbers)
    whole = runner.takes_whole_numbers
    if not file.is_file():
        arrays: dict[str, npt.NDArray[np.float32]] = {}
        low = nms.model_copy(update={"score_threshold": _LEAST_SCORE})
        for way, other in ways.items():
            spec_there = bundle.spec.model_copy(update={"input": other, "nms": low})
            there = runner.for_bundle(bundle.model_copy(update={"spec": spec_there}))
            for i, photo in enumerate(photos):
                pixels, plan = fit_picture(read_picture(photo), other)
                d = decode_outputs(there.infer({"image": pixels}), plan)
                rows = np.column_stack([d.boxes_xyxy, d.scores, d.class_ids])
                arrays[f"{'|'.join(way)}|{i}"] = rows.astype(np.float32)
            print(name, *way, flush=True)
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    with np.load(file) as told:
        boxes = {
            way: [_detections(told[f"{'|'.join(way)}|{i}"]) for i in range(len(photos))]
            for way in ways
        }
    return Found(_way(image), image.size, whole, boxes)


def _detections(rows: npt.NDArray[np.float32]) -> Detections:
    values = rows.astype(np.float64).reshape(-1, 6)
    return Detections(values[:, :4], values[:, 4], values[:, 5].astype(np.int64))


def truths_of(
    net: Net, by: Found | None, labelled: Sequence[Labelled], faces: Sequence[Truth]
) -> list[Truth]:
    """Return the cats of each picture: people's own faces, or another network's whole cats."""
    if net.labelled_by is None or by is None:
        return list(faces)
    cat, truths = NETS[net.labelled_by].cat, []
    for found in by.boxes[by.right]:
        sure = found.chosen((found.scores >= _LABEL) & (found.class_ids == cat))
        none = np.zeros(len(sure), np.bool_)
        sides = sure.boxes_xyxy[:, 2:] - sure.boxes_xyxy[:, :2]
        ids = np.full(len(sure), net.cat, np.int64)
        truths.append(Truth(sure.boxes_xyxy, ids, sides.prod(axis=1), none, none))
    return truths


def beside(way: Way, ways: Sequence[Way]) -> Iterator[tuple[Key, Way]]:
    """Give those that differ from a way in one key."""
    keys: tuple[Key, ...] = ("color", "range", "resize")
    for other in ways:
        differs = [key for key, a, b in zip(keys, way, other, strict=True) if a != b]
        if len(differs) == 1:
            yield differs[0], other


Values = Mapping[Way, Sequence[Floats]]


def chances(kept: Floats, other: Floats, tries: int, sign: int = 1) -> Floats:
    """Return `Paired.chance` of many draws at once, by scipy's t.

    kept, other: [draws, objects], NaN where a draw has fewer. sign: −1 of a loss.
    """
    from scipy.stats import t as student

    apart = other - kept
    n = np.count_nonzero(~np.isnan(apart), axis=1)
    gain = np.nansum(apart, axis=1) / np.maximum(n, 1)
    squares = np.nansum((apart - gain[:, None]) ** 2, axis=1)
    degrees = WORTH + n - 1
    error = np.sqrt((WORTH * SPREAD**2 + squares) / degrees / np.maximum(n, 1))
    found = tries * student.sf((sign * gain - LEAST) / error, degrees)
    return np.where(n < 2, 1.0, np.minimum(1.0, found))


def given_up(kept: Floats, other: Floats, tries: int) -> npt.NDArray[np.bool_]:
    """Return of which draws, [draws, pictures, objects], the other way does not see all pictures.

    A draw's first pictures are as good as any: they come in no order.
    """
    gone = np.zeros(len(kept), np.bool_)
    for look in (k for k in LOOKS if k < kept.shape[1]):
        a, b = (v[:, :look].reshape(len(v), -1) for v in (kept, other))
        gone |= chances(a, b, tries, -1) * SURELY < LEVEL
    return gone


def _padded(values: Sequence[Floats], column: int, tells: Sequence[bool]) -> Floats:
    """Return [pictures, objects] of those pictures that tell, else NaN."""
    table = np.full((len(values), max(map(len, values), default=0)), np.nan)
    for i, (rows, told) in enumerate(zip(values, tells, strict=True)):
        if told:
            table[i, : len(rows)] = rows[:, column]
    return table


@dataclass(frozen=True)
class Shares:
    """Of all draws: named, that another way of the wrong key looks right; to_right: that it is the
    right one; leaning: named or leant to; others: that a right key is accused."""

    named: float
    to_right: float
    leaning: float
    others: float


def shares(
    values: Values,
    kept: Way,
    right: Way,
    number: int,
    draws: int,
    tells: Sequence[bool],
    seed: int = 0,
) -> Shares:
    """Return the shares over random draws of `number` pictures with an object, without repeats."""
    rng = np.random.default_rng(seed)
    there = [i for i, v in enumerate(values[right]) if len(v)]
    number = min(number, len(there))
    draws = draws if number < len(there) else 1
    at = np.stack([rng.permutation(there)[:number] for _ in range(draws)])
    ways = list(beside(kept, list(values)))
    found = []
    for key, other in ways:
        column, told = (1, tells) if key == "resize" else (0, [True] * len(tells))
        a, b = (_padded(values[w], column, told)[at] for w in (kept, other))
        all_seen = chances(*(v.reshape(draws, -1) for v in (a, b)), len(ways))
        found.append(np.where(given_up(a, b, len(ways)), 1.0, all_seen))
    wrong = next((key for key, way in ways if way == right), None)
    mine = [i for i, (key, _) in enumerate(ways) if key == wrong]
    rest = [i for i in range(len(ways)) if i not in mine]
    every = np.array(found)
    accused = every[rest].min(axis=0, initial=1.0)
    if wrong is None:
        return Shares(0, 0, float((accused < LEANING).mean()), float((accused < LEVEL).mean()))
    best = every[mine].min(axis=0)
    first = np.array([ways[i][1] == right for i in mine])[every[mine].argmin(axis=0)]
    said = (best < LEVEL, (best < LEVEL) & first, best < LEANING, accused < LEVEL)
    return Shares(*(float(v.mean()) for v in said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "preprocessing")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--draws", type=int, default=3000)
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    labels = load_dataset(given.data / "cats")
    labelled = labels.pictures
    photos = [p.path for p in labelled]
    faces = [truth_of(p, match_classes(labels, ("cat",)), None) for p in labelled]
    known: dict[str, Found] = {}

    def found(name: str) -> Found:
        if name not in known:
            known[name] = find(name, photos, given.kept, given.data)
        return known[name]

    rights, wrongs = [], []
    for name in given.only:
        net, mine = NETS[name], found(name)
        by = found(net.labelled_by) if net.labelled_by else None
        truths = truths_of(net, by, labelled, faces)
        tells = tells_fit(labelled, mine.input_wh)
        values = {
            way: [values_of(t, d) for t, d in zip(truths, there, strict=True)]
            for way, there in mine.boxes.items()
        }
        objects = sum(len(v) for v in values[mine.right])
        cells = []
        for n in NUMBERS:
            s = shares(values, mine.right, mine.right, n, given.draws, tells)
            cells.append(f"{100 * s.others:.2f} / {100 * s.leaning:.2f}")
        whose = "people" if net.labelled_by is None else NETS[net.labelled_by].title
        rights.append(
            f"| {net.title} | {', '.join(mine.right)} | {whose}, {objects} | "
            + " | ".join(cells)
            + " |"
        )
        for key, way in beside(mine.right, list(values)):
            cells = []
            for n in NUMBERS:
                s = shares(values, way, mine.right, n, max(1, given.draws // 6), tells)
                cells.append(f"{100 * s.named:.0f} / {100 * s.leaning:.0f}")
            k = {"color": 0, "range": 1, "resize": 2}[key]
            said = f"{WORDS[key]} {way[k]} for {mine.right[k]}"
            wrongs.append(f"| {net.title} | {said} | " + " | ".join(cells) + " |")
            print(wrongs[-1], flush=True)
    numbers = " | ".join(str(n) for n in NUMBERS)
    dashes = "|".join(["---"] * (len(NUMBERS) + 2))
    text = "\n".join([
        f"| right network | preprocessing | labels | {numbers} |", f"|---|{dashes}|", *rights, "",
        f"| network | wrong | {numbers} |", f"|{dashes}|", *wrongs,
    ])  # fmt: skip
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from kept import put

    put(given.page, MARKS, text)


if __name__ == "__main__":
    main()
