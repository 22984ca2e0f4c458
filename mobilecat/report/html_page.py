"""Templates to pages: everything escaped, style and script inside, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from mobilecat.judge.words import amount
from mobilecat.report.html_figure import COLOURS


def render(template: str, **values: Any) -> str:
    """Return the page of a template in mobilecat/templates.

    The policy in its head lets a browser run this one script and fetch nothing, whatever the
    values hold: https://www.w3.org/TR/CSP3/#source-list-syntax
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("mobilecat", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["px"] = _px
    environment.filters["amount"] = amount
    environment.filters["when"] = _when
    style, script = (_text(environment, f"report.{kind}") for kind in ("css", "js"))
    return environment.get_template(template).render(
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        colours=("#ffffff", *COLOURS),
        **values,
    )


def _text(environment: Any, name: str) -> str:
    source: str = environment.loader.get_source(environment, name)[0]
    return source.strip()


def _px(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _when(text: str) -> str:
    """Return `2026-11-21 15:46 UTC` for an ISO 8601 time, anything else as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at.tzinfo else text
