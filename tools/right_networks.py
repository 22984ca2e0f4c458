"""Right networks must hold: no false alarm on any of them, float32 or float16.

Usage: python -m tools.right_networks [--photos 16] [--random 3] [--coordinates 4] [--only WORD]
        [--tensorflow] [--kept DIR] [--fresh]

Every example as it is, the demo's models, the systems of docs/systems.md and those of right_nets.py
(real and seeded) in every target, in float16 and float32, held to goldens of cat photos, to random
inputs, and pushed through simulated phones; and every real network bare, on random inputs alone.
What came of each network is kept in DIR (build/right), so that a run that was cut off goes on;
--fresh forgets it. Writes docs/right_networks.md. Exit code 1 where one is red.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.compile import export
from mobilecat.compile.cascade import export_cascade
from mobilecat.coordinates.chains import CoordinateReport, check_coordinates
from mobilecat.disk import write_text
from mobilecat.errors import MobileCatError
from mobilecat.formats.tensorflow.worker import missing_extra
from mobilecat.judge import validate
from mobilecat.judge.observe import gives_detections
from mobilecat.judge.report import Report
from mobilecat.lanes import Lane, Runner, open_lane
from mobilecat.review.approve import approve, record
from mobilecat.spec import load_spec, spec_from_model_file, spec_from_text
from mobilecat.spec.cascade import is_cascade

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
PAGE = ROOT / "docs" / "right_networks.md"
KEPT = ROOT / "build" / "right"
TARGETS = """
[[targets.coreml]]
[[targets.coreml]]
name = "wide"
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
name = "half"
[targets.tflite]
[targets.onnx]
"""
VISION = '[[targets.coreml]]\ncontract = "vision"\nname = "vision"\n'


@dataclass(frozen=True)
class Network:
    """make: writes the bundle into a folder. pictures: whether it takes any."""

    name: str
    make: Callable[[Path], object]
    pictures: bool = True


@dataclass(frozen=True)
class Row:
    """photos: pictures that were validated. chains: of the simulated phones, that measured."""

    name: str
    photos: int
    lanes: int
    checks: int
    verdict: str
    coordinates: str
    chains: int
    seconds: float
    says: str

    @property
    def red(self) -> bool:
        return "RED" in (self.verdict, self.coordinates)

    def line(self) -> str:
        placed = self.coordinates + (f", {self.chains} chains" if self.chains else "")
        photos = self.photos or "–"
        cells = (self.name, photos, self.lanes, self.checks, self.verdict, placed, self.says)
        return f"| {' | '.join(str(c) for c in cells)} |"


def networks(data: Path, built: Path, tensorflow: bool = False) -> Iterator[Network]:
    """Yield every network that can be made here."""
    for folder in sorted((ROOT / "examples").iterdir()):
        spec = folder / "mobilecat.toml"
        if spec.is_file():
            yield Network(f"example {folder.name}", lambda out, s=spec: _exported(s, data, out))
    demo = ROOT / "mobilecat" / "demo"
    for name in ("cat_faces", "cat_landmarks"):
        path = demo / f"{name}.toml"
        yield Network(f"demo {name}", lambda out, p=path: _exported(p, data, out))
    yield from _systems(data, built, tensorflow)
    yield from _seeded(data, built)
    for path in sorted((data / "models").glob("*.onnx")):
        yield Network(f"bare {path.stem}", lambda out, p=path: _bare(p, out), pictures=False)


def _systems(data: Path, built: Path, tensorflow: bool) -> Iterator[Network]:
    from systems_list import SYSTEMS
    from systems_table import network_of

    for system in SYSTEMS:
        if system.cascade or system.example or (system.tensorflow and not tensorflow):
            continue

        def make(out: Path, s: object = system) -> object:
            text = s.toml(ROOT / "examples")  # type: ignore[attr-defined]
            head = spec_from_text(text + TARGETS).head
            boxes_alone = head.gives_landmarks is False and not head.carries
            boxes_alone &= not head.gives_class_map
            vision = s.labels and boxes_alone  # type: ignore[attr-defined]
            spec = spec_from_text(text + TARGETS + (VISION if vision else ""))
            source = network_of(s, spec, data, built)  # type: ignore[arg-type]
            return export(spec, out, source=source)

        yield Network(f"system {system.name}", make)


YOLO = """
labels = [{labels}]
[input]
size = [640, 640]
range = [0, 1]
resize = "letterbox"
pad = 114
[head]
kind = "yolov8"
[nms]
score_threshold = 0.3
iou_threshold = 0.45
max_detections = 100
""".replace("{labels}", ", ".join(f'"class {i}"' for i in range(80)))
FACES = """
[input]
size = [320, 320]
color = "BGR"
mean = [104, 117, 123]
resize = "letterbox"
[head]
kind = "retinaface"
form = "raw"
[nms]
score_threshold = 0.6
iou_threshold = 0.4
max_detections = 100
"""
QUERIES = """
[input]
size = [256, 256]
range = [0, 1]
resize = "stretch"
"""
DETR = (
    "labels = ["
    + ", ".join(f'"class {i}"' for i in range(6))
    + "]\n"
    + QUERIES
    + """
[head]
kind = "detr"
activation = "sigmoid"
[nms]
score_threshold = 0.3
max_detections = 100
"""
)
SEEDED = {
    "yolov8n": ("yolov8n", YOLO),
    "yolo11n": ("yolo11n", YOLO),
    "RetinaFace": ("retinaface", FACES),
    "query detector": ("queries", DETR),
    "query detector, raw": ("queries", QUERIES),
    "query detector, rows": ("query_rows", QUERIES),
}


def _seeded(data: Path, built: Path) -> Iterator[Network]:
    import right_nets
    from systems_list import PICTURES

    for title, (name, text) in SEEDED.items():

        def make(out: Path, name: str = name, text: str = text) -> object:
            spec = spec_from_text(f'name = "net"\nsource = "-"\n{text}{TARGETS}')
            path = built / f"seeded_{name}.onnx"
            if not path.exists():
                assert spec.input is not None
                right_nets.build(name, spec.input, [data / p for p in PICTURES], path)
            return export(spec, out, source=path)

        yield Network(f"seeded {title}", make)


def _exported(path: Path, data: Path, out: Path) -> object:
    if is_cascade(path):
        return export_cascade(path, out)
    spec = load_spec(path)
    source = path.parent / spec.source
    if not source.exists():
        source = data / "models" / Path(spec.source).name
    return export(spec, out, source=source)


def _bare(path: Path, out: Path) -> object:
    shapes = _shapes(path)
    spec = spec_from_model_file(path, shapes)
    coreml = tuple(
        t.model_copy(update={"precision": "float16", "name": f"{spec.name}-half"})
        for t in spec.targets.coreml
    )
    targets = spec.targets.model_copy(update={"coreml": (*spec.targets.coreml, *coreml)})
    return export(spec.model_copy(update={"targets": targets}), out)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from mobilecat.formats.importing import dims_of

    sides = (1, 3, 320, 320)
    return {
        n: tuple(s or sides[min(i, 3)] for i, s in enumerate(dims))
        for n, dims in dims_of(path).items()
        if None in dims
    }


def try_network(
    network: Network, photos: list[Path], random: int, coordinates: int, root: Path
) -> Row:
    """Export, approve what the source gives, validate; return what came of it."""
    began = time.perf_counter()
    folder, golden = root / "bundle", root / "golden"
    for old in (folder, golden):
        shutil.rmtree(old, ignore_errors=True)
    try:
        network.make(folder)
        bundle = open_any(folder)
        if not network.pictures:
            return _row(network, 0, validate(folder, random=random), None, began)
        cascade = isinstance(bundle, CascadeBundle)
        _approved(folder, golden, photos)
        report = validate(folder, golden, random=0 if cascade else random, write_pending=False)
        placed = None
        if coordinates and not cascade and gives_detections(bundle):
            few = root / "few"
            shutil.rmtree(few, ignore_errors=True)
            _approved(folder, few, photos[:: len(photos) // coordinates][:coordinates])
            placed = check_coordinates(folder, few)
        return _row(network, len(photos), report, placed, began)
    except MobileCatError as e:
        said = "; ".join([e.summary, *map(str, e.problems)])[:300]
        return Row(network.name, 0, 0, 0, "NOT_RUN", "", 0, time.perf_counter() - began, said)
    except Exception as e:  # whatever a right network brings to fall is red
        traceback.print_exc()
        said = f"{type(e).__name__}: {e}"[:300]
        return Row(network.name, 0, 0, 0, "RED", "", 0, time.perf_counter() - began, said)


def _approved(folder: Path, golden: Path, photos: list[Path]) -> None:
    opened: dict[str, Runner] = {}

    def once(folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Runner:
        """Open a lane once for all photos: TensorFlow takes ten seconds."""
        if lane.name not in opened:
            opened[lane.name] = open_lane(folder, bundle, lane, source)
        return opened[lane.name]

    for photo in photos:
        record(folder, golden, photo, opener=once)
    approve(folder, golden, every=True)


def _row(
    network: Network, photos: int, report: Report, placed: CoordinateReport | None, began: float
) -> Row:
    ran = [r for r in report.lanes if not r.unloaded]
    bad = [
        f"{r.lane} {r.case} {r.check.stage} {r.check.name} {r.check.against}: "
        f"{r.check.value} > {r.check.limit} {r.check.detail}"
        for r in report.failed
    ]
    bad += [
        f"{r.lane.name} random {r.output}: {r.value} > {r.limit} {r.detail}"
        for r in report.random
        if r.verdict == "FAIL"
    ]
    bad += report.shortfalls
    verdict, coordinates, chains = "held" if report.held else "RED", "–", 0
    if placed:
        bad += [f"{r.lane} {r.case} {r.chain.words}: {r.detail}" for r in placed.failed]
        bad += placed.shortfalls
        coordinates = placed.verdict if placed.held else "RED"
        chains = sum(r.verdict != "NOT_RUN" for r in placed.rows)
    checks = sum(r.check.verdict != "NOT_RUN" for r in report.results) + len(report.random)
    says = f"{len(bad)} failed; {bad[0][:220]}" if bad else ""
    for line in bad[:12]:
        print(f"    {line[:260]}", flush=True)
    took = time.perf_counter() - began
    return Row(network.name, photos, len(ran), checks, verdict, coordinates, chains, took, says)


def main() -> int:
    args = _arguments()
    if args.tensorflow and (why := missing_extra()):
        print(f"NOT_RUN: {why}")
        return 1
    os.environ.pop("CI", None)  # goldens are this tool's own, in a temporary folder
    data = Path(os.environ.get("MOBILECAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "models").is_dir():
        print("NOT_RUN: no test data (models and photos); set MOBILECAT_SHARED_DATA")
        return 1
    every = sorted((data / "cats").glob("*.jpg"))
    photos = every[:: max(1, len(every) // args.photos)][: args.photos]
    rows = []
    with tempfile.TemporaryDirectory(prefix="right-") as folder:
        built = args.built or Path(folder) / "built"
        built.mkdir(parents=True, exist_ok=True)
        for network in networks(data, built, args.tensorflow):
            if args.only and args.only not in network.name:
                continue
            row = _kept(network, photos, args, Path(folder))
            if row is None:
                continue
            rows.append(row)
            print(row.line(), f"{row.seconds:.0f} s", flush=True)
    red = [r for r in rows if r.red]
    ran = [r for r in rows if r.verdict != "NOT_RUN"]
    checks, chains = sum(r.checks for r in rows), sum(r.chains for r in rows)
    minutes = sum(r.seconds for r in rows) / 60
    total = f"{len(ran)} networks, {checks:,} checks, {chains:,} chains, {len(red)} red"
    total += f"; {minutes:.0f} minutes of one core, shared"
    print(total)
    if not args.only:
        PAGE.write_text(page(rows, total, args), "utf-8")
    return int(bool(red))


def _kept(
    network: Network, photos: list[Path], args: argparse.Namespace, scratch: Path
) -> Row | None:
    """Return what came of a network, from an earlier run of the same size that was cut off too."""
    safe = "".join(c if c.isalnum() else "_" for c in network.name)
    path = args.kept / f"{safe}-{len(photos)}-{args.random}-{args.coordinates}.json"
    if path.exists() and not args.fresh:
        row = Row(**json.loads(path.read_text("utf-8")))
        if not row.red and row.verdict != "NOT_RUN":
            return row
    if args.kept_only:
        return None
    row = try_network(network, photos, args.random, args.coordinates, scratch)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(asdict(row)))
    return row


def page(rows: list[Row], total: str, args: argparse.Namespace) -> str:
    head = f"""# Right networks: proof that validation does not cry wolf

Made by `make right` (`python -m tools.right_networks`): every example as it is, the demo's models,
the systems of [systems.md](systems.md), and seeded networks in published structures
(`tools/right_nets.py`), in float16 and float32, each on {args.photos} photos of cats, on
{args.random} random inputs, and with {args.coordinates} of the photos through simulated phones; and
every real network bare, on random inputs. All of them are right, so none may be red. Coordinates
that these photos cannot measure are NOT_MEASURABLE, which is no failure; a cascade's are its
models'. Chains are counted where a lane had a box to measure by.

{total}.

| network | photos | lanes | checks | verdict | coordinates | says |
|---|---|---|---|---|---|---|
"""
    return head + "\n".join(r.line() for r in rows) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--random", type=int, default=3)
    parser.add_argument("--coordinates", type=int, default=4, metavar="PHOTOS")
    parser.add_argument("--only", help="those with this in their name; writes no page")
    parser.add_argument("--built", type=Path, metavar="DIR", help="keep built networks here")
    parser.add_argument("--kept", type=Path, metavar="DIR", default=KEPT)
    parser.add_argument("--tensorflow", action="store_true", help="its systems too; much slower")
    parser.add_argument("--kept-only", action="store_true", help="the page of what was kept")
    parser.add_argument("--fresh", action="store_true", help="forget what was kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
