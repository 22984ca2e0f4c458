"""GOLDEN/<bundle>/index.json: which results are approved, and the contract each was approved for.

`approve` writes it. A golden that was deleted, copied, exchanged or brought back from an older day
is not as the index has it. It guards against accident: who edits both files together is for the
review of a commit to see.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from mobilecat.bundle import Bundle
from mobilecat.bundle.seal import digest
from mobilecat.compare.compare import Check
from mobilecat.disk import write_text
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.golden.store import (
    APPROVED,
    CASE,
    INDEX,
    Record,
    case_folders,
    damaged,
    read_case_file,
    read_record,
    read_result,
)
from mobilecat.golden.terms import Terms, other_terms, terms_of

_FIX = "where that is meant: mobilecat golden index"
_GONE = f"was approved and is gone; bring it back, or {_FIX}"
_NEW = f"is not in {INDEX}: it was copied or merged here; {_FIX}"
_OTHER = f"is not the one that was approved; {_FIX}"
_CHANGED = f"is not the result that was approved last; {_FIX}"
_WRITTEN = {
    _GONE: "was approved and is gone: taken out of the index",
    _NEW: "was copied or merged here: taken into the index",
    _OTHER: "is not the one that was approved: the index has it as it is now",
    _CHANGED: "is not the result that was approved last: the index has it as it is now",
}
"""What `write_index` did about each fault."""


class Entry(Record):
    """A case. case: SHA-256 of what case.json says. results: approved file's stem → its seal.

    coming: one that is being written; a kill on the way leaves the old one or this.
    terms: the id of what it was approved for; None where an older mobilecat approved it.
    """

    case: str
    results: dict[str, str]
    coming: dict[str, str] = Field(default={})
    terms: str | None = None


class Index(Record):
    """cases: by name. terms: by id."""

    schema_version: Literal[1] = 1
    cases: dict[str, Entry]
    terms: dict[str, Terms] = Field(default={})

    def to_json(self) -> str:
        told = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps({"schema_version": 1, **told}, indent=1, sort_keys=True) + "\n"

    def with_entry(self, name: str, entry: Entry, terms: Terms | None) -> Index:
        """Return the index with this entry, and with the terms that any entry needs."""
        cases = {**self.cases, name: entry}
        known = {**self.terms, **({terms.id: terms} if terms else {})}
        used = {e.terms for e in cases.values()}
        return Index(cases=cases, terms={k: v for k, v in known.items() if k in used})


def read_index(home: Path) -> Index | None:
    """Read the index of a bundle's goldens; None where there is none. ArtifactError if damaged."""
    path = home / INDEX
    if not path.is_file():
        return None
    index = read_record(path, Index)
    wrong = [k for k, t in index.terms.items() if t.id != k]
    wrong += [e.terms for e in index.cases.values() if e.terms and e.terms not in index.terms]
    if wrong:
        raise damaged(path, "was edited: its terms are not those of their names", _FIX)
    return index


def check_index(root: Path, bundle: Bundle, only: Collection[str] | None = None) -> list[Check]:
    """Return what differs from the index, a check each; NOT_RUN where there is no index.

    only: cases; the rest is not looked at.
    """
    home = root / bundle.name
    try:
        index = read_index(home)
    except MobileCatError as e:
        return [Check("golden", INDEX, "FAIL", detail=str(p)) for p in e.problems]
    if index is None:
        detail = f"{home} has none: a golden that is deleted or copied goes unnoticed; {_WRITE}"
        return [Check("golden", INDEX, "NOT_RUN", detail=detail)] if _cases(root, bundle) else []
    checks = []
    for name, said in faults(index, root, bundle).items():
        if only is None or name in only:
            checks += [Check("golden", name, "FAIL", detail=x) for x in said]
    return checks


_WRITE = "write one: mobilecat golden index"
OTHER_CONTRACT = "was approved for another contract: "
AGAIN = "; record it again, and approve it if that is meant"
"""What stands before and behind the changes."""


def check_terms(root: Path, bundle: Bundle, only: Collection[str] | None = None) -> list[Check]:
    """Return whether each case was approved for this bundle's contract."""
    try:
        index = read_index(root / bundle.name)
    except MobileCatError:
        return []  # `check_index` says so
    checks = []
    for name, entry in index.cases.items() if index else ():
        if only is not None and name not in only:
            continue
        if index is None or entry.terms is None:
            detail = "was approved before goldens kept the contract they are for; approve it again"
            checks.append(Check("contract", f"terms of {name}", "NOT_RUN", detail=detail))
            continue
        changed = other_terms(index.terms[entry.terms], bundle)
        if changed:
            detail = f"{OTHER_CONTRACT}{'; '.join(changed)}{AGAIN}"
            checks.append(Check("contract", f"terms of {name}", "FAIL", detail=detail))
    return checks


def faults(index: Index, root: Path, bundle: Bundle) -> dict[str, list[str]]:
    """Return everything that is not as the index has it, by case."""
    home = root / bundle.name
    there = _cases(root, bundle)
    found: dict[str, list[str]] = {}
    for name in sorted({*index.cases, *there}):
        if name not in index.cases:
            said = [f"{home / name} {_NEW}"]
        elif name not in there:
            # A kill before a new case's first result was there leaves an entry without any.
            said = [] if not index.cases[name].results else [f"{home / name} {_GONE}"]
        else:
            said = _entry_faults(index.cases[name], there[name], home / name)
        if said:
            found[name] = said
    return found


def _entry_faults(entry: Entry, now: Entry, folder: Path) -> list[str]:
    said = []
    if entry.case != now.case:
        said.append(f"{folder / CASE} {_OTHER}")
    results = {**entry.results, **{k: v for k, v in entry.coming.items() if k in now.results}}
    for stem in sorted({*results, *now.results}):
        file = folder / f"{stem}.json"
        if stem not in now.results:
            said.append(f"{file} {_GONE}")
        elif stem not in results:
            said.append(f"{file} {_NEW}")
        elif now.results[stem] not in (entry.results.get(stem), entry.coming.get(stem)):
            said.append(f"{file} {_CHANGED}")
    return said


def _cases(root: Path, bundle: Bundle) -> dict[str, Entry]:
    """Return the cases that have approved results, as they lie there; what is damaged is left out.

    `read_case` says what is damaged.
    """
    found = {}
    for folder in case_folders(root, bundle):
        entry = entry_of(folder)
        if entry is not None and entry.results:
            found[folder.name] = entry
    return found


def entry_of(folder: Path) -> Entry | None:
    """Return a case as it lies there, without terms; None where its case.json cannot be read."""
    try:
        record = read_case_file(folder)
    except MobileCatError:
        return None
    results = {}
    for path in sorted(folder.glob(f"{APPROVED}*.json")):
        try:
            results[path.stem] = read_result(path).seal or ""
        except ArtifactError:
            results[path.stem] = "damaged"
    told = record.model_dump(mode="json", exclude_none=True, exclude=record.unsaid)
    return Entry(case=digest(told), results=results)


def is_vouched(root: Path, bundle: Bundle, name: str) -> bool:
    """Return whether the index has the case as it lies there, approved for this very contract."""
    index = read_index(root / bundle.name)
    if index is None or name not in index.cases or name in faults(index, root, bundle):
        return False
    return index.cases[name].terms == terms_of(bundle).id


def announce(root: Path, bundle: Bundle, name: str, stem: str, seal: str) -> None:
    """Write into the index that a result is about to be approved: the old one or it will be there.

    A folder of goldens without an index gets one of everything approved in it.
    """
    home = root / bundle.name
    index = read_index(home) or Index(cases=_cases(root, bundle))
    now = entry_of(home / name)
    if now is None:
        raise ArtifactError("A golden cannot be used", [Problem("is damaged", str(home / name))])
    old = index.cases.get(name, Entry(case=now.case, results={}))
    entry = old.model_copy(update={"case": now.case, "coming": {stem: seal}})
    _write(home, index.with_entry(name, entry, None))


def confirm(root: Path, bundle: Bundle, name: str) -> None:
    """Write into the index what `announce` announced, now that it is there."""
    home = root / bundle.name
    index = read_index(home)
    if index is None or name not in index.cases:
        return
    old, terms = index.cases[name], terms_of(bundle)
    results = {**old.results, **old.coming}
    entry = Entry(case=old.case, results=results, terms=terms.id)
    _write(home, index.with_entry(name, entry, terms))


def write_index(root: Path, bundle: Bundle) -> list[str]:
    """Write the index of what lies there now; return what was done, a sentence each.

    A case that had terms keeps them: only `approve` changes what a result is held for.
    """
    home = root / bundle.name
    old = read_index(home) if _readable(home) else None
    before: Mapping[str, Entry] = old.cases if old else {}
    said = list(faults(old, root, bundle).values()) if old else []
    terms = terms_of(bundle)
    known = {**(old.terms if old else {}), terms.id: terms}
    index = Index(cases={})
    for name, entry in _cases(root, bundle).items():
        id = (before[name].terms if name in before else None) or terms.id
        index = index.with_entry(name, entry.model_copy(update={"terms": id}), known[id])
    _write(home, index)
    return [_done(line) for lines in said for line in lines] or [
        f"{name} is new in it" for name in index.cases if name not in before
    ]


def _done(fault: str) -> str:
    """Say what writing the index did about a fault."""
    end = next(e for e in _WRITTEN if fault.endswith(e))
    return fault.removesuffix(end) + _WRITTEN[end]


def _readable(home: Path) -> bool:
    try:
        read_index(home)
    except MobileCatError:
        return False
    return True


def _write(home: Path, index: Index) -> None:
    home.mkdir(parents=True, exist_ok=True)
    write_text(home / INDEX, index.to_json(), approves=True)
