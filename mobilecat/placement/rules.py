"""The table of units and rules: read, held to its form, and asked of an op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mobilecat.disk import read_text, toml_from_text
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.formats.base.operations import Operation

Verdict = Literal["taken", "refused", "unknown"]
TABLE = Path(__file__).parent / "rules.toml"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(_Value):
    """What may take ops of a format's files; see the head of rules.toml."""

    name: str
    format: str
    title: str
    source: str
    otherwise: Verdict = "unknown"
    takes: tuple[str, ...] = ()
    parts: int = 0
    retired: str = ""


class Rule(_Value):
    """One rule; see the head of rules.toml."""

    unit: str
    name: str
    why: str
    source: str
    change: str = ""
    verdict: Verdict = "refused"
    ops: tuple[str, ...] = ()
    when: dict[str, Any] = Field(default={})


@dataclass(frozen=True)
class Rules:
    units: tuple[Unit, ...]
    rules: tuple[Rule, ...] = field(default=())

    def of(self, unit: Unit, op: Operation) -> tuple[Verdict, Rule | None]:
        """Return what becomes of an op, and the rule that says so; None where none does."""
        for rule in self.rules:
            if rule.unit != unit.name or (rule.ops and op.kind not in rule.ops):
                continue
            if all(CONDITIONS[key](op, value) for key, value in rule.when.items()):
                return rule.verdict, rule
        return ("taken" if op.kind in unit.takes else unit.otherwise), None


def read_rules(path: Path | None = None) -> Rules:
    """Return the table at `path`, by default ours; MobileCatError with every mistake in it."""
    return _ours() if path is None else _read(path)


@cache
def _ours() -> Rules:
    return _read(TABLE)


def _read(path: Path) -> Rules:
    try:
        told = toml_from_text(read_text(path))
    except (OSError, ValueError) as e:
        problem = Problem(reason(e), str(path))
        raise MobileCatError("The rules cannot be read", [problem]) from e
    problems: list[Problem] = []
    units = _values(Unit, told.get("unit"), "unit", path, problems)
    rules = _values(Rule, told.get("rule"), "rule", path, problems)
    names = {u.name for u in units}
    for rule in rules:
        where = f"{path}: rule {rule.name!r}"
        if rule.unit not in names:
            fix = f"one of {', '.join(sorted(names))}"
            problems.append(Problem(f"there is no unit {rule.unit!r}", where, fix))
        for key in rule.when:
            if key not in CONDITIONS:
                fix = f"one of {', '.join(CONDITIONS)}"
                problems.append(Problem(f"there is no condition {key!r}", where, fix))
            elif not _fits(key, rule.when[key]):
                problems.append(Problem(f"{key} = {rule.when[key]!r} is no value for it", where))
    for key in told.keys() - {"unit", "rule"}:
        problems.append(Problem(f"there is no table {key!r}", str(path), "unit or rule"))
    if problems:
        raise MobileCatError("The rules cannot be used", problems)
    return Rules(tuple(units), tuple(rules))


def _values(kind: Any, told: Any, word: str, path: Path, problems: list[Problem]) -> list[Any]:
    found = []
    if not isinstance(told, list):
        problems.append(Problem(f"it has no [[{word}]]", str(path)))
        return []
    for k, item in enumerate(told):
        try:
            found.append(kind.model_validate(item))
        except ValidationError as e:
            problems += [
                Problem(f"{'.'.join(map(str, x['loc']))}: {x['msg']}", f"{path}: {word} {k + 1}")
                for x in e.errors(include_url=False)
            ]
    return found


def _variables(op: Operation) -> list[Any]:
    return [o for o in op.operands if not o.constant]


def _rank(op: Operation) -> int | None:
    first = next((i for i in op.inputs if not i.constant), None)
    return len(first.shape) if first is not None and first.shape is not None else None


def _cast_other_than(op: Operation, pairs: list[list[str]]) -> bool:
    source = next((i.dtype for i in op.inputs if not i.constant), "")
    return bool(op.outputs) and [source, op.outputs[0].dtype] not in pairs


def _input_dtype(op: Operation, said: list[Any]) -> bool:
    which, dtypes = said
    return which < len(op.inputs) and op.inputs[which].dtype in dtypes


def _crossed(op: Operation, _: bool) -> bool:
    shapes = [i.shape for i in op.inputs[:2]]
    if len(shapes) < 2 or shapes[0] is None or shapes[1] is None:
        return False
    if len(shapes[0]) != len(shapes[1]):
        return False
    pairs = list(zip(shapes[0], shapes[1], strict=True))
    return any(a < b for a, b in pairs) and any(b < a for a, b in pairs)


def _channels_multiplied(op: Operation, _: bool) -> bool:
    shape = op.inputs[0].shape if op.inputs else None
    return op.options.get("depthMultiplier", 1) != 1 and bool(shape) and shape[-1] != 1  # type: ignore[index]


CONDITIONS: Mapping[str, Callable[[Operation, Any], bool]] = {
    "dtype": lambda op, said: op.kind != "cast" and any(o.dtype in said for o in _variables(op)),
    "cast_other_than": _cast_other_than,
    "rank_other_than": lambda op, said: _rank(op) is not None and _rank(op) not in said,
    "input_dtype": _input_dtype,
    "beyond": lambda op, said: any(max(o.shape or (0,), default=0) > said for o in _variables(op)),
    "set": lambda op, said: any(op.options.get(name) for name in said),
    "option_other_than": lambda op, said: any(
        k in op.options and op.options[k] not in v for k, v in said.items()
    ),
    "not_constant": lambda op, said: said < len(op.inputs) and not op.inputs[said].constant,
    "crossed": _crossed,
    "custom_other_than": lambda op, said: bool(op.options.get("custom")) and op.kind not in said,
    "channels_multiplied": _channels_multiplied,
}
"""What a rule may ask of an op, by the key in its `when`."""

_LISTS = ("dtype", "cast_other_than", "rank_other_than", "set", "custom_other_than")


def _fits(key: str, value: Any) -> bool:
    if key in _LISTS:
        return isinstance(value, list)
    if key == "input_dtype":
        pair = isinstance(value, list) and len(value) == 2 and isinstance(value[0], int)
        return pair and isinstance(value[1], list)
    if key == "option_other_than":
        return isinstance(value, dict) and all(isinstance(v, list) for v in value.values())
    return isinstance(value, bool if key in ("crossed", "channels_multiplied") else int)
