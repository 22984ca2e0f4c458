"""Read a spec, and say everything that is wrong with it at once: line, key, nearest valid name."""

from __future__ import annotations

import difflib
import re
import shlex
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mobilecat.disk import read_text, toml_from_text
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import Problem, SpecError
from mobilecat.formats.table import FORMATS
from mobilecat.spec.checks import open_checks
from mobilecat.spec.files import anchors_from_file, labels_from_file, require_beside
from mobilecat.spec.heads import HEAD_KINDS, HEADS, RawHead
from mobilecat.spec.lines import KeyPath, key_lines, line_of
from mobilecat.spec.quotes import nearest_valid
from mobilecat.spec.values import Spec, Targets
from mobilecat.value import safe_name, tuples

_LISTS_OR_TABLES = tuple(Targets.model_fields)


def load_spec(path: Path) -> Spec:
    """Read and validate the spec at `path`; SpecError lists every problem with its line."""
    try:
        text = read_text(path)
    except UnicodeDecodeError as e:
        fix = "" if path.suffix == ".toml" else _of_a_model(path)
        said = Problem("not a text file", str(path), fix)
        raise SpecError("The spec cannot be read", [said]) from e
    except (OSError, ValueError) as e:
        why = (e.strerror if isinstance(e, OSError) else "") or str(e)
        meant = "" if path.exists() else did_you_mean(path) or _MAKE_ONE
        raise SpecError("The spec cannot be read", [Problem(why, str(path), meant)]) from e
    spec = spec_from_text(text, str(path), default_name=_default_name(path), folder=path.parent)
    spec._file = path.name
    return spec


_MAKE_ONE = "name your spec, or make one from a model: mobilecat init MODEL"


def _of_a_model(path: Path) -> str:
    model = shlex.quote(str(path))
    return f"is it the model? Name its spec; mobilecat init {model} makes one"


def _default_name(path: Path) -> str:
    stem = path.resolve().parent.name if path.stem == "mobilecat" else path.stem
    return safe_name(stem, "model")


def spec_from_text(
    text: str,
    where: str = "mobilecat.toml",
    default_name: str = "model",
    folder: Path | None = None,
) -> Spec:
    """Validate TOML `text`; `where` names it in errors, `folder` is where its files lie."""
    try:
        data = toml_from_text(text)
    except ValueError as e:
        meant = nearest_valid(text, str(e))
        fix = f"meant is, perhaps: {meant}" if meant else ""
        raise SpecError(f"{where} is not TOML", [Problem(str(e), where, fix)]) from e
    data.setdefault("name", default_name)
    problems: list[Problem] = []
    lines = key_lines(text)
    _read_files(data, lines, where, folder or Path(), problems)
    spec = _validate(data, lines, where, problems)
    if problems or spec is None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise SpecError(f"{where}: {count}", problems)
    spec._folder = folder or Path()
    spec._checks = open_checks(text, where)
    return spec


def _validate(
    data: dict[str, Any], lines: dict[KeyPath, int], where: str, problems: list[Problem]
) -> Spec | None:
    """Validate, and again without the wrong keys: contradictions show once the rest is sound."""
    found: list[tuple[int, Problem]] = []
    pruned: set[KeyPath] = set()
    spec = None
    data = _normalised(data)
    while spec is None:
        try:
            spec = Spec.model_validate(tuples(data), strict=True)
        except ValidationError as e:
            errors = [(_path_in_file(x["loc"], data), dict(x)) for x in _first_causes(e)]
            for path, error in errors:
                follows_from_a_wrong_head = path == () and ("head",) in pruned
                was_wrong = error["type"] == "missing" and path in pruned
                error = _without_refused(error, path, pruned)
                if error and not follows_from_a_wrong_head and not was_wrong:
                    found += _problems(error, path, lines, where, data)
            wrong = [p for p, x in errors if x["type"] not in ("missing", "value_error")]
            pruned.update(wrong)
            changed = [_prune(data, path) for path in wrong]
            if not any(changed):
                break
    problems += {p: None for _, p in sorted(found, key=lambda item: item[0])}
    return spec


def _without_refused(error: dict[str, Any], path: KeyPath, refused: set[KeyPath]) -> dict[str, Any]:
    """Return a contradiction without what it says of keys whose own value was refused, for which
    the default stands in; {} where nothing is left."""
    keys = {str(p[-1]) for p in refused if p[:-1] == path and p}
    said = error.get("ctx", {}).get("error")
    if error["type"] != "value_error" or not keys or said is None:
        return error
    kept = [t for t in str(said).split("; ") if not any(re.search(rf"\b{k}\b", t) for k in keys)]
    kept = [t for t in kept if "color" not in keys or " values, " not in t]  # names it by its value
    return {**error, "msg": f"Value error, {'; '.join(kept)}"} if kept else {}


def _first_causes(error: ValidationError) -> list[typing.Any]:
    """Return the errors without those of lists that are too short for want of a sound element."""
    found = error.errors(include_url=False)
    inner = {x["loc"][:end] for x in found for end in range(len(x["loc"]))}
    return [x for x in found if x["type"] != "too_short" or x["loc"] not in inner]


# A required key whose value was wrong is not also missing.
_STAND_INS: dict[KeyPath, Any] = {("input", "size"): [1, 1], ("source",): "?", ("name",): "model"}


def _prune(data: Any, path: KeyPath) -> bool:
    """Take the key at `path` out of `data`, or make it a sound one; whether there was one."""
    if path[:1] == ("head",) and len(path) > 1 and (allowed := _literals(path[:2], data)):
        data["head"][path[1]] = allowed[0]
        return True
    for key, stand_in in _STAND_INS.items():
        if path[: len(key)] == key:
            node = data
            for part in key[:-1]:
                node = node[part]
            node[key[-1]] = stand_in
            return True
    for depth, part in enumerate(path):
        if isinstance(data, dict) and part in data:
            if depth == len(path) - 1 or not isinstance(data[part], (dict, list)):
                del data[part]
                return True
            if isinstance(data[part], list) and not any(isinstance(v, dict) for v in data[part]):
                del data[part]
                return True
            data = data[part]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
    return False


def spec_from_model_file(path: Path, shapes: Mapping[str, Sequence[int]] | None = None) -> Spec:
    """Return the spec of a bare model file: raw head, its own tensors in and out, every target.

    float32 throughout, so that every output can be held to the source's.
    """
    name = safe_name(path.stem, "model")
    return Spec(
        name=name,
        source=str(path),
        shapes={k: tuple(v) for k, v in (shapes or {}).items()},
        targets=Targets(**{f.name: f.bare for f in FORMATS.values() if f.bare and not f.missing()}),
    )


def _read_files(
    data: dict[str, Any],
    lines: dict[KeyPath, int],
    where: str,
    folder: Path,
    problems: list[Problem],
) -> None:
    """Replace the keys that may name a file by what it holds, or by nothing where it cannot be."""
    readers: dict[tuple[str, ...], Callable[[Path], Any]] = {
        ("labels",): labels_from_file,
        ("head", "anchors"): anchors_from_file,
        ("quantize", "calibration"): lambda _: data["quantize"]["calibration"],
    }
    for path, reader in readers.items():
        node = data if len(path) == 1 else data.get(path[0])
        if not isinstance(node, dict) or not isinstance(node.get(path[-1]), str):
            continue
        file = folder / node[path[-1]]
        try:
            require_beside(node[path[-1]])
            node[path[-1]] = reader(file)
        except (OSError, ValueError) as e:
            if path[0] != "quantize":  # which has no other
                del node[path[-1]]
            key = ".".join(path)
            line = line_of(lines, path)
            problems.append(
                Problem(f"{key}: {file} cannot be read: {e}", f"{where}:{line}" if line else where)
            )


def _normalised(data: dict[str, Any]) -> dict[str, Any]:
    targets = data.get("targets")
    if not isinstance(targets, dict):
        return data
    lists = {
        k: [v] if k in _LISTS_OR_TABLES and isinstance(v, dict) else v for k, v in targets.items()
    }
    return {**data, "targets": lists}


def _problems(
    error: dict[str, Any],
    path: KeyPath,
    lines: dict[KeyPath, int],
    where: str,
    data: dict[str, Any],
) -> list[tuple[int, Problem]]:
    wrong_tag = error["type"] == "union_tag_invalid"
    line = line_of(lines, (*path, "kind") if wrong_tag else path)
    place = f"{where}:{line}" if line else where
    key = ".".join(str(p) for p in path if not isinstance(p, int))
    found = []
    for what, fix in _words(error, key, path, data):
        its = line or _contract_line(what, lines, data)
        at = f"{where}:{its}" if its else place
        found.append((its or 0, Problem(what, at, fix)))
    return found


def _contract_line(what: str, lines: dict[KeyPath, int], data: dict[str, Any]) -> int | None:
    """Return the line of the target that a contradiction of the whole spec is about."""
    if (named := re.match(r'contract "(\w+)"', what)) is None:
        return None
    for kind, targets in data["targets"].items():
        for i, target in enumerate(targets):
            if target.get("contract") == named[1]:
                whole = ("targets", kind, i)
                at = whole if whole in lines else whole[:2]
                return line_of(lines, (*at, "contract"))
    return None


def _path_in_file(loc: tuple[int | str, ...], data: dict[str, Any]) -> KeyPath:
    """Undo what validation adds to the path: union tags, and the list around a single table."""
    path: list[int | str] = []
    node: Any = data
    if loc[:1] == ("head",) and loc[1:2] and loc[1] in HEAD_KINDS:
        loc = ("head", *loc[2:])
    for part in loc:
        if isinstance(node, dict):
            if part in node or part in _fields_below(tuple(path), data):
                path.append(part)
                node = node.get(part) if isinstance(part, str) else None
            elif isinstance(part, str) and path and not _is_tag(part):
                path.append(part)
                node = None
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            path.append(part)
            node = node[part]
        elif node is None and isinstance(part, str) and not _is_tag(part):
            path.append(part)
    return tuple(path)


def _is_tag(part: str) -> bool:
    return "[" in part or part in ("float", "int", "settings", "rows")


def _words(
    error: dict[str, Any], key: str, path: KeyPath, data: dict[str, Any]
) -> list[tuple[str, str]]:
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "extra_forbidden":
        from mobilecat.spec.taken import without_quotes

        parent = tuple(p for p in path[:-1] if not isinstance(p, int))
        fix = without_quotes(path, error.get("input")) or _elsewhere(path, error.get("input"), data)
        fix = fix or _nearest(str(path[-1]), _fields_below(parent, data))
        return [(f"unknown key {key!r}", fix)]
    if kind == "missing":
        if isinstance(error["loc"][-1], int):
            return [_refused(error, key, path, data)]
        words = _literals(path, data)
        fix = f"one of {', '.join(words)}" if words else ""
        return [(f"{key or error['loc'][-1]!s} is missing", fix)]
    if kind == "value_error":
        prefix = f"{key}: " if key else ""
        parts = message.removeprefix("Value error, ").split("; ")
        return [(prefix + part, "") for part in parts]
    given = _shown(error.get("input"))
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        fix = _elsewhere(path, error.get("input"), data) or _nearest(given, allowed)
        return [(f"{key} = {given} is not one of {', '.join(allowed)}", fix)]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        found = error.get("input")
        named = found.get("kind", "") if isinstance(found, dict) else ""
        if not named and (close := _meant("kind", found)):
            return [(f"unknown key 'head.{close}'", "did you mean 'kind'?")]
        what = f"there is no head {_shown(named)}" if named else "head.kind is missing"
        return [(what, _nearest(str(named), HEAD_KINDS))]
    if path[:1] == ("tolerances",) and len(path) == 2:
        what = f"{key} = {given} is of no file: each file has limits of its own"
        return [(what, f'write it in the table of the file: [tolerances."FILE"] {path[-1]} = …')]
    return [_refused(error, key, path, data)]


def _elsewhere(path: KeyPath, value: Any, data: dict[str, Any]) -> str:
    """Return what to write in place of a key that another format calls so; "" where none does."""
    key = str(path[-1])
    for model in _models_at(path[:-1], data):
        told: Mapping[str, str] = getattr(model, "elsewhere", {})
        if fix := told.get(f"{key} = {value}") or told.get(key):
            return fix
    return ""


def _shown(value: Any) -> str:
    from mobilecat.spec.taken import shown

    return shown(value)


def _refused(
    error: dict[str, Any], key: str, path: KeyPath, data: dict[str, Any]
) -> tuple[str, str]:
    """Return what a key takes, and what to write, where it has something else."""
    from mobilecat.spec.taken import refusal

    named = [k for k, part in enumerate(path) if not isinstance(part, int)]
    end = named[-1] if named else 0
    models = _models_at(path[:end], data)
    fields = {f.alias or n: f for m in models for n, f in m.model_fields.items()}
    inner = any(isinstance(part, int) for part in path[end + 1 :])
    field = fields.get(str(path[end])) if path else None
    return refusal(key, error.get("input"), field, inner=inner, error=str(error["type"]))


def _meant(key: str, table: Any) -> str:
    """Return the key of a table that is probably a misspelt `key`; "" where none is."""
    names = [str(n) for n in table] if isinstance(table, dict) else []
    return (difflib.get_close_matches(key, names, n=1, cutoff=0.6) or [""])[0]


def _nearest(word: str, names: Sequence[str]) -> str:
    bare = word.strip("'\"")
    close = difflib.get_close_matches(bare.lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    if close:
        return f"did you mean {next(n for n in names if n.lower() == close[0])!r}?"
    return f"valid here: {', '.join(names)}" if names else ""


def _fields_below(path: KeyPath, data: dict[str, Any]) -> list[str]:
    """Return the keys that the spec knows below `path`; of a head, those of its kind."""
    return [f.alias or n for m in _models_at(path, data) for n, f in m.model_fields.items()]


def _models_at(path: KeyPath, data: dict[str, Any]) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = [Spec]
    for part in path:
        if isinstance(part, int):
            continue
        models = [
            found
            for m in models
            for name, field in m.model_fields.items()
            if part == (field.alias or name)
            for found in models_in(field.annotation)
        ] or [v for m in models for v in ([m] if m.__name__ == "Tolerance" else [])]
        kind = _head_kind(data)
        if part == "head" and kind in HEADS:
            models = [HEADS[kind]]
    return models


def _literals(path: KeyPath, data: dict[str, Any]) -> tuple[str, ...]:
    """Return the words that a required key of a head may be."""
    if len(path) != 2 or path[0] != "head" or path[1] == "kind":
        return ()
    field = HEADS.get(_head_kind(data), RawHead).model_fields.get(str(path[1]))
    if field is None or not field.is_required():
        return ()
    return typing.get_args(field.annotation)


def _head_kind(data: dict[str, Any]) -> str:
    head = data.get("head")
    return str(head.get("kind", "")) if isinstance(head, dict) else ""


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a field may hold, in the order of its annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in typing.get_args(annotation) for m in models_in(arg)]
