"""Write what each verb's own help says into its page: python -m tools.site.verbs.

docs/verbs/VERB.md is written by hand, but for what lies between its marks: usage, words and
options, read from the commands themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from mobilecat.cli.main import app
from tools.site.pages import DOCS

VERBS = DOCS / "verbs"
BEGIN = "<!-- tools.site.verbs: begin -->"
END = "<!-- tools.site.verbs: end -->"


def commands(command: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give each verb with its command, `golden record` and its like among them."""
    command = command or get_command(app)
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


def page_of(verb: str) -> Path:
    """Return the page of a verb; all of golden's are on one."""
    return VERBS / f"{verb.partition(' ')[0]}.md"


def said(page: Path) -> str:
    """Return what belongs between the marks of a page."""
    told = [(v, c) for v, c in commands() if page_of(v) == page]
    return "\n".join(_command(v, c, len(told) > 1) for v, c in told)


def written(text: str, page: Path) -> str:
    """Return a page's text with what its verbs say of themselves now."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{said(page)}\n{END}{after}"


def _command(verb: str, command: Any, several: bool) -> str:
    context = command.make_context(verb, [], resilient_parsing=True)
    paragraphs = [" ".join(p.split()) for p in (command.help or "").split("\n\n")]
    example = next((p for p in paragraphs if p.startswith(f"mobilecat {verb}")), "")
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    usage = " ".join([verb, *(_called(p) for p in arguments), "[OPTION…]"])
    lines = [f"## `mobilecat {verb}`" if several else "## Usage", ""]
    lines += ["```", f"mobilecat {usage}", "```", ""]
    for paragraph in paragraphs:
        if paragraph != example:
            lines += [_text(paragraph), ""]
    lines += ["From its own help:", "", "```", example, "```", ""]
    lines += ["| word or option | meaning |", "|---|---|"]
    for p in shown:
        if record := p.get_help_record(context):
            name = _called(p) if p in arguments else record[0]
            lines.append(f"| `{_cell(name)}` | {_text(record[1])} |")
    return "\n".join([*lines, ""])


def _called(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _text(text: str) -> str:
    """Words of a help as Markdown: what could be HTML, or a link, stays text."""
    return re.sub(r"(?<!`)<", "&lt;", _cell(text)).replace("[", "\\[")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for page in sorted({page_of(v) for v, _ in commands()}):
        page.write_text(written(page.read_text("utf-8"), page), "utf-8")
