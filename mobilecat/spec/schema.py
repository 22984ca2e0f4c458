"""A JSON schema of a spec's file, for editors: what the models accept, and what the file may say
instead: a table where a list of targets is meant, a file where its lines are."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from mobilecat.formats.table import FORMATS
from mobilecat.spec.heads import HEADS
from mobilecat.spec.reference import meanings_of
from mobilecat.spec.values import Spec

_DIALECT = "http://json-schema.org/draft-07/schema#"
_FILE = {"type": "string", "description": "a file, named from the spec's folder"}


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 7, as editors of TOML read it) of `mobilecat.toml`."""
    made: dict[str, Any] = Spec.model_json_schema(by_alias=True)
    definitions = made["$defs"]
    models: list[type[BaseModel]] = [Spec, *HEADS.values()]
    models += [f.target for f in FORMATS.values() if f.target is not None]
    for model in models:
        place = made if model is Spec else definitions[model.__name__]
        _describe(place, meanings_of(model))
    made["properties"]["labels"] = {"anyOf": [made["properties"]["labels"], _FILE]}
    for kind in HEADS.values():
        if "anchors" in kind.model_fields:
            anchors = definitions[kind.__name__]["properties"]["anchors"]
            anchors["anyOf"] = [*anchors.get("anyOf", []), _FILE]
    targets = definitions["Targets"]["properties"]
    for name, listed in targets.items():
        targets[name] = {"anyOf": [listed["items"], {"type": "array", "items": listed["items"]}]}
    made["required"] = [key for key in made["required"] if key != "name"]
    return {"$schema": _DIALECT, **_untitled(made), "title": "mobilecat.toml"}


def _describe(place: dict[str, Any], meanings: dict[str, str]) -> None:
    for key, says in place["properties"].items():
        if meaning := meanings.get("import_" if key == "import" else key):
            says["description"] = meaning


def _untitled(node: Any) -> Any:
    """Drop the titles that pydantic makes of the names; a property may be called `title`."""
    if isinstance(node, dict):
        kept = {k: v for k, v in node.items() if k != "title" or not isinstance(v, str)}
        return {k: _untitled(v) for k, v in kept.items()}
    return [_untitled(v) for v in node] if isinstance(node, list) else node
