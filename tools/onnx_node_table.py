"""Write docs/onnx_node_tests.md: which of ONNX's own node tests each target passes.

    python tools/onnx_node_table.py

Runs every case of every op that a target's table holds; writes the counts, as JSON, beside it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.formats.onnx_node.cases import NodeRow  # noqa: E402
from tests.formats.onnx_node.counts import COUNTS  # noqa: E402

PAGE = COUNTS.with_suffix(".md")
# Target → module, function, and arguments of what gives its rows.
TARGETS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "TFLite": ("tests.formats.onnx_node.tflite_cases", "tflite_rows", ()),
    "Core ML mlpackage": ("tests.formats.onnx_node.coreml_cases", "coreml_rows", ("mlpackage",)),
    "Core ML mlmodel": ("tests.formats.onnx_node.coreml_cases", "coreml_rows", ("mlmodel",)),
    "Core AI": ("tests.formats.onnx_node.coreai_cases", "coreai_rows", ()),
}
Rows = Mapping[str, NodeRow]


def main() -> int:
    logging.disable(logging.CRITICAL)
    results = {target: _run(*path) for target, path in TARGETS.items()}
    counts = {
        target: {op: len(row.passed) for op, row in rows.items()}
        for target, rows in results.items()
        if rows is not None
    }
    COUNTS.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(results))
    failed = [
        f"{target}: {case}: {why}"
        for target, rows in results.items()
        for row in (rows or {}).values()
        for case, why in row.failed.items()
    ]
    print(f"wrote {PAGE.relative_to(ROOT)} and {COUNTS.relative_to(ROOT)}")
    print("\n".join(failed) if failed else "no case fails")
    return 1 if failed else 0


def _run(module: str, function: str, arguments: tuple[str, ...]) -> Rows | None:
    """Return one row an op; None where the target has no such path yet."""
    try:
        path = import_module(module)
    except ModuleNotFoundError as e:
        if e.name != module:
            raise
        return None
    rows: list[NodeRow] = getattr(path, function)(*arguments)
    return {row.op: row for row in rows}


def page(results: Mapping[str, Rows | None]) -> str:
    """Return the table, and under it every refusal with its reason."""
    ops = sorted({op for rows in results.values() for op in rows or {}})
    lines = [
        "# ONNX's own node tests",
        "",
        "Made by `tools/onnx_node_table.py`; do not edit. For each op: cases passed of cases run,",
        "the rest refused for a reason listed below. A case that fails would be listed too: there",
        "is a test that none does, and that no count falls.",
        "",
        f"| op | {' | '.join(results)} |",
        f"|---|{'---|' * len(results)}",
    ]
    for op in ops:
        lines.append(f"| {op} | {' | '.join(_cell(rows, op) for rows in results.values())} |")
    lines.append(f"| **all** | {' | '.join(_total(rows) for rows in results.values())} |")
    for target, rows in results.items():
        lines += ["", f"## {target}", ""]
        lines += ["NOT_RUN: no such path yet."] if rows is None else _reasons(rows)
    return "\n".join(lines) + "\n"


def _cell(rows: Rows | None, op: str) -> str:
    if rows is None:
        return "NOT_RUN"
    row = rows.get(op)
    if row is None:
        return "–"
    failed = f", **{len(row.failed)} fail**" if row.failed else ""
    return f"{len(row.passed)} of {row.cases}{failed}" if row.cases else "no cases"


def _total(rows: Rows | None) -> str:
    if rows is None:
        return "NOT_RUN"
    return f"{sum(len(r.passed) for r in rows.values())} of {sum(r.cases for r in rows.values())}"


def _reasons(rows: Rows) -> list[str]:
    lines = []
    for title, kind in (("Failed", "failed"), ("Refused", "refused"), ("Not asked", "skipped")):
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows.values():
            for case, reason in getattr(row, kind).items():
                found[row.op, reason].append(case.removeprefix("test_"))
        if not found:
            continue
        lines += [f"{title}:", "", "| op | cases | reason |", "|---|---|---|"]
        for (op, reason), cases in sorted(found.items()):
            lines.append(f"| {op} | {_listed(cases)} | {reason} |")
        lines.append("")
    return lines[:-1]


def _listed(cases: list[str]) -> str:
    shown = ", ".join(cases[:4])
    return f"{shown} and {len(cases) - 4} more" if len(cases) > 4 else shown


if __name__ == "__main__":
    raise SystemExit(main())
