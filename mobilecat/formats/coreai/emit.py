"""The frozen graph as an .aimodel: a 32BGRA picture in, detections or candidates out."""

from __future__ import annotations

from pathlib import Path

from mobilecat.bake import Baked
from mobilecat.bake.endings import Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.foreign import give_back_memory
from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.coreai.check import require_same
from mobilecat.formats.coreai.dialect import require_package
from mobilecat.formats.coreai.lower import LOWERINGS
from mobilecat.formats.coreai.lower.node import prepared_for
from mobilecat.formats.coreai.read.bindings import read_module
from mobilecat.formats.coreai.read.bytecode import blobs_of
from mobilecat.formats.coreai.read.decode import remember
from mobilecat.formats.coreai.read.lints import lints
from mobilecat.formats.coreai.read.package import PROGRAM
from mobilecat.formats.coreai.read.translate import translate
from mobilecat.formats.coreai.target import CoreAITarget
from mobilecat.formats.coreai.weights import packed_weights
from mobilecat.formats.coreai.write import FUNCTION, write_coreai
from mobilecat.spec import Spec


def variant(target: CoreAITarget, plain: Baked, spec: Spec) -> tuple[Form, Ending]:
    return "uint8", target.contract


def require(target: CoreAITarget, baked: Baked) -> None:
    require_package()
    LOWERINGS.require(prepared_for(baked.model))


def emit(
    target: CoreAITarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> Emitted:
    plain = prepared_for(baked.model)
    model, packed = packed_weights(plain) if target.weights == "int8" else (plain, {})
    made = write_coreai(model, path, image=baked.image, taps=taps, packed=packed, name=spec.name)
    size = (path / PROGRAM).stat().st_size
    give_back_memory(size)  # Apple's context, which holds all weights
    blobs = blobs_of(path / PROGRAM)
    read = read_module(path / PROGRAM, blobs)  # in this process: the bytes are our own, of just now
    found = translate(read, FUNCTION)
    remember(made.sha256, found, blobs.offset_of)  # the engine opens what was read here
    require_same(model, found, baked.image, blobs.forget)
    said = lints(read)
    del read, found, blobs
    give_back_memory(size)
    return Emitted(
        inputs={v.name or "": v.name or "" for v in baked.model.graph.inputs},
        outputs={name: name for name in made.outputs},
        taps={t: t for t in made.taps},
        image="bgra" if baked.image else None,
        dtypes={},
        lints=(*made.lints, *said),
        inspected=True,
        hashes={PROGRAM: made.sha256},  # `require_loads` reads the file, and holds it to this one
    )
