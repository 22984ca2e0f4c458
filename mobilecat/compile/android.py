"""A bundle's files for Android's engines as a folder of a Gradle module, with ModelContract.kt.

A cascade is one folder too: two contracts, and each model's files in an assets folder of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from mobilecat.bundle import FILE, ArtifactRecord, Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.compile.apps import AppFolder, app_folder, fill, require_ours, require_usable
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.table import FORMATS
from mobilecat.shown import human_size

CONTRACT = "ModelContract.kt"
SECOND = "LandmarkContract.kt"
"""Of a cascade's landmark model."""
ASSETS = "assets"
"""What Gradle is given as a folder of assets: model/ and, of a cascade, landmarks/."""
MODEL = "model"
LANDMARKS = "landmarks"
CASCADE = "cascade.json"

_EXAMPLE = "android_sample/app/model"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_AT_ONCE = 500
"""Texts a function: one method of the JVM holds 64 KB of code."""
_MOST = 20_000
"""Texts of one contract: a class of the JVM has 65,535 constants, two of them a text."""


def write_android(bundle_folder: Path, android_folder: Path) -> AppFolder:
    """Make `android_folder` the bundle's place in an app, replacing an earlier one in one step.

    It gets ModelContract.kt, a source file, and assets/model/: every artifact for Android's
    engines, bundle.json and labels.txt. Of a cascade also LandmarkContract.kt, assets/landmarks/
    and assets/model/cascade.json, the crop rule. The same bundle gives the same bytes.
    Errors: ArtifactError for a damaged bundle, one with nothing for an app or without picture
    input, a cascade without a detector, and a folder that holds anything else.
    """
    parts = list(_parts(open_any(bundle_folder), bundle_folder))
    for bundle, where, *_ in parts:
        targets = [f.name for f in FORMATS.values() if f.android]
        require_usable(bundle, where, bool(_for_android(bundle)), targets)
    require_android_folder(android_folder)
    with app_folder(android_folder) as (fresh, written):
        for bundle, where, contract, name, more in parts:
            fill(fresh / ASSETS / name, where, _for_android(bundle), more)
            text = contract_kotlin(bundle, sha256_of(where / FILE), Path(contract).stem, name)
            (fresh / contract).write_text(text, encoding="utf-8", newline="\n")
    notes = [note for bundle, *_ in parts if (note := _twice(bundle))]
    return AppFolder(android_folder, tuple(written), tuple(notes))


def _twice(bundle: Bundle) -> str:
    """Say where a model lies in the assets for two engines: an app runs one."""
    found = _for_android(bundle)
    if len({a.kind for a in found}) < 2:
        return ""
    files = " and ".join(f"{a.file} ({human_size(a.bytes)})" for a in found)
    return (
        f"the same model for LiteRT and for ONNX Runtime: {files}. Your app runs one of them: take "
        "the other's [targets] out of the spec, or the APK carries both"
    )


def require_android_folder(folder: Path) -> None:
    """Raise ArtifactError where `write_android` would refuse the folder."""
    require_ours(folder, (CONTRACT, SECOND, ASSETS), _EXAMPLE)
    require_ours(folder / ASSETS, (MODEL, LANDMARKS), _EXAMPLE)


_Part = tuple[Bundle, Path, str, str, Mapping[str, Path]]
"""A model, its folder, its contract's file, its folder in the assets, and what else goes there."""


def _parts(bundle: Bundle | CascadeBundle, folder: Path) -> Iterator[_Part]:
    if not isinstance(bundle, CascadeBundle):
        yield bundle, folder, CONTRACT, MODEL, {}
        return
    chain = bundle.chain
    if bundle.detector is None or chain.detector is None:
        said = Problem("its boxes come from elsewhere", str(folder), "name a detector")
        raise ArtifactError("The app needs a detector", [said])
    rule = {CASCADE: folder / FILE}
    yield bundle.detector, folder / chain.detector.folder, CONTRACT, MODEL, rule
    yield bundle.landmark_model, folder / chain.landmarks.folder, SECOND, LANDMARKS, {}


def _for_android(bundle: Bundle) -> list[ArtifactRecord]:
    return [a for a in bundle.artifacts if FORMATS[a.kind].android]


def contract_kotlin(
    bundle: Bundle, bundle_sha256: str, name: str = "ModelContract", assets: str = MODEL
) -> str:
    """Return the contract of a bundle with picture input, as the Kotlin object `name`."""
    from jinja2 import Environment, StrictUndefined

    spec = bundle.spec
    if len(spec.labels) + len(spec.landmarks) > _MOST:
        said = Problem(f"has {len(spec.labels)} labels; a contract holds {_MOST}", "labels")
        raise ArtifactError("These labels do not fit into one class of a JVM", [said])
    texts = _Texts()
    # Nothing is escaped but by the filters: this is Kotlin, no HTML.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters.update(
        kotlin=_string, kotlin_map=_map, case=_case, double=lambda number: repr(float(number))
    )
    template = files("mobilecat").joinpath("templates", f"{CONTRACT}.j2").read_text("utf-8")
    return environment.from_string(template).render(
        object=name,
        assets=assets,
        name=bundle.name,
        versions=bundle.versions,
        bundle_sha256=bundle_sha256,
        head=spec.head.kind,
        image=spec.input,
        nms=spec.effective_nms,
        labels=spec.labels,
        landmarks=spec.landmarks,
        inputs=bundle.inputs,
        outputs=bundle.outputs,
        artifacts=_for_android(bundle),
        texts=texts.listed,
        parts=texts.functions,
    )


class _Texts:
    """Lists of texts; long ones go into functions of their own, written at the object's end."""

    def __init__(self) -> None:
        self._functions: list[str] = []

    def listed(self, texts: Sequence[str], name: str) -> str:
        """Return an expression of type List<String>."""
        if not texts:
            return "emptyList()"
        if len(texts) <= _AT_ONCE:
            return f"listOf(\n{_lines(texts)}\n    )"
        calls = []
        for start in range(0, len(texts), _AT_ONCE):
            calls.append(f"{name}sFrom{start}()")
            part = _lines(texts[start : start + _AT_ONCE])
            self._functions.append(f"\n    private fun {calls[-1]} = listOf(\n{part}\n    )\n")
        return " +\n        ".join(calls)

    def functions(self) -> str:
        """Return what `listed` put aside."""
        return "".join(self._functions)


def _lines(texts: Sequence[str]) -> str:
    return ",\n".join(f"        {_string(t)}" for t in texts)


def _string(text: str) -> str:
    """Return a Kotlin string literal. Source: kotlinlang.org/docs/strings.html, string literals."""
    return f'"{"".join(_escaped(c) for c in text)}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES or character.isprintable():
        return _ESCAPES.get(character, character)
    # \u takes one UTF-16 unit; JSON writes units in just this way.
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"


def _map(texts: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{_string(k)} to {_string(v)}" for k, v in texts.items())
    return f"mapOf({pairs})" if pairs else "emptyMap()"


def _case(name: str) -> str:
    """Return a Kotlin case's name: `LETTERBOX_TOP_LEFT` for letterbox-topleft."""
    return name.replace("topleft", "top-left").replace("-", "_").upper()
