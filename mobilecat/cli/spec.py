"""`mobilecat spec`."""

from __future__ import annotations

import json

import mobilecat as mc
from mobilecat.cli.terminal import show


def run_spec(key: str, schema: bool, as_json: bool) -> None:
    if schema:
        print(json.dumps(mc.spec_schema(), indent=2, ensure_ascii=False))
        return
    found = mc.explain(key)
    if as_json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        show(found.words(), wide=False)
