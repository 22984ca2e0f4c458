"""Links of the documentation lead somewhere, its commands could be typed, its site has all pages.

Nothing here needs the site's generator: `make docs` builds it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mobilecat import __all__ as PUBLIC
from tests.test_grammar import COMMANDS
from tools.site import verbs
from tools.site.gather import address, target, turned
from tools.site.pages import DOCS, ROOT, anchors, blocks, commands, links

PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *sorted(ROOT.glob("*.md")),
    *(ROOT / "ios_sample").rglob("README.md"),
]
IDS = [str(p.relative_to(ROOT)) for p in PAGES]
OPTIONS = {
    path: {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
    for path, command in COMMANDS.items()
}


def broken(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead to no file of the repository, or to no heading."""
    wrong = []
    for link in links(text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        to = target(page, link) if path else page
        if to is None or not to.exists():
            wrong.append(link)
        elif anchor and to.suffix == ".md":
            headings = anchors(text if to == page else to.read_text("utf-8"))
            if anchor not in headings:
                wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    assert not broken(page, page.read_text("utf-8"))


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = DOCS / "verbs" / "run.md"
    text = (
        "# A page\n\n[a](../api.md#open-and-run) [b](../apy.md) [c](#a-page) [d](#b) `[e](f.md)`\n"
    )
    assert broken(page, text) == ["../apy.md", "#b"]
    assert broken(page, "[a](../api.md#nowhere)") == ["../api.md#nowhere"]


def unknown(text: str) -> list[str]:
    """Return the commands of a page that name no verb, or an option that it does not have."""
    wrong = []
    for words in commands(text):
        verb = " ".join(words[:2]) if words[:1] == ["golden"] else "".join(words[:1])
        if not verb or verb[0] == "-":
            continue
        if verb not in OPTIONS:
            wrong.append(f"mobilecat {verb}")
            continue
        said = [w.partition("=")[0] for w in words if re.match(r"--?[a-z]", w)]
        wrong += [f"mobilecat {verb} {o}" for o in said if o not in OPTIONS[verb]]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_could_be_typed(page: Path) -> None:
    assert not unknown(page.read_text("utf-8"))


def test_a_command_that_could_not_be_typed_is_noticed() -> None:
    page = "```console\n$ cd x; mobilecat run a.jpg --fast || echo\nmobilecat nothing\n```\n"
    page += "```\nmobilecat golden approve --everything   # why\nmobilecat frobnicate\n```\n"
    assert unknown(page) == [
        "mobilecat run --fast",
        "mobilecat golden approve --everything",
        "mobilecat frobnicate",
    ]
    assert sum(1 for p in PAGES for _ in commands(p.read_text("utf-8"))) > 150


VERBS = [p for p in sorted(verbs.VERBS.glob("*.md")) if p.stem != "index"]


@pytest.mark.parametrize("page", VERBS, ids=lambda p: p.stem)
def test_a_verb_s_page_says_what_its_help_says(page: Path) -> None:
    text = page.read_text("utf-8")
    assert verbs.written(text, page) == text, "python -m tools.site.verbs"


LONG = {"compress": "../compress.md#the-demos-cats"}
"""What runs for minutes: where what it measured stands instead."""


def test_every_verb_has_a_page_with_what_an_example_printed() -> None:
    for path in COMMANDS:
        page = verbs.page_of(path)
        if path in LONG:
            assert LONG[path] in links(page.read_text("utf-8"))
            continue
        shown = [b.text for b in blocks(page.read_text("utf-8")) if b.language == "console"]
        assert any(f"$ mobilecat {path.partition(' ')[0]}" in text for text in shown), page
        assert any(not line.startswith("$ ") for text in shown for line in text.splitlines()), (
            f"python -m tools.site.record {page.relative_to(ROOT)}"
        )


def test_every_public_name_is_in_the_reference() -> None:
    told = "\n".join(p.read_text("utf-8") for p in (DOCS / "reference").glob("*.md"))
    for name in set(PUBLIC) - {"__version__", "golden", "runtime"}:
        assert re.search(rf"^::: mobilecat\.{name}$", told, re.M), f"docs/reference lacks {name}"


def test_every_page_is_in_the_site() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r"[\w/.-]+\.md\b", nav.partition("\nnav:\n")[2]))
    pages = {address(p) for p in [*DOCS.rglob("*.md"), ROOT / "README.md"]}
    assert not pages - named, "put it under nav in mkdocs.yml"
    assert not {n for n in named - pages if not n.startswith("repo/")}, "mkdocs.yml names no page"


def test_links_of_the_site_are_those_of_the_repository() -> None:
    text = "[a](../README.md#inside) [b](tune.md) [c](../mobilecat/placement/rules.toml) [d](https://x.y)"
    assert turned(text, DOCS / "proof.md") == (
        "[a](index.md#inside) [b](tune.md) "
        "[c](repo/mobilecat/placement/rules.toml.txt) [d](https://x.y)"
    )
    block = f"```\n{text}\n```\n"
    assert turned(block, DOCS / "proof.md") == block
