"""What two releases say of themselves, held against each other: nothing runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mobilecat.bundle import ArtifactRecord, Bundle, TensorContract
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.changes.sides import Side, paired
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.shown import human_size

Kind = Literal[
    "network", "preprocessing", "head", "suppression", "cascade", "labels", "contract", "precision",
    "calibration", "files", "ops", "bytes", "size", "tolerances", "compiler",
]  # fmt: skip
"""What is different, what matters most first."""
ORDER: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]
_LONG = 60


@dataclass(frozen=True)
class Change:
    """what: a key, a file or a tensor. old, new: as a user writes them, "" where there is none.
    told: the whole in a sentence, where old → new does not say it."""

    kind: Kind
    what: str
    old: str = ""
    new: str = ""
    told: str = ""

    def __str__(self) -> str:
        if self.told:
            return f"{self.what}: {self.told}" if self.what else self.told
        return f"{self.what} {self.old or 'none'} → {self.new or 'none'}"


def facts(old: Side, new: Side) -> tuple[Change, ...]:
    """Return every difference in what the two say, what matters most first."""
    if old.bundle is None or new.bundle is None:
        found = list(_of_files(old, new))
    else:
        found = list(_of_bundles(old, new))
    return tuple(sorted(found, key=lambda c: ORDER.index(c.kind)))


def _of_bundles(old: Side, new: Side) -> Iterator[Change]:
    a, b = old.bundle, new.bundle
    assert a is not None and b is not None
    if isinstance(a, CascadeBundle) and isinstance(b, CascadeBundle):
        said = [x.file.model_dump(mode="json", include={"crop"}) for x in (a, b)]
        said = [{**d, "max_crops": x.chain.max_crops} for d, x in zip(said, (a, b), strict=True)]
        yield from _keys("cascade", "", said[0], said[1])
        homes = [home for home in old.parts if home in new.parts]
        for home in sorted({*old.parts, *new.parts} - set(homes)):
            yield Change("cascade", home, told="gone" if home in old.parts else "added")
        for home in homes:
            for c in _of_one(old.parts[home], new.parts[home]):
                yield Change(c.kind, f"{home}/{c.what}" if c.what else home, c.old, c.new, c.told)
        return
    yield from _of_one(old, new)


def _of_one(old: Side, new: Side) -> Iterator[Change]:
    a, b = old.bundle, new.bundle
    assert a is not None and b is not None
    pairs = paired(old.artifacts, new.artifacts)
    if a.source.sha256 != b.source.sha256:
        yield _network(old, new)
    tables = [_tables(x) for x in (a, b)]
    kinds: tuple[tuple[str, Kind], ...] = (
        ("input", "preprocessing"), ("shapes", "preprocessing"), ("import", "network"),
        ("head", "head"), ("nms", "suppression"), ("quantize", "calibration"),
        ("tolerances", "tolerances"),
    )  # fmt: skip
    for table, kind in kinds:
        yield from _keys(kind, table, tables[0].get(table), tables[1].get(table))
    yield from _calibrated(a, b)
    yield from _names("labels", a.spec.labels, b.spec.labels)
    yield from _names("landmarks", a.spec.landmarks, b.spec.landmarks)
    yield from _tensors("input", a.inputs, b.inputs)
    yield from _tensors("output", a.outputs, b.outputs)
    for p, q in pairs:
        yield from _artifact(old, new, p, q)
    if a.versions != b.versions:
        for name in sorted({*a.versions, *b.versions}):
            was, is_ = a.versions.get(name, ""), b.versions.get(name, "")
            if was != is_:
                yield Change("compiler", name, was, is_)


def _calibrated(a: Bundle, b: Bundle) -> Iterator[Change]:
    """Say where scales were taken from other pictures, which the spec's folder need not tell."""
    if a.calibration is None or b.calibration is None:
        return
    others = len({*b.calibration.hashes} - {*a.calibration.hashes})
    if others or len(a.calibration.hashes) != len(b.calibration.hashes):
        was, now = (f"{x.pictures} pictures" for x in (a.calibration, b.calibration))
        yield Change("calibration", "calibrated on", was, now, f"{others} of them are others")


def _tables(bundle: Bundle) -> dict[str, Any]:
    """Return a spec's tables as JSON values, with the suppression that is baked in."""
    nms = bundle.spec.effective_nms
    said: dict[str, Any] = bundle.spec.model_dump(mode="json", by_alias=True)
    said["nms"] = nms.model_dump(mode="json") if nms else None
    return said


def _network(old: Side, new: Side) -> Change:
    """Say what another source model is: the same weights, other weights, or another network."""
    assert old.bundle is not None and new.bundle is not None
    pairs = [(p, q) for p, q in paired(old.artifacts, new.artifacts) if p and q]
    if pairs and all(p.sha256 == q.sha256 for p, q in pairs):
        return Change("network", "", told="the model file was written anew, the same network")
    a, b, of = old.source(near=new), new.source(near=old), ""
    if a is None or b is None:
        # Baked preprocessing and decode are in these, too; the same spec bakes the same.
        alike = [(p, q) for p, q in pairs if (p.kind, p.format) == (q.kind, q.format)]
        same = min(alike, key=lambda x: x[0].kind != "onnx", default=None)  # ops as users know them
        if same is None:
            return Change("network", "", told="another model file")
        a, b = old.inspected(same[0]), new.inspected(same[1])
        of = f" of {same[1].file}"
    if a.ops == b.ops and a.parameters == b.parameters:
        return _retrained(a, of)
    said = "; ".join(x for x in (_ops_words(a.ops, b.ops), _weights_words(a, b)) if x)
    return Change("network", "", told=f"another network: {said}{f',{of}' if of else ''}")


def _retrained(a: Inspection, of: str = "") -> Change:
    """of: the file that was looked at where it is not the model file, with " of " before it."""
    said = f"{sum(a.ops.values())} ops and {a.parameters:,} weights{of} as before"
    return Change("network", "", told=f"retrained: {said}, the weights with other values")


def _weights_words(a: Inspection, b: Inspection) -> str:
    if a.parameters == b.parameters:
        return ""
    return f"{a.parameters:,} → {b.parameters:,} weights"


def _ops_words(old: Mapping[str, int], new: Mapping[str, int]) -> str:
    off = {op: new.get(op, 0) - old.get(op, 0) for op in {*old, *new}}
    added = [f"{n}× {op}" for op, n in sorted(off.items()) if n > 0]
    gone = [f"{-n}× {op}" for op, n in sorted(off.items()) if n < 0]
    said = [f"{_some(listed)} {word}" for listed, word in ((added, "added"), (gone, "gone"))
            if listed]  # fmt: skip
    return "; ".join(said)


def _some(listed: Sequence[str], most: int = 6) -> str:
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _keys(kind: Kind, table: str, old: Any, new: Any) -> Iterator[Change]:
    """Yield each key of a table that is not the same."""
    mine, theirs = _flat(table, old), _flat(table, new)
    for key in sorted({*mine, *theirs}, key=lambda k: (k not in mine, k)):
        a, b = mine.get(key), theirs.get(key)
        if a != b:
            yield Change(kind, key, _value(a), _value(b))


def _flat(key: str, value: Any) -> dict[str, Any]:
    """Return values by dotted key; a list of lists by place."""
    if isinstance(value, Mapping):
        parts = [_flat(f"{key}.{k}" if key else k, v) for k, v in value.items()]
    elif isinstance(value, list) and any(isinstance(v, list | Mapping) for v in value):
        parts = [_flat(f"{key}[{i}]", v) for i, v in enumerate(value)]
    else:
        return {} if value is None else {key: value}
    return {k: v for part in parts for k, v in part.items()}


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        value = "[" + ", ".join(map(_value, value)) + "]"
    text = str(value)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _names(what: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    if tuple(old) == tuple(new):
        return
    if sorted(old) == sorted(new):
        yield Change("labels", what, _value(list(old)), _value(list(new)), "in another order")
        return
    gone, added = ([n for n in x if n not in y] for x, y in ((old, new), (new, old)))
    said = [f"{_some(x)} {word}" for x, word in ((added, "added"), (gone, "gone")) if x]
    yield Change("labels", what, _value(list(old)), _value(list(new)), "; ".join(said))


def _tensors(
    word: str, old: Sequence[TensorContract], new: Sequence[TensorContract]
) -> Iterator[Change]:
    mine, theirs = ({t.name: t for t in x} for x in (old, new))
    for name in dict.fromkeys((*mine, *theirs)):
        a, b = mine.get(name), theirs.get(name)
        if a is None or b is None or (a.shape, a.dtype) != (b.shape, b.dtype):
            yield Change("contract", f"{word} {name}", _tensor(a), _tensor(b))
        elif a.meaning != b.meaning:
            yield Change("contract", f"{word} {name}", a.meaning, b.meaning)


def _tensor(t: TensorContract | Port | None) -> str:
    if t is None:
        return ""
    shape = "×".join(map(str, t.shape or ())) or "scalar"
    return f"{shape} {t.dtype}"


def _artifact(
    old: Side, new: Side, a: ArtifactRecord | None, b: ArtifactRecord | None
) -> Iterator[Change]:
    if a is None or b is None:
        there = a or b
        assert there is not None
        size = human_size(there.bytes)
        yield Change("files", there.file, told=f"{'added' if b else 'gone'}, {size}")
        return
    name = a.file if a.file == b.file else f"{a.file} → {b.file}"
    if a.precision != b.precision:
        yield Change("precision", name, a.precision, b.precision)
    if (a.kind, a.format) != (b.kind, b.format):
        yield Change("files", name, f"{a.kind} {a.format}", f"{b.kind} {b.format}")
    elif a.file != b.file and (old.file is None or new.file is None):
        yield Change("files", "file name", a.file, b.file)
    # Of two formats, which names and picture inputs they have is their own affair.
    alike = (a.kind, a.format) == (b.kind, b.format)
    for key in ("contract", "image") if alike else ():
        if getattr(a, key) != getattr(b, key):
            yield Change("contract", f"{name} {key}", str(getattr(a, key)), str(getattr(b, key)))
    for key in ("inputs", "outputs", "output_dtypes") if alike else ():
        yield from _keys("contract", f"{name} {key}", getattr(a, key), getattr(b, key))
    if a.sha256 == b.sha256:
        return
    p, q = old.inspected(a), new.inspected(b)
    if alike and p.ops != q.ops:
        yield Change("ops", name, told=_ops_words(p.ops, q.ops))
    yield from _size(name, a.bytes, b.bytes)


def _size(name: str, old: int, new: int) -> Iterator[Change]:
    percent = 100 * (new - old) / old if old else None
    if percent is not None and abs(percent) < 0.05:
        by = f", but for {new - old:+,} bytes" if new != old else ""
        yield Change("bytes", name, told=f"other bytes, {human_size(new)} as before{by}")
        return
    share = "" if percent is None else f" ({percent:+.1f}%)"
    yield Change("size", name, human_size(old), human_size(new) + share)


def _of_files(old: Side, new: Side) -> Iterator[Change]:
    """Compare two files on their own, which say less of themselves."""
    if old.sha256 == new.sha256:
        return
    a, b = old.alone, new.alone
    name = old.path.name if old.path.name == new.path.name else f"{old.path.name} → {new.path.name}"
    if a.format != b.format:
        yield Change("files", name, a.format, b.format)
    for word, mine, theirs in (("input", a.inputs, b.inputs), ("output", a.outputs, b.outputs)):
        yield from _ports(word, mine, theirs)
    if a.ops != b.ops or a.parameters != b.parameters:
        said = "; ".join(x for x in (_ops_words(a.ops, b.ops), _weights_words(a, b)) if x)
        yield Change("ops", name, told=said)
    elif a.format == b.format and a.bytes == b.bytes:
        yield _retrained(a)
    yield from _keys("contract", "metadata", dict(a.metadata), dict(b.metadata))
    yield from _size(name, a.bytes, b.bytes)


def _ports(word: str, old: Sequence[Port], new: Sequence[Port]) -> Iterator[Change]:
    mine, theirs = ({t.name: t for t in x} for x in (old, new))
    for name in dict.fromkeys((*mine, *theirs)):
        a, b = mine.get(name), theirs.get(name)
        if a is None or b is None or (a.shape, a.dtype) != (b.shape, b.dtype):
            yield Change("contract", f"{word} {name}", _tensor(a), _tensor(b))
