"""Faults of what lies around an artifact: bundle.json, labels.txt, the goldens.

By hand: one place was edited, and no digest made again. Sealed again: a script changed it and made
every digest anew, so that only the spec or the goldens can tell.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mobilecat.bundle.seal import SEAL
from mobilecat.golden.store import read_result
from tools.plant_faults.changes import Plant
from tools.plant_faults.kinds import ALL, DETECTORS, GRIDS, Fault
from tools.plant_faults.workshop import Mutant

Told = dict[str, Any]
SEVERAL = ("yunet", "ssdlite", "mtcnn_onet")  # of which more than one picture is a golden
_NAMED = ("yunet", "mtcnn_onet")  # with landmarks


def by_hand(change: Callable[[Told], object]) -> Plant:
    def plant(m: Mutant) -> None:
        m.finish()  # the artifact's hash is right before the hand comes
        change(m.told)
        m.by_hand = True

    return plant


def again(change: Callable[[Told], object]) -> Plant:
    return lambda m: change(m.told)


def _image(**keys: Any) -> Callable[[Told], object]:
    return lambda t: t["spec"]["input"].update(keys)


def _other_color(t: Told) -> None:
    t["spec"]["input"]["color"] = "RGB" if t["spec"]["input"]["color"] == "BGR" else "BGR"


def _mean(t: Told) -> None:
    t["spec"]["input"]["mean"] = 100.0


def _tolerance(**keys: Any) -> Callable[[Told], object]:
    runners = ("onnx", "tflite", "coreml")
    return lambda t: t["spec"].update(tolerances={r: {**_NONE, **keys} for r in runners})


_NONE = {"boxes_px": None, "landmarks_px": None, "scores": None, "tensors": None, "outputs": {}}


def _nms(**keys: Any) -> Callable[[Told], object]:
    return lambda t: t["nms"].update(keys)


def _nms_everywhere(**keys: Any) -> Callable[[Told], object]:
    def change(t: Told) -> None:
        t["nms"].update(keys)
        t["spec"]["nms"] = t["nms"]

    return change


def _first_rows(t: Told) -> None:
    shape = t["outputs"][0]["shape"]
    t["outputs"][0]["shape"] = [shape[0], shape[1] + 7, *shape[2:]]


def _other_kind(t: Told) -> None:
    t["artifacts"][0]["precision"] = "float64"


def _other_contract(t: Told) -> None:
    t["artifacts"][0]["contract"] = "other"


def _other_output(t: Told) -> None:
    names = t["artifacts"][0]["outputs"]
    names["boxes"], names["scores"] = names["scores"], names["boxes"]


def _another_target(t: Told) -> None:
    """As where the spec makes a second file, which the bundle does not have."""
    (kind,) = t["spec"]["targets"]
    second = {**t["spec"]["targets"][kind][0], "name": "second"}
    t["spec"]["targets"][kind].append(second)


def _twice(t: Told) -> None:
    t["artifacts"].append(t["artifacts"][0])


def _size(t: Told) -> None:
    t["spec"]["input"]["size"] = [2 * s for s in t["spec"]["input"]["size"]]


def _renamed_label(t: Told) -> None:
    t["spec"]["labels"] = [f"{x}!" for x in t["spec"]["labels"]] or ["one"]


def _version(t: Told) -> None:
    t["versions"]["mobilecat"] = "9.9.9"


BY_HAND: list[tuple[str, Sequence[str], Callable[[Told], object]]] = [
    ("score_threshold", DETECTORS, _nms(score_threshold=0.05)),
    ("iou_threshold", DETECTORS, _nms(iou_threshold=0.9)),
    ("score_threshold, also in the spec", DETECTORS, _nms_everywhere(score_threshold=0.05)),
    ("mean", ALL, _mean),
    ("colour", ALL, _other_color),
    ("pad", GRIDS, _image(pad=17)),
    ("size", ALL, _size),
    ("tolerances", ALL, _tolerance(scores=0.2)),
    ("labels", ALL, _renamed_label),
    ("shape of an output", ALL, _first_rows),
    ("names of outputs", ALL, _other_output),
    ("a raw output out", ALL, lambda t: t["raw_outputs"].pop()),
    ("candidates out", ALL, lambda t: t["candidates"].clear()),
    ("SHA-256 of the source", ALL, lambda t: t["source"].update(sha256="0" * 64)),
    ("name", ALL, lambda t: t.update(name="other")),
    ("a version", ALL, _version),
    ("seal out, and mean", ALL, lambda t: (t.pop(SEAL), _mean(t))),
]
AGAIN: list[tuple[str, str, Sequence[str], Callable[[Told], object]]] = [
    ("score_threshold of nms alone", "load", DETECTORS, _nms(score_threshold=0.05)),
    ("max_detections", "load", DETECTORS, _nms_everywhere(max_detections=50)),
    ("score_threshold", "contract", DETECTORS, _nms_everywhere(score_threshold=0.299)),
    ("iou_threshold", "contract", DETECTORS, _nms_everywhere(iou_threshold=0.451)),
    ("mean", "contract", ALL, _mean),
    ("colour", "contract", ALL, _other_color),
    ("pad 17", "contract", GRIDS, _image(pad=17)),
    ("size", "load", ALL, _size),
    ("tolerances of 1e9", "load", ALL, _tolerance(boxes_px=1e9, scores=1e9, tensors=1e9)),
    ("infinite tolerances", "load", ALL, _tolerance(tensors=float("inf"))),
    ("wider tolerances", "contract", ALL, _tolerance(scores=0.2, tensors=0.1)),
    ("an artifact dropped", "load", ALL, _another_target),
    ("an artifact twice", "load", ALL, _twice),
    ("precision", "load", ALL, _other_kind),
    ("contract", "load", ALL, _other_contract),
    ("shape of an output", "load", ALL, _first_rows),
    ("labels in the spec alone", "contract", DETECTORS, _renamed_label),
]


def _labels(change: Callable[[list[str]], bytes]) -> Plant:
    def plant(m: Mutant) -> None:
        path = m.folder / "labels.txt"
        path.write_bytes(change(path.read_text("utf-8").splitlines()))

    return plant


def _lines(labels: Sequence[str]) -> bytes:
    return ("\n".join(labels) + "\n").encode()


LABELS: list[tuple[str, Plant]] = [
    ("one label short", _labels(lambda x: _lines(x[:-1]))),
    ("one label too many", _labels(lambda x: _lines([*x, "unicorn"]))),
    ("a byte order mark", _labels(lambda x: b"\xef\xbb\xbf" + _lines(x))),
    ("UTF-16", _labels(lambda x: "\n".join(x).encode("utf-16"))),
    ("an empty line in front", _labels(lambda x: b"\n" + _lines(x))),
    ("gone", lambda m: (m.folder / "labels.txt").unlink()),
]


def _cases(home: Path) -> list[Path]:
    return sorted(p for p in home.iterdir() if p.is_dir())


def deleted(m: Mutant) -> None:
    shutil.rmtree(_cases(m.own_golden())[0])


def copied_to_a_variant(m: Mutant) -> None:
    case = _cases(m.own_golden())[0]
    lane = f"tflite@{m.file}"
    shutil.copy(case / "approved.json", case / f"approved-{lane}.json")


def copied_case(m: Mutant) -> None:
    case = _cases(m.own_golden())[0]
    shutil.copytree(case, case.with_name("copy"))


def of_another_day(m: Mutant) -> None:
    """A result that was approved once, and another since: every number and seal is right."""
    path = _cases(m.own_golden())[0] / "approved.json"
    found = read_result(path)
    assert found.approved is not None
    before = found.approved.model_copy(update={"at": "2020-02-02T02:02:02+00:00"})
    text = found.model_copy(update={"approved": before}).sealed().to_json()
    path.write_text(text, encoding="utf-8")


def result_deleted(m: Mutant) -> None:
    (_cases(m.own_golden())[0] / "approved.json").unlink()


def number_by_hand(m: Mutant) -> None:
    path = _cases(m.own_golden())[0] / "approved.json"
    told = json.loads(path.read_text("utf-8"))
    told["plan"]["left"] += 1
    path.write_text(json.dumps(told), encoding="utf-8")


def of_another_case(m: Mutant) -> None:
    first, second = _cases(m.own_golden())[:2]
    shutil.copy(second / "approved.json", first / "approved.json")


def index_by_hand(m: Mutant) -> None:
    """The contract in the index is made to say another."""
    path = m.own_golden() / "index.json"
    told = json.loads(path.read_text("utf-8"))
    for terms in told["terms"].values():
        terms["parts"]["input"] = "0" * 64
    path.write_text(json.dumps(told), encoding="utf-8")


def index_without_a_case(m: Mutant) -> None:
    path = m.own_golden() / "index.json"
    told = json.loads(path.read_text("utf-8"))
    told["cases"].pop(min(told["cases"]))
    path.write_text(json.dumps(told), encoding="utf-8")


def other_picture(m: Mutant) -> None:
    """Another picture, and case.json vouches for it."""
    from mobilecat.disk import sha256_of

    case = _cases(m.own_golden())[0]
    told = json.loads((case / "case.json").read_text("utf-8"))
    picture = case / told["input"]["file"]
    data = bytearray(picture.read_bytes())
    picture.write_bytes(data + b"\0")  # a decoder reads none of it
    told["input"]["sha256"] = sha256_of(picture)
    (case / "case.json").write_text(json.dumps(told), encoding="utf-8")


GOLDENS: list[tuple[str, Sequence[str], Plant]] = [
    ("a case deleted", ALL, deleted),
    ("approved.json copied to a lane", ALL, copied_to_a_variant),
    ("a case copied under another name", ALL, copied_case),
    ("approved.json of another day", ALL, of_another_day),
    ("approved.json deleted", ALL, result_deleted),
    ("a number edited by hand", ALL, number_by_hand),
    ("approved.json of another case", SEVERAL, of_another_case),
    ("the contract in the index edited", ALL, index_by_hand),
    ("a case taken out of the index", ALL, index_without_a_case),
    ("another picture, vouched for", ALL, other_picture),
]


def contract_faults() -> list[Fault]:
    """Return the faults around the artifact, each in one format: none has a part in it."""
    turn = ("tflite", "mlmodel", "onnx")
    found = [
        Fault(f"by hand, bundle.json: {name}", "load", models, by_hand(change), (turn[i % 3],))
        for i, (name, models, change) in enumerate(BY_HAND)
    ]
    found += [
        Fault(f"sealed again, bundle.json: {name}", stage, models, again(change), (turn[i % 3],))  # type: ignore[arg-type]
        for i, (name, stage, models, change) in enumerate(AGAIN)
    ]
    found += [
        Fault(f"labels.txt: {name}", "contract", DETECTORS, plant, ("onnx",))
        for name, plant in LABELS
    ]
    found += [
        Fault(f"goldens: {name}", "golden", models, plant, ("tflite",))
        for name, models, plant in GOLDENS
    ]
    return found
