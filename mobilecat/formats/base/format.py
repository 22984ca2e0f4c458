"""One value a format: what it is called, and its verbs. All of them: `mobilecat.formats.table`.

A verb is a function in a module of the format's own room, imported when it is first called: the
table costs nothing, and who runs an artifact never loads what writes one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import BaseModel

Verb = Callable[..., Any]


@dataclass(frozen=True)
class _Late:
    module: str
    function: str

    def __call__(self, *args: Any, **named: Any) -> Any:
        return _found(self.module, self.function)(*args, **named)


@cache
def _found(module: str, function: str) -> Verb:
    found: Verb = getattr(import_module(module), function)
    return found


def _absent(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("the format has no such verb: the table says which it has")


def _nothing() -> Any:
    return None


def _all_taps(_: Any, record: Any) -> Any:
    return record.taps


def late(room: str, place: str) -> Verb:
    """Return the function `place`, as `write:emit`, of a room such as `mobilecat.formats.onnx`."""
    module, _, function = place.partition(":")
    return _Late(f"{room}.{module}", function)


@dataclass(frozen=True)
class Engine:
    """What runs a format's artifacts: a lane's runner.

    says: one line for a user. open: (path, ArtifactRecord) → Runner; NotRun where it cannot here.
    taps: whether it gives inner values. apples: Apple's own, which only a Mac has.
    inner: how bisect reads them, where that is not the format's way.
    slow: a run takes seconds, so that one picture is enough unless somebody asks for all.
    scalars: whether it takes and gives values without dimensions; else they have one, of size 1.
    """

    runner: str
    says: str
    open: Verb
    taps: bool = True
    apples: bool = False
    inner: Verb | None = None
    slow: bool = False
    scalars: bool = True


@dataclass(frozen=True)
class Contract:
    """Outputs of another form than the `tensor` contract's, and who reads them as such.

    as_tensors: (Runner, Bundle) → Runner. landmarks: whether it can carry them. Each ends in NMS.
    asked: how a spec asks for it, where that is not `contract = "<name>"`.
    suppressed: whether the file itself suppresses; else `as_tensors` does, by the bundle's nms.
    heads: the kinds of head that it is for; empty where it is for all that decode boxes.
    """

    name: str
    as_tensors: Verb
    landmarks: bool = False
    asked: str = ""
    suppressed: bool = True
    heads: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return self.asked or f'contract "{self.name}"'


def left_to_app(target: str) -> Contract:
    """Return the contract of files whose suppression is the app's, in every format the same."""
    return Contract(
        "candidates",
        late("mobilecat.formats.base", "candidates:CandidatesAsTensors"),
        landmarks=True,
        asked=f'targets.{target}: nms = "app"',
        suppressed=False,
    )


@dataclass(frozen=True)
class Format:
    """A file format. What it does not do is left out: TensorFlow's are only read.

    name: `[targets.<name>]`, and an artifact's `kind` in bundle.json.
    suffixes: of its files; is_folder: which of them are folders.

    Written: target, the model of `[targets.<name>]`; bare, what a bare model file is compiled to.
        variant: (target, plain, spec) → (Form, Ending), the graph that is lowered.
        require: (target, baked); UnsupportedError with every gap.
        emit: (target, baked, spec, path, taps) → Emitted.
        rounded: (target, node, weights, axes of its outputs and inputs) → (the weights as they are
            computed with, the bytes that they take in the file).
        brings: whether writing loads a large library, which stays in the process. Such a format's
            files are made last: what comes before them does without its memory.
        missing: () → why its files cannot be written on this machine, or None.
        versions: () → what made them, for bundle.json, besides what every bundle names; or None.
    Run: engines, the runner of the first is the format's; contracts.
    Inspected: inspect: (path, kind) → Inspection, where kind is what `recognised` as a source.
        operations: path → the ops in their order, with what each moves (`base.operations`).
        facts: (path, record, bundle) → what an app reads from the file (`base.facts`).
        nms: path → what the file says of its NMS (`base.nms`).
        unrounded: (path, record, restore) → Runner of a float16 artifact in float32, its weights as
            they were before they were rounded, as `restore` says (`base.originals`).
        wide: path → the float constants of a float32 artifact, [(name, values)].
        cut: (path, record, given) → Runner of the artifact's end, whose inputs are the inner values
            `given`, by the bundle's names. NotRun where the artifact cannot be cut there.
        taps: (path, record) → the taps that the file still has names for.
        inner: (path, record, tensors, shapes) → values under the graph's names (`base.inner`).
    Source: sources, the kinds of file it reads, as bundle.json says them.
        dims: (Source, progress) → inputs. read: (Source, shapes, progress) → frozen graph.
        reference: (Source, shapes) → Reference, the file in its own engine.
        changed: (Source, shapes, change) → Reference, with weights changed, in onnxruntime.
    app: whether `--ios` puts it into an app. android: whether `--android` does.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    is_folder: tuple[str, ...] = ()
    target: type[BaseModel] | None = None
    bare: tuple[BaseModel, ...] = ()
    variant: Verb = _absent
    require: Verb = _absent
    emit: Verb = _absent
    brings: bool = False
    rounded: Verb = _absent
    missing: Verb = _nothing
    versions: Verb = _nothing
    engines: tuple[Engine, ...] = ()
    contracts: tuple[Contract, ...] = ()
    inspect: Verb = _absent
    operations: Verb = _absent
    facts: Verb = _absent
    nms: Verb = _absent
    unrounded: Verb = _absent
    wide: Verb = _absent
    cut: Verb = _absent
    taps: Verb = _all_taps
    inner: Verb = _absent
    sources: tuple[str, ...] = ()
    dims: Verb = _absent
    read: Verb = _absent
    reference: Verb = _absent
    changed: Verb = _absent
    app: bool = False
    android: bool = False

    def has(self, verb: str) -> bool:
        """Return whether the format has this verb."""
        return getattr(self, verb) is not _absent
