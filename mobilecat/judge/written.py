"""What an app reads from an artifact besides its numbers, as the file says it, and labels.txt.

No picture shows a rolled list of labels, an output that nobody reads, or a colour that a consumer
applies before the network: the file does.
"""

from __future__ import annotations

from pathlib import Path

from mobilecat.bundle import FILE, LABELS, ArtifactRecord, Bundle
from mobilecat.compare.compare import Check, Stage, passed
from mobilecat.errors import MobileCatError
from mobilecat.formats.base import facts as groups
from mobilecat.formats.base.facts import Fact
from mobilecat.formats.table import FORMATS
from mobilecat.judge.words import many

_STAGES: dict[str, Stage] = {groups.PICTURE: "input"}
_MAX_LABELS_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"


def check_written(path: Path, record: ArtifactRecord, bundle: Bundle) -> list[Check]:
    """Return checks of the file's interface, picture, labels, metadata and version as written.

    The interface is the file's whole one: what no contract names fails, as what is missing does.
    """
    try:
        found: list[Fact] = list(FORMATS[record.kind].facts(path, record, bundle))
    except NotImplementedError:
        detail = f"what a .{record.format} says besides its numbers is not read"
        return [Check("contract", _name(groups.INTERFACE), "NOT_RUN", detail=detail)]
    except (MobileCatError, ValueError, KeyError, IndexError, AttributeError, TypeError) as e:
        reason = e.summary if isinstance(e, MobileCatError) else f"{type(e).__name__}: {e}"
        detail = f"cannot be read: {reason}"
        return [Check("contract", _name(groups.INTERFACE), "FAIL", detail=detail)]
    names = dict.fromkeys(fact.group for fact in found)
    return [_check(name, [f for f in found if f.group == name]) for name in names]


def _check(group: str, facts: list[Fact]) -> Check:
    wrong = [str(f) for f in facts if not f.holds]
    detail = "; ".join(wrong) if wrong else many(len(facts), "fact")
    return Check(_STAGES.get(group, "contract"), _name(group), passed(not wrong), detail=detail)


def _name(group: str) -> str:
    return f"{group} as written"


def check_labels_file(folder: Path, labels: tuple[str, ...]) -> list[Check]:
    """Hold labels.txt, which apps read line by line, to the labels of the contract.

    Lines may end as Windows ends them. A byte order mark is part of the first label to readers.
    """
    path = folder / LABELS
    if not labels and not path.exists():
        return []
    reason = _labels_fault(path, labels)
    if not reason:
        return [Check("contract", LABELS, "PASS", detail=many(len(labels), "label"))]
    return [Check("contract", LABELS, "FAIL", detail=f"{path} {reason}")]


def _labels_fault(path: Path, labels: tuple[str, ...]) -> str:
    if not path.is_file():
        return "is missing"
    if path.stat().st_size > _MAX_LABELS_BYTES:
        return "is no list of labels: it is larger than 16 MB"
    data = path.read_bytes()
    if data.startswith(_BOM):
        return "begins with a byte order mark, which apps read as part of the first label"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        return f"is not UTF-8 text: {e.reason} at byte {e.start}"
    lines = text.replace("\r\n", "\n").removesuffix("\n")
    have = tuple(lines.split("\n")) if lines else ()
    if have == labels:
        return ""
    fact = Fact(groups.LABELS, "label", have, labels)
    return f"differs from the labels in {path.parent / FILE}: {fact}"
