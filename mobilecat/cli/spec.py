"""`mobilecat spec`."""

from __future__ import annotations

import mobilecat as mc
from mobilecat.cli.outputs import write_json
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs


def run_spec(key: str, schema: bool, json_: str | None) -> None:
    require_outputs({"--json": json_})
    if schema:
        write_json(mc.spec_schema, json_ or "-")
        return
    found = mc.explain(key)
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words(), wide=False)
