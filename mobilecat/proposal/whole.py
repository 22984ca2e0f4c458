"""From a model file to a spec that says what it is: facts, families, text, a try on pictures."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.disk import relative_path, write_text
from mobilecat.errors import MobileCatError, ModelError, Problem, SpecError
from mobilecat.formats.first_bytes import torch_kind
from mobilecat.heads import graph_head
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.odd import assumed
from mobilecat.proposal.compared import UNTOLD, flag_of, worse_reasons
from mobilecat.proposal.facts import Facts, Progress, read_facts
from mobilecat.proposal.families import FAMILIES
from mobilecat.proposal.guess import Ask, Guess
from mobilecat.proposal.labels import blank_labels, names_of
from mobilecat.proposal.sheet import sheet_of
from mobilecat.proposal.text import spec_text, toml_value
from mobilecat.proposal.trial import BY_PICTURES, Sample, Tried, try_spec
from mobilecat.shown import Line, Shown, Table
from mobilecat.spec import ImageSpec, NmsSpec, RawHead, Spec, spec_from_text
from mobilecat.spec.heads import HEADS
from mobilecat.spec.otherwise import PIXEL_VALUES
from mobilecat.spec.targets import writable_targets
from mobilecat.value import safe_name, tuples

if TYPE_CHECKING:
    from PIL.Image import Image

Answers = Mapping[str, Any]
_HEADS_SHOWN = 3
_NORMALISED = ("range", "mean", "std")
_UNDECODED = (
    "compiled with its own tensors. A detector of your own gets suppression and boxes where it "
    "decodes itself: [1,4+C,N] of centre, width, height in pixels and C scores is head yolov8's "
    "(docs/torch.md)"
)
_AS_SAID = "as you said"
_OWN_RANGE = (
    "the values that pictures had in training: torchvision's ToTensor gives 0 to 1, cv2 and PIL 0 "
    "to 255; Normalize is input.mean and input.std"
)
_RESIZE, _THRESHOLD = "input.resize", "nms.score_threshold"
_LETS_ALL_THROUGH, _USUAL_THRESHOLD = 0.05, 0.3
"""Files have thresholds of 1e-8 to 0.01 for an evaluation, whose curve wants all low scores."""


@dataclass(frozen=True, repr=False)
class Proposal(Shown):
    """What a file seems to be.

    spec, text: the spec, as a value and as a file. because: what speaks for it. asks: what the file
    does not tell, for which the likeliest was written. assumed: what was taken for granted.
    tried: what it finds on the pictures that were given; None without one. unnamed: how many
    classes have no label. settled: what the pictures have told that the file does not. overruled:
    what the user has set against the file, or the family.
    """

    path: Path
    spec: Spec
    text: str
    title: str
    because: str
    asks: tuple[Ask, ...]
    assumed: tuple[str, ...]
    tried: Tried | None = None
    unnamed: int = 0
    settled: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()

    def words(self) -> Iterator[Line | Table]:
        yield Line(f"{_headline(self.title, self.overruled)}: {self.because}", "bold")
        if self.spec.input is not None:
            yield Line(f"  takes {assumed(self.spec.input)}", "dim")
        for said in self.assumed:
            yield Line(f"  assumed: {said}", "dim")
        if isinstance(self.spec.head, RawHead):
            yield Line(f"  {_UNDECODED}", "dim")
        if self.unnamed:
            many = f"{self.unnamed} classes, and" if self.unnamed > 1 else "one class, and"
            yield Line(f"  no labels: it has {many} the file names none; see labels in the spec")
        yield from (Line(f"  {BY_PICTURES}: {said}") for said in self.settled)
        for ask in self.asks:
            yield Line(f"  please check {ask.key}: {ask.said}", "yellow")
            if (other := ask.other) is not None:
                yield Line(f"    the other: --set {flag_of(ask.key, other)} --replace", "dim")
        if self.tried is not None:
            yield from self.tried.words(self.spec)

    def to_json(self) -> dict[str, Any]:
        """Return what is said, the text of the spec, and the detections of the picture."""
        found = self.found
        return {
            "family": self.title,
            "because": self.because,
            "head": self.spec.head.kind,
            "check": [asdict(ask) for ask in self.asks],
            "assumed": list(self.assumed),
            "detections": found and found.to_json(self.spec.labels, self.spec.landmarks),
            "settled": list(self.settled),
            "overruled": list(self.overruled),
            **(self.tried.to_json(self.spec) if self.tried is not None else {}),
            "spec": self.text,
        }

    @property
    def found(self) -> Detections | None:
        """What the spec finds on the first picture."""
        return self.tried.found if self.tried is not None else None

    @cached_property
    def drawn(self) -> Image | None:
        """The picture with what is found on it, or with the best below the threshold. A sheet of
        several; where they do not tell how they are brought to size, each in both ways."""
        if self.tried is None:
            return None
        return sheet_of(self.tried, self.spec, any(a.key == _RESIZE for a in self.asks))

    def write(self, path: Path, replace: bool = False) -> None:
        """Write the spec, and make its folder. Errors: MobileCatError where there is a file, unless
        `replace`."""
        require_new(path, replace)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, self.text)


def require_new(path: Path, replace: bool = False) -> None:
    """Raise MobileCatError where no spec can be written: `replace` lets one that is there go."""
    if path.suffix != ".toml":
        found = Problem("a spec is a .toml file", str(path), f"name it {path.stem}.toml")
    elif (file := next((p for p in path.parents if p.exists()), None)) and not file.is_dir():
        found = Problem("a file, and no folder for the spec", str(file), "name another (-o FILE)")
    elif path.exists() and not replace:
        fix = "name another (-o FILE), or let it be replaced (--replace)"
        found = Problem("there is a spec already", str(path), fix)
    else:
        return
    raise MobileCatError("The spec cannot be written", [found])


def propose(
    path: Path,
    where: Path,
    *,
    samples: Sequence[Sample] = (),
    size: tuple[int, int] | None = None,
    labels: Sequence[str] = (),
    targets: Collection[str] | None = None,
    answers: Answers | None = None,
    source: str = "",
    progress: Progress = lambda _: None,
) -> Proposal:
    """Return the spec that fits a model file, to be written at `where`.

    samples: pictures on which it should find something; where the file does not tell how they are
    brought to the input's size, they may. size: width, height where the file leaves it
    open. answers: values by key, `{"head.units": "pixels"}`, in place of what is inferred. source:
    what the spec is to name in place of the file. labels, targets: the spec's, where they are said.
    Errors: MobileCatError for a file that cannot be read, or answers that contradict it.
    """
    answers = dict(answers or {})
    wanted = writable_targets(targets)
    _require_kind(answers.get("head.kind", "raw"))
    sample = samples[0].picture if samples else _any_picture()
    facts = read_facts(path, sample, size, progress)
    chosen = _chosen(facts, answers.get("head.kind"))
    guess = _answered(chosen, answers)
    _require_keys(answers, guess.kind)
    set_ = {k: v for k, v in answers.items() if k not in {a.key for a in chosen.asks}}
    given = _Given(where, source, tuple(samples), size, tuple(labels), wanted, set_, progress)
    found = _proposed(facts, guess, given, answers, {})
    if found.tried is None:
        return found
    # The pictures tell what the file does not.
    other, asked = found.tried.resize, {a.key for a in found.asks}
    because: dict[str, str] = {}
    if other is not None and _RESIZE in asked and other.verdict in ("better", "worse"):
        answers |= {_RESIZE: other.value if other.verdict == "better" else other.kept}
        because[_RESIZE] = other.reason
        found = _proposed(facts, _answered(guess, answers), given, answers, because)
    assert found.tried is not None
    told = {key: why for key, why in worse_reasons(found.tried.others).items() if key in asked}
    if not told:
        return found
    guess = replace(guess, asks=tuple(a for a in guess.asks if a.key not in {*told, *answers}))
    return _proposed(facts, guess, given, answers, because | told, found.tried)


@dataclass(frozen=True)
class _Given:
    """What `init` was given besides the file. unasked: answers to what nobody would have asked."""

    where: Path
    source: str
    samples: tuple[Sample, ...]
    size: tuple[int, int] | None
    labels: tuple[str, ...]
    targets: tuple[str, ...]
    unasked: Answers
    progress: Progress


def _proposed(
    facts: Facts,
    guess: Guess,
    given: _Given,
    answers: Answers,
    because: Mapping[str, str],
    tried: Tried | None = None,
) -> Proposal:
    """Return the spec of one guess, tried. because: why keys are as the pictures have told. tried:
    what came of it, where that is known."""
    path, where, samples = facts.path, given.where, given.samples
    image, notes, asks = _image(facts, guess, answers)
    notes |= {key: f"By the pictures: {why}." for key, why in because.items()}
    head: dict[str, Any] = {"kind": guess.kind, **guess.head}
    head |= _said(answers, "head")
    taken: list[str] = []
    if facts.assumed_size and given.size is None:
        left = "since the file leaves it open: --size says another"
        taken.append(f"size {list(facts.size_wh)}, {left}")
    top: dict[str, Any] = {
        "name": safe_name(_name_of(given.source) or path.stem, "model"),
        "source": given.source or relative_path(path, where.parent),
    }
    tables: dict[str, dict[str, Any]] = {}
    if facts.picture:
        tables["input"] = {"size": list(facts.size_wh), **image}
    tables["head"] = head
    if facts.picture and guess.kind in HEADS and HEADS[guess.kind].suppressed:
        own = {**facts.told.nms, **guess.nms}
        nms = _nms(guess.kind, own)
        lets_through = "score_threshold" in own and nms["score_threshold"] < _LETS_ALL_THROUGH
        if _THRESHOLD not in answers and lets_through:
            asks += (_asked_threshold(nms["score_threshold"]),)
            nms["score_threshold"] = _USUAL_THRESHOLD
        tables["nms"] = {**nms, **_said(answers, "nms")}

    blank: dict[str, str] = {}
    overruled = _overruled(facts, guess, given)

    def written(names: Mapping[str, Any]) -> tuple[str, Spec]:
        said = {**top, **names}
        kinds = _headline(guess.title, overruled), guess.because
        text = spec_text(*kinds, said, tables, asks, notes, blank, given.targets)
        return text, spec_from_text(text, f"{where.name} as it would be", folder=where.parent)

    _, unnamed = written({})
    names, without = names_of(facts, guess, unnamed, taken, given.labels)
    if without:
        blank["labels"] = blank_labels(without)
        notes["labels"] = "The file names no class. One name each, in the network's order:"
    text, spec = written(names)
    if tried is None and samples and not isinstance(spec.head, RawHead):
        given.progress("trying it on the picture" + "s" * (len(samples) > 1))
        whose = _whose(answers, asks, notes, because)
        low, high = guess.image.get("range", PIXEL_VALUES)
        tried = try_spec(facts.network, spec, samples, whose, (float(low), float(high)))
    said = guess.title, guess.because, asks, tuple(taken)
    told = tuple(because.values())
    return Proposal(path, spec, text, *said, tried, without, told, overruled)


def _headline(title: str, overruled: Sequence[str]) -> str:
    return ", ".join([title, *overruled])


def _overruled(facts: Facts, guess: Guess, given: _Given) -> tuple[str, ...]:
    """Say what the user has set that is not what the file, or its family, would have it be."""
    own, notes, _ = _image(facts, guess, {})
    said = []
    for key, value in given.unasked.items():
        table, _, name = key.partition(".")
        if table == "head" and name in guess.head:
            other, who = guess.head[name], "the file's own values say"
        elif table == "input" and name in own:
            other = own[name]
            who = "the file says" if key in notes else f"{guess.title} has"
        else:
            continue
        if _plain(other) != _plain(value):
            said.append(
                f"with {key} = {toml_value(value)} as you set it ({who} {toml_value(other)})"
            )
    return tuple(said)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _name_of(source: str) -> str:
    """Return a source's own name: a function's, or a file's without its ending."""
    return source.rpartition(":")[2] if source.startswith("python:") else Path(source).stem


def _whose(
    answers: Answers, asks: tuple[Ask, ...], notes: Mapping[str, str], because: Mapping[str, str]
) -> dict[str, str]:
    """Return why keys of [input] are as they are, where it is not the family that settles them."""
    asked = {ask.key for ask in asks}
    whose = {}
    for name in ImageSpec.model_fields:
        key = f"input.{name}"
        if key in because:
            whose[name] = BY_PICTURES
        elif key in answers:
            whose[name] = "as you said"
        elif key in asked:
            whose[name] = UNTOLD
        elif key in notes:
            whose[name] = "by the file"
    return whose


def _require_kind(kind: object) -> None:
    if kind not in HEADS:
        close = difflib.get_close_matches(str(kind), HEADS, n=3, cutoff=0.5)
        fix = f"did you mean {', '.join(close)}?" if close else f"one of {', '.join(HEADS)}"
        raise SpecError("There is no such head", [Problem(f"{kind!r:.60}", "head.kind", fix)])


def _require_keys(answers: Answers, kind: str) -> None:
    """Raise SpecError for answers to what nobody asked."""
    known: dict[str, Mapping[str, Any]] = {"head": HEADS[kind].model_fields}
    known |= {"input": ImageSpec.model_fields}
    known |= {"nms": NmsSpec.model_fields} if HEADS[kind].suppressed else {}
    problems = []
    for key in answers:
        table, _, name = key.partition(".")
        if name not in known.get(table, {}):
            names = ", ".join(f"{table}.{n}" for n in known.get(table, {}))
            what = f"unknown key for head {kind!r}" if table == "head" else "unknown key"
            close = difflib.get_close_matches(name, known.get(table, {}), n=1, cutoff=0.6)
            fix = f"one of {names}" if names else "head.…, input.…, nms.…"
            fix = f"did you mean {table}.{close[0]}? It is {fix}" if close else fix
            problems.append(Problem(what, key, fix))
    if problems:
        raise SpecError("These answers do not fit", problems)


def _chosen(facts: Facts, kind: str | None) -> Guess:
    """Return the most certain guess whose head settles; asked where two are as certain."""
    found = [g for family in FAMILIES if facts.picture and (g := family(facts)) is not None]
    fits = [g for g in found if _settles(facts, g)]
    if kind is not None:
        known = [g for g in fits if g.kind == kind]
        others = [_as_kind(g, kind) for g in fits if kind in _kinds(g)]
        return (known or others or [Guess(kind, kind, 1, _AS_SAID, {}, {})])[0]
    if not fits:
        listed = ", ".join(f"{n} {list(s)}" for n, s in facts.outputs.items())
        because = f"no family that is known here has these outputs: {listed}"
        alone = (Guess(k, k, 1, "") for k in HEADS if facts.picture and k != "raw")
        if may := [g.kind for g in alone if _settles(facts, g)][:_HEADS_SHOWN]:
            one = "a head that takes" if len(may) == 1 else "heads that take"
            tried = " or ".join(f"--set head.kind={k}" for k in may)
            because += f"; {one} such outputs: {', '.join(may)} ({tried}, and --replace)"
        return Guess("raw tensors", "raw", 1, because)
    best = max(g.certain for g in fits)
    rivals = [g for g in fits if g.certain == best]
    if len(rivals) == 1:
        return rivals[0]
    kinds = tuple(g.kind for g in rivals)
    what = "these fit as well: " + "; ".join(f"{g.kind}, {g.because}" for g in rivals)
    its = (a for a in rivals[0].asks if a.key != "head.kind")
    return replace(rivals[0], asks=(Ask("head.kind", what, kinds), *its))


def _as_kind(guess: Guess, kind: str) -> Guess:
    """Return the guess as another kind, with those of its keys that this one has."""
    head = {k: v for k, v in guess.head.items() if k in HEADS[kind].model_fields}
    return replace(guess, kind=kind, head=head, asks=())


def _kinds(guess: Guess) -> tuple[Any, ...]:
    return next((a.options for a in guess.asks if a.key == "head.kind"), ())


def _settles(facts: Facts, guess: Guess) -> bool:
    try:
        head = HEADS[guess.kind].model_validate(tuples({"kind": guess.kind, **guess.head}))
        graph_head(head, facts.outputs, facts.size_wh, facts.anchors)
    except (ModelError, ValueError):
        return False
    return True


def _answered(guess: Guess, answers: Answers) -> Guess:
    """Return the guess without what the user has answered."""
    return replace(guess, asks=tuple(a for a in guess.asks if a.key not in answers))


def _image(
    facts: Facts, guess: Guess, answers: Answers
) -> tuple[dict[str, Any], dict[str, str], tuple[Ask, ...]]:
    """Return the keys of [input], why some are as they are, and all that is asked.

    A network may divide by 255 itself: its first layer then wants other values than its family.
    """
    image = dict(guess.image)
    notes: dict[str, str] = {}
    if facts.whole is not None:
        image = {k: v for k, v in image.items() if k not in _NORMALISED}
        if facts.whole != (0, 255):
            image["range"] = list(facts.whole)
        notes["input.range"] = "The network takes whole numbers, and normalises by itself."
    elif facts.told.image:
        image = {k: v for k, v in image.items() if k not in _NORMALISED} | dict(facts.told.image)
        notes |= {f"input.{k}": "What the file's metadata says." for k in facts.told.image}
    # What the file says of its values is not asked.
    asks = [a for a in guess.asks if a.key not in notes]
    if facts.told.image or facts.channels == 1:
        asks = [a for a in asks if a.key not in ("input.range", "input.color")]
    if facts.channels == 1:
        # What is said of three colours has their mean for grey.
        image = {
            k: round(float(np.mean(v)), 6) if k in ("mean", "std") else v for k, v in image.items()
        }
        image["color"] = "GRAY"
    low, high = image.get("range", (0, 255))
    mean, std = (float(np.mean(image.get(k, d))) for k, d in (("mean", 0), ("std", 1)))
    ends = max(abs((v - mean) / std) for v in (low, high))
    wants = facts.wants
    if facts.layer is not None and wants is not None:
        known = {"input.range", "input.mean"} & set(answers) or facts.told.image
        if guess.kind == "raw" and not known:
            image["range"] = [int(v) for v in wants]
            notes["input.range"] = "What the first layer looks trained on."
        elif facts.layer.fits(ends) and not known:
            own = [int(v) for v in wants]
            family = toml_value([low, high])
            what = f"{guess.title} is trained on {family}, but this first layer wants {own}"
            if _is_own(facts, guess):
                what = f"this first layer looks trained on {own}; {_OWN_RANGE}"
            asks.append(Ask("input.range", what, (own, [low, high])))
            image["range"] = own
    if "input.range" not in {*answers, *notes, *(a.key for a in asks)} and _is_own(facts, guess):
        # What is trained in PyTorch has mostly gone through ToTensor.
        ranges = [[0, 1], [0, 255], [-1, 1]]
        first = [0, 1] if torch_kind(facts.path) else [int(low), int(high)]
        options = first, *(r for r in ranges if r != first)
        asks.append(Ask("input.range", _OWN_RANGE, options))
        image["range"] = first
    image |= _said(answers, "input")
    return image, notes, tuple(asks)


def _is_own(facts: Facts, guess: Guess) -> bool:
    """Whether no family says what a detector's values are: its head is as the user says, or it is
    in PyTorch and has rows such as anyone's `forward` may give."""
    if guess.kind == "raw" or not facts.picture or facts.said("task") is not None:
        return False
    if facts.channels == 3 and guess.because == _AS_SAID:
        return True
    return guess.kind == "yolov8" and torch_kind(facts.path) is not None


def _any_picture() -> Image:
    """Return a picture of ours: on any one, values tell pixels from shares."""
    from PIL import Image

    from mobilecat.demo import FOLDER

    return Image.open(FOLDER / "pictures" / "three_in_a_meadow.png").convert("RGB")


def _said(answers: Answers, table: str) -> dict[str, Any]:
    """Return what the user says of one table."""
    start = f"{table}."
    return {k.removeprefix(start): v for k, v in answers.items() if k.startswith(start)}


def _asked_threshold(own: float) -> Ask:
    what = (
        f"the file's own is {own:g}, which lets nearly every candidate through, as an evaluation "
        f"wants and an app does not; written is {_USUAL_THRESHOLD:g}, a usual one. `mobilecat "
        "tune` finds the best on labelled pictures"
    )
    return Ask(_THRESHOLD, what, (_USUAL_THRESHOLD, own))


def _nms(kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
    whole = NmsSpec(**HEADS[kind].family_nms)
    overlap = ("iou_threshold",) if whole.selection == "nms" else ()
    family = {k: getattr(whole, k) for k in ("score_threshold", *overlap, "max_detections")}
    said = {k: v for k, v in told.items() if k in NmsSpec.model_fields}
    return family | said
