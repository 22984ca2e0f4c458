"""Every system that must compile, through every target and runner, measured → docs/systems.md.

Usage: python tools/systems_table.py [--only NAME] [--cheap] [--data DIR] [--keep DIR] [--check]

Each artifact runs on the same pictures as the source network, whose head is decoded in numpy, and
is held to it: the same detections, and the largest difference of any box side or landmark in pixels
of the model's input. Apple's interpreter takes seconds a picture, so it runs the one with the most
detections. `--cheap` leaves out what needs TensorFlow; `--keep` keeps built networks between runs;
`--check` writes nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.compare.match import match
from mobilecat.compile import export
from mobilecat.compile.cascade import export_cascade
from mobilecat.errors import MobileCatError
from mobilecat.formats.coreai import dialect
from mobilecat.formats.tensorflow.worker import missing_extra
from mobilecat.geometry.resize import plan_resize
from mobilecat.lanes import NotRun, Runner, decode_outputs, lanes_of, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.masks import off_by
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import RawHead, Spec, spec_from_text

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from systems_list import BOXES, CROP, PICTURES, SYSTEMS, System  # noqa: E402

PAGE = HERE.parent / "docs" / "systems.md"
BEGIN, END = "<!-- table: tools/systems_table.py -->", "<!-- end of the table -->"
COREML = '[[targets.coreml]]\nprecision = "float32"\n'
TARGETS = {
    ".mlpackage vision": COREML + 'contract = "vision"',
    ".mlpackage tensor": COREML,
    ".mlmodel": COREML + 'format = "mlmodel"',
    ".tflite": "[targets.tflite]",
    ".onnx": "[targets.onnx]",
    ".aimodel": "[targets.coreai]",
}
APPLE = ".aimodel, Apple's interpreter"
COLUMNS = ("system", "weights", "import", *TARGETS, APPLE, "runners agree", "box", "landmark")
NOT_HERE = ("source", "coreml-native", "coreai-native", "coreai-apple")
"""Not an artifact, what only a Mac has, and Apple's interpreter, which has a column of its own."""
NEAR_PX = 1.0


@dataclass
class Agreement:
    """How far artifacts are from the source, over all pictures."""

    detections: int = 0
    unmatched: int = 0
    boxes_px: float = 0.0
    landmarks_px: float | None = None
    tensors: float | None = None
    seen: float | None = None
    """The largest difference of a landmark's own score."""
    off_masks: float | None = None
    """1 − IoU of the mask that is worst."""

    def words(self) -> str:
        if self.unmatched:
            return f"NO: {self.unmatched} without a partner"
        if self.tensors is not None:
            return f"±{small(self.tensors)} of 1"
        masks = "" if self.off_masks is None else f", masks' IoU {1 - self.off_masks:.6f}"
        return f"±{small(max(self.boxes_px, self.landmarks_px or 0))} px{masks}"

    def add(self, other: Agreement) -> None:
        self.detections += other.detections
        self.unmatched += other.unmatched
        self.boxes_px = max(self.boxes_px, other.boxes_px)
        for key in ("landmarks_px", "tensors", "seen", "off_masks"):
            values = [v for v in (getattr(self, key), getattr(other, key)) if v is not None]
            setattr(self, key, max(values, default=None))


@dataclass
class Row:
    cells: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COLUMNS, ""))

    def text(self) -> str:
        return "| " + " | ".join(self.cells[c].replace("|", "∣") for c in COLUMNS) + " |"


def small(value: float) -> str:
    """Return a difference rounded up to one digit, from 1e-6."""
    if value == 0:
        return "0"
    step = 10.0 ** max(-6, np.floor(np.log10(value)))
    return f"{np.ceil(value / step - 1e-9) * step:.6f}".rstrip("0").rstrip(".")


def why(e: MobileCatError) -> str:
    """Return an error's reason in one line."""
    words = "; ".join(p.what for p in e.problems) or e.summary
    return " ".join(words.split())


def network_of(system: System, spec: Spec, data: Path, kept: Path) -> Path:
    """Return the model's file, built where it is not a trained one. Building has its own process,
    so that TensorFlow stays out of this one."""
    if not system.build:
        return data / "models" / system.file
    path = kept / system.file
    if not path.exists():
        assert spec.input is not None
        command = [sys.executable, str(HERE / "systems_nets.py"), system.build, str(path)]
        command += [spec.input.model_dump_json(), *(str(data / p) for p in PICTURES)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{system.name}: the network cannot be built\n{done.stderr[-3000:]}")
    return path


def measure(system: System, data: Path, kept: Path, folder: Path) -> Row:
    """Import, export to every target, run, compare."""
    row = Row()
    row.cells.update(system=system.name, weights=system.weights)
    if system.cascade:
        return measure_cascade(system, data, folder, row)
    examples = HERE.parent / "examples"
    text, folder_of = system.toml(examples), examples / (system.example or "yunet")
    plain = spec_from_text(text + TARGETS[".onnx"], folder=folder_of)
    path = network_of(system, plain, data, kept)
    try:
        bundle = export(plain, folder / "onnx", source=path).bundle
    except MobileCatError as e:
        row.cells["import"] = f"refused: {why(e)}"
        row.cells.update((c, "n/a: not imported") for c in COLUMNS[3:])
        return row
    shapes = ", ".join("×".join(map(str, s)) for s in bundle.source.shapes.values())
    row.cells["import"] = f"{bundle.source.format} {shapes}"
    source = open_lane(folder / "onnx", bundle, lanes_of(bundle, "source")[0])
    pictures = [fit_picture(read_picture(data / p), plain.input)[0] for p in PICTURES]  # type: ignore[arg-type]
    expected = [source.infer({"image": p}) for p in pictures]
    ran, total, busiest = 0, Agreement(), busiest_of(expected)
    for column, target in targets(row, system.app):
        try:
            spec = spec_from_text(text + target, folder=folder_of)
            out = folder / column.replace(" ", "")
            made = export(spec, out, source=path).bundle
        except MobileCatError as e:
            row.cells[column] = f"refused: {why(e)}"
            continue
        found = run(out, made, pictures, expected)
        row.cells[column] = found.words()
        total.add(found)
        ran += 1
        if column == ".aimodel":
            one = slice(busiest, busiest + 1)
            theirs = run(out, made, pictures[one], expected[one], "coreai-apple")
            row.cells[APPLE] = theirs.words()
            for cell in (column, APPLE) if system.app else ():
                row.cells[cell] += ', nms = "app"'
    conclude(row, plain, expected, total, ran)
    return row


def targets(row: Row, app: bool = False) -> Iterator[tuple[str, str]]:
    """Yield (column, TOML) of what can be exported here; Apple's cell is filled behind it."""
    reason = dialect.missing()
    row.cells[APPLE] = f"NOT_RUN: {reason}" if reason else "n/a: there is no .aimodel"
    for column, target in TARGETS.items():
        if column == ".aimodel" and reason:
            row.cells[column] = f"NOT_RUN: {reason}"
        else:
            yield column, target + '\nnms = "app"' * (app and column == ".aimodel")


def busiest_of(expected: Sequence[dict[str, Any]]) -> int:
    """Return which picture has the most detections; the first where networks do not count."""
    counts = [int(np.ravel(e["count"])[0]) if "count" in e else 1 for e in expected]
    return counts.index(max(counts))


def measure_cascade(system: System, data: Path, folder: Path, row: Row) -> Row:
    """The same for a landmark model behind boxes in Vision's space, in pixels of the picture."""
    demo = HERE.parent / "mobilecat" / "demo"
    text = (demo / system.cascade).read_text("utf-8")
    text = text[: text.index("[[targets.")].replace('source = "', f'source = "{demo}/')
    ran, total = 0, Agreement()
    for column, target in targets(row):
        home = folder / column.replace(" ", "")
        home.mkdir(parents=True)
        (home / "points.toml").write_text(text + target, encoding="utf-8")
        chain = '[cascade]\nboxes = "vision"\nlandmarks = "points.toml"\n'
        (home / "chain.toml").write_text(chain + CROP, encoding="utf-8")
        try:
            export_cascade(home / "chain.toml", home / "out")
        except MobileCatError as e:
            row.cells[column] = f"refused: {why(e)}"
            continue
        bundle = open_any(home / "out")
        assert isinstance(bundle, CascadeBundle)
        source = open_lane(home / "out", bundle, lanes_of(bundle, "source")[0])
        (ours,) = (lane for lane in lanes_of(bundle) if lane.runner not in NOT_HERE)
        pictures = tuple(zip((data / p for p in PICTURES), BOXES, strict=True))
        found = chain_differs(bundle, source, open_lane(home / "out", bundle, ours), pictures)
        row.cells[column] = found.words()
        total.add(found)
        ran += 1
        if column == ".aimodel":
            apples = open_lane(home / "out", bundle, lanes_of(bundle, "coreai-apple")[0])
            row.cells[APPLE] = chain_differs(bundle, source, apples, pictures[:1]).words()
        shapes = ", ".join(
            "×".join(map(str, s)) for s in bundle.landmark_model.source.shapes.values()
        )
        row.cells["import"] = f"{bundle.landmark_model.source.format} {shapes}"
    row.cells["box"] = "n/a: given"
    agreed(row, total, ran, len(PICTURES), "detections")
    return row


def chain_differs(
    bundle: CascadeBundle,
    source: Runner,
    ours: Runner,
    pictures: Sequence[tuple[Path, Sequence[float]]],
) -> Agreement:
    """Return how far `ours` is from `source` behind each picture's box, in the picture's pixels."""
    found = Agreement()
    with tempfile.TemporaryDirectory() as temporary:
        boxes = Path(temporary) / "boxes.json"
        for path, box in pictures:
            boxes.write_text(json.dumps([{"box_xywh": box, "score": 1}]), encoding="utf-8")
            inputs, whole = picture_inputs(bundle, read_picture(path), boxes)
            found.add(differ(*(decode_outputs(e.infer(inputs), whole) for e in (source, ours))))
    return found


def run(
    folder: Path,
    bundle: Bundle,
    pictures: Sequence[Any],
    expected: Sequence[dict[str, Any]],
    engine: str = "",
) -> Agreement:
    """Return how far the bundle's one artifact is from `expected`, in its own or a named engine."""
    (lane,) = (a for a in lanes_of(bundle, engine or None) if a.runner not in NOT_HERE or engine)
    runner: Runner = open_lane(folder, bundle, lane)
    total = Agreement()
    for pixels, want in zip(pictures, expected, strict=True):
        got = runner.infer({"image": pixels})
        total.add(compare(bundle.spec, want, got))
    return total


def compare(spec: Spec, want: dict[str, Any], got: dict[str, Any]) -> Agreement:
    """Compare one picture's outputs, in pixels of the model's input."""
    if isinstance(spec.head, RawHead):
        assert set(want) == set(got)
        off = max(float(np.abs(got[k] - want[k]).max()) for k in want)
        return Agreement(detections=1, tensors=off)
    assert spec.input is not None
    as_is = plan_resize(spec.input.size, spec.input.size, "stretch")
    return differ(decode_outputs(want, as_is), decode_outputs(got, as_is))


def differ(e: Detections, g: Detections) -> Agreement:
    """Compare what was expected with what was given, in pixels of their picture."""
    found = match(e, g, NEAR_PX)
    i, j = (np.array(x, int) for x in (zip(*found.pairs, strict=True) if found.pairs else ((), ())))
    result = Agreement(len(e), len(found.missing) + len(found.extra))
    result.boxes_px = float(np.abs(e.boxes_xyxy[i] - g.boxes_xyxy[j]).max(initial=0))
    if e.corners_xy is not None and g.corners_xy is not None:
        result.boxes_px = float(np.abs(e.corners_xy[i] - g.corners_xy[j]).max(initial=0))
    if e.landmarks_xy is not None and g.landmarks_xy is not None:
        off = np.abs(e.landmarks_xy[i] - g.landmarks_xy[j])
        result.landmarks_px = float(off.max(initial=0))
    if "landmark_scores" in e.rows and "landmark_scores" in g.rows:
        off = np.abs(e.rows["landmark_scores"][i] - g.rows["landmark_scores"][j])
        result.seen = float(off.max(initial=0))
    if e.masks is not None and g.masks is not None:
        pairs = zip(i.tolist(), j.tolist(), strict=True)
        result.off_masks = max((off_by(e.masks, g.masks, *p, near=0.0) for p in pairs), default=0.0)
    if e.rows.keys() != g.rows.keys() or (e.masks is None) != (g.masks is None):
        result.unmatched += len(e)
    return result


def conclude(
    row: Row, spec: Spec, expected: Sequence[dict[str, Any]], total: Agreement, ran: int
) -> None:
    """Fill the last columns."""
    raw = isinstance(spec.head, RawHead)
    row.cells["box"] = "n/a: raw tensors" if raw else small(total.boxes_px)
    agreed(row, total, ran, len(expected), "outputs" if raw else "detections")
    if raw or spec.effective_nms:
        return
    key = "boxes" if total.landmarks_px is None else "landmarks"
    moved = float(np.ptp([e[key].reshape(-1) for e in expected], axis=0).max())
    row.cells["weights"] += f"; {key} move {moved:.0f} px between pictures"


def agreed(row: Row, total: Agreement, ran: int, pictures: int, what: str) -> None:
    """Say whether the runners agree. A system that found nothing has not been compared."""
    if not ran or not total.detections:
        row.cells["runners agree"] = "NO: nothing was found, so nothing was compared"
    elif total.unmatched:
        row.cells["runners agree"] = f"NO: {total.unmatched} detections without a partner"
    else:
        each = total.detections // ran
        row.cells["runners agree"] = f"{ran} artifacts, {pictures} pictures, {each} {what}"
    points = total.landmarks_px
    row.cells["landmark"] = "n/a: has none" if points is None else small(points)
    if total.seen is not None:
        row.cells["landmark"] += f"; its score {small(total.seen)}"


def table(rows: Sequence[str]) -> str:
    head = "| " + " | ".join(COLUMNS) + " |"
    return "\n".join([BEGIN, "", head, "|" + "---|" * len(COLUMNS), *rows, "", END])


def rows_in(page: str) -> dict[str, str]:
    """Return system → line of a page's table."""
    inside = page.partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in inside.splitlines() if line.startswith("| ")][1:]
    return {line.split("|")[1].strip(): line for line in lines}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--only", default="", help="systems whose name contains this")
    parser.add_argument("--cheap", action="store_true", help="without TensorFlow")
    parser.add_argument("--keep", type=Path, help="folder for built networks")
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    if not (args.data / "models").is_dir():
        print(f"NOT_RUN: no models in {args.data} (name the folder with --data)")
        return 3
    missing, measured = missing_extra(), {}
    with tempfile.TemporaryDirectory() as temporary:
        kept = args.keep or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        for i, system in enumerate(SYSTEMS):
            if args.only.lower() not in system.name.lower() or (args.cheap and system.tensorflow):
                continue
            if system.tensorflow and missing:
                print(f"{system.name}: NOT_RUN: {missing}")
                continue
            start = perf_counter()
            try:
                row = measure(system, args.data, kept, Path(temporary) / str(i))
            except NotRun as e:
                print(f"{system.name}: NOT_RUN: {e}")
                continue
            measured[system.name] = row.text()
            print(f"{perf_counter() - start:5.0f} s  {row.text()}", flush=True)
    if reason := dialect.missing():
        print(f"NOT_RUN: .aimodel: {reason}; {PAGE.name} stays as it is")
    elif not args.check:
        write(measured)
    return 1 if any("NO:" in row for row in measured.values()) else 0


def write(measured: dict[str, str]) -> None:
    """Put the rows that were measured into the page; others stay."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else f"{BEGIN}\n{END}\n"
    known = {**rows_in(page), **measured}
    before, _, rest = page.partition(BEGIN)
    rows = [known[s.name] for s in SYSTEMS if s.name in known]
    PAGE.write_text(before + table(rows) + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
