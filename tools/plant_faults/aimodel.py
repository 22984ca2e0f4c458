"""Faults in `.aimodel`s: those of the other float32 formats, and those of its own bytes.

    python -m tools.plant_faults.aimodel [--model NAME] [--only WORD] [--verbose]

A page of its own, docs/planted_faults_coreai.md: the other formats' need not run again for it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from mobilecat.formats.coreai.read import decode
from mobilecat.formats.coreai.read.package import HASH, PROGRAM, missing
from tools.plant_faults.changes import LAYERS
from tools.plant_faults.faults import faults
from tools.plant_faults.kinds import Fault
from tools.plant_faults.models import ROOT
from tools.plant_faults.run import Row, try_fault
from tools.plant_faults.workshop import Model, Mutant, make_models, writable

FORMAT = "aimodel"
MODELS = ("yunet", "mtcnn_onet", "yolox_nano")
DETECTORS = ("yunet", "yolox_nano")
PAGE = ROOT / "docs" / "planted_faults_coreai.md"
_OF_NO_FORMAT = ("by hand, ", "sealed again, ", "goldens: ", "labels.txt: ", "in the file: ")
_OTHERS_BYTES = {
    "weights in the flatbuffer zeroed",
    "output renamed in the file",
    "signature's outputs exchanged",
    "NMS IoU changed in the file",
}


def own_faults() -> list[Fault]:
    """Return faults of the bytes themselves; main.hash and bundle.json vouch for what is there."""
    return [
        Fault("weights in main.mlirb zeroed", "raw", MODELS, zeroed_weights),
        Fault("NMS IoU changed in main.mlirb", "detections", DETECTORS, number(0.45, 0.6)),
        Fault("NMS score changed in main.mlirb", "detections", DETECTORS, number(0.3, 0.31)),
        Fault("output renamed in main.mlirb", "contract", MODELS, renamed(b"scores", b"scorez")),
        Fault("another program under the old main.hash", "load", MODELS, unvouched),
        Fault("main.hash missing", "load", MODELS, lambda m: (m.path / HASH).unlink()),
    ]


def planned(model: str) -> list[Fault]:
    """Return the faults for one model: all that a float32 file can have; of YOLOX, which takes ten
    times as long, the suppression's. Those of bundle.json and goldens are of no one format."""
    shared = [
        f
        for f in faults(LAYERS)
        if "tflite" in f.formats
        and f.name not in _OTHERS_BYTES
        and not f.name.startswith(_OF_NO_FORMAT)
    ]
    word = "NMS" if model == "yolox_nano" else ""
    return [f for f in (*shared, *own_faults()) if model in f.models and word in f.name]


def _edit(m: Mutant, change: Callable[[bytes], bytes], vouch: bool = True) -> None:
    program = m.path / PROGRAM
    old = program.read_bytes()
    new = change(old)
    assert new != old, "nothing was changed"
    program.write_bytes(new)
    if vouch:
        (m.path / HASH).write_bytes(hashlib.sha256(new).digest())


def zeroed_weights(m: Mutant) -> None:
    """A convolution's weights, in the middle of the network, where they lie in the bytecode."""
    graph = decode(m.path).model.graph
    weights = {n.input[1] for n in graph.node if n.op_type == "Conv"}
    held = [
        bytes(i.raw_data) for i in graph.initializer if i.name in weights and len(i.raw_data) > 256
    ]
    raw = held[len(held) // 2]
    _edit(m, lambda data: data.replace(raw, bytes(len(raw)), 1))


def number(old: float, new: float) -> Callable[[Mutant], None]:
    """Return a change of one float32 constant of the file into another."""

    def plant(m: Mutant) -> None:
        a, b = (np.float32(v).tobytes() for v in (old, new))
        _edit(m, lambda data: data.replace(a, b))

    return plant


def renamed(old: bytes, new: bytes) -> Callable[[Mutant], None]:
    return lambda m: _edit(m, lambda data: data.replace(old, new))


def unvouched(m: Mutant) -> None:
    """bundle.json vouches for the folder as it is; main.hash is of the program before."""
    middle = len((m.path / PROGRAM).read_bytes()) // 2
    _edit(
        m,
        lambda data: data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        vouch=False,
    )


def page(rows: Sequence[Row]) -> str:
    """Return the table as Markdown."""
    caught = sum(r.ok for r in rows)
    lines = [
        "# Faults planted in `.aimodel`",
        "",
        "Written by `python -m tools.plant_faults.aimodel`; the other formats' are on",
        "[planted_faults.md](planted_faults.md). Each fault is planted in a true artifact, and",
        "`validate` must name the stage that was foretold, in the lane `coreai`.",
        "",
        f"{caught} of {len(rows)} faults are caught at the right stage.",
        "",
        "| fault | artifact | stage | found |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {r.name} | {r.artifact} | {r.expected} | {r.found if r.ok else f'**{r.found}**'} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those with this in their name; no page")
    parser.add_argument("--model", action="append", choices=MODELS)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    data = Path(os.environ.get("MOBILECAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    reason = missing() or ("" if (data / "models").is_dir() else "no test data")
    if reason:
        print(f"NOT_RUN: {reason}")
        return 1
    rows: list[Row] = []
    for name in args.model or MODELS:
        with tempfile.TemporaryDirectory(prefix="planted-") as folder, writable():
            (model,) = make_models(data, Path(folder), (name,), (FORMAT,))
            chosen = [f for f in planned(name) if args.only in f.name]
            for i, fault in enumerate(chosen):
                rows.append(tried(fault, model, Path(folder) / "mutant"))
                row = rows[-1]
                if args.verbose or not row.ok:
                    said = f"{row.verdict}; expected {row.expected}, found {row.found}"
                    print(f"{name} {i + 1}/{len(chosen)} {row.name}: {said}; {row.detail[:120]}")
                sys.stdout.flush()
    counts = Counter(r.verdict for r in rows)
    print(f"{counts['caught']} of {len(rows)} faults in .aimodel caught at the right stage")
    if not args.only and not args.model:
        PAGE.write_text(page(rows), "utf-8")
    return 0 if all(r.ok for r in rows) else 1


def no_check() -> Any:
    """Leave out what follows every export: it would stop at a graph that was changed by hand."""
    return patch("mobilecat.formats.coreai.emit.require_same")


def tried(fault: Fault, model: Model, folder: Path) -> Row:
    """Plant one fault and validate."""
    began = time.perf_counter()
    with no_check():
        row = try_fault(fault, model, FORMAT, folder)
    return Row(
        row.name, row.artifact, row.expected, row.found, row.verdict, row.detail,
        round(time.perf_counter() - began, 2),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
