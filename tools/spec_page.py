"""Write docs/spec.md and docs/mobilecat.schema.json from the models: python -m tools.spec_page."""

from __future__ import annotations

import json
from pathlib import Path

from mobilecat.spec.reference import Section, spec_sections
from mobilecat.spec.schema import json_schema

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAD = """# Every key of a spec

Made by `python -m tools.spec_page` from what validates a spec, so it cannot say anything else.
In a terminal: `mobilecat spec`, `mobilecat spec nms`, `mobilecat spec input.pad`.

Editors complete and check the file with [mobilecat.schema.json](mobilecat.schema.json). For those
that use taplo (VS Code's Even Better TOML, Zed, Neovim, Helix), this is the first line of a spec:

```toml
#:schema https://…/docs/mobilecat.schema.json   (or a path: `mobilecat spec --schema > FILE`)
```

A key without a default may be left out: it is inferred and printed, or there is none. What a kind
of head computes, and which `[input]` its family wants, is in [adding-a-head.md](adding-a-head.md).
"""


def page() -> str:
    """Return docs/spec.md."""
    model, cascade = [], []
    for section in spec_sections():
        (cascade if cascade or section.says == "One cascade." else model).append(section)
    parts = [HEAD, *map(_table, model), "# A cascade's spec\n", *map(_table, cascade)]
    return "\n".join(parts)


def _table(section: Section) -> str:
    title = f"`{section.title}`" if section.title else "At the top of the file"
    lines = [f"## {title}", "", _cell(section.says), ""]
    keys = [k for k in section.keys if k.name != "kind"]
    if keys:
        lines += ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key in keys:
        default = "**must be said**" if key.required else f"`{key.default}`" if key.default else ""
        lines.append(f"| `{key.name}` | {_cell(key.takes)} | {default} | {_cell(key.meaning)} |")
    return "\n".join([*lines, ""]) if keys else "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def schema_text() -> str:
    """Return docs/mobilecat.schema.json."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (DOCS / "spec.md").write_text(page(), "utf-8")
    (DOCS / "mobilecat.schema.json").write_text(schema_text(), "utf-8")
