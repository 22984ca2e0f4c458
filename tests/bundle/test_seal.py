"""bundle.json is of one piece: an edit by hand is noticed, and what is not as the spec says."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilecat.bundle import open_bundle
from mobilecat.bundle.seal import digest, sealed
from mobilecat.compile import export
from mobilecat.errors import ArtifactError
from mobilecat.spec import Spec, spec_from_text
from tests.tiny import save_yunet_like, yunet_like_spec

Told = dict[str, Any]
Change = Callable[[Told], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("seal")
    save_yunet_like(root / "net.onnx")
    text = yunet_like_spec(root / "net.onnx", "[targets.onnx]\n[targets.tflite]\n")
    export(spec_from_text(text), root / "b")
    return root / "b"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "b")
    return tmp_path / "b"


def edit(folder: Path, change: Change, *, again: bool = False) -> None:
    path = folder / "bundle.json"
    told = json.loads(path.read_text("utf-8"))
    change(told)
    if again:
        told["spec_sha256"] = digest(told["spec"])
        told = sealed(told)
    path.write_text(json.dumps(told), encoding="utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as refused:
        open_bundle(folder)
    return str(refused.value)


def drop(told: Told) -> None:
    told["artifacts"].pop()


EDITS: dict[str, Change] = {
    "a threshold": lambda t: t["nms"].update(score_threshold=0.05),
    "a mean": lambda t: t["spec"]["input"].update(mean=100.0),
    "a colour": lambda t: t["spec"]["input"].update(color="RGB"),
    "a pad": lambda t: t["spec"]["input"].update(pad=9),
    "a resize": lambda t: t["spec"]["input"].update(resize="letterbox-topleft"),
    "a tolerance": lambda t: t["spec"].update(tolerances={"onnx": {"scores": 1e9}}),
    "a dropped artifact": drop,
    "a label": lambda t: t["spec"].update(labels=["cat"]),
    "a version": lambda t: t["versions"].update(numpy="1"),
    "the source's hash": lambda t: t["source"].update(sha256="0"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_by_hand_breaks_the_seal(bundle: Path, name: str) -> None:
    edit(bundle, EDITS[name])
    assert "its seal does not fit" in refusal(bundle)


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "nms": (EDITS["a threshold"], "nms is score_threshold 0.05"),
    "artifact": (drop, "artifacts has no tiny.onnx, which the spec's targets make"),
    "extra": (
        lambda t: t["artifacts"][1].update(file="other.tflite"),
        "artifacts has other.tflite, which no target of the spec makes",
    ),
    "twice": (lambda t: t["artifacts"].append(t["artifacts"][0]), "one file twice"),
    "precision": (lambda t: t["artifacts"][0].update(precision="float16"), "precision is float16"),
    "image": (lambda t: t["artifacts"][0].update(image="float32"), "takes another picture"),
    "size": (lambda t: t["spec"]["input"].update(size=[32, 32]), "image has the shape 1×64×96×3"),
    "rows": (
        lambda t: t["outputs"][0].update(shape=[1, 7, 4]),
        "boxes has the shape 1×7×4, by the spec 1×12×4",
    ),
    "name": (lambda t: t.update(name="other"), "name is 'other', the spec's is 'tiny'"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_does_not_follow_from_the_spec_is_named(bundle: Path, name: str) -> None:
    change, words = CONTRADICTIONS[name]
    edit(bundle, change, again=True)
    assert words in refusal(bundle)


def test_all_is_said_at_once(bundle: Path) -> None:
    def change(told: Told) -> None:
        EDITS["a threshold"](told)
        drop(told)
        told["spec"]["input"]["mean"] = 100.0

    edit(bundle, change)
    with pytest.raises(ArtifactError) as refused:
        open_bundle(bundle)
    said = [p.what for p in refused.value.problems]
    assert len(said) == 4 and any("spec_sha256" in s for s in said)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: reversed_keys(v) for k, v in reversed(value.items())}
    return [reversed_keys(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("how", ["keys", "byte order mark", "Windows", "numbers"])
def test_the_same_values_by_another_writer_hold(bundle: Path, how: str) -> None:
    path = bundle / "bundle.json"
    told = json.loads(path.read_text("utf-8"))
    text = json.dumps(reversed_keys(told) if how == "keys" else told, indent=3)
    text = text.replace("0.0", "0").replace("255.0", "255") if how == "numbers" else text
    text = text.replace("\n", "\r\n") if how == "Windows" else text
    path.write_text(("\ufeff" if how.startswith("byte") else "") + text, "utf-8", newline="")
    assert open_bundle(bundle).name == "tiny"


def as_it_was(told: Told) -> None:
    """The digest of a spec before there were seals: of pydantic's own JSON."""
    told.pop("seal")
    spec = Spec.model_validate_json(json.dumps(told["spec"]), strict=False)
    told["spec_sha256"] = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


def test_a_bundle_from_before_there_were_seals_opens(bundle: Path) -> None:
    edit(bundle, as_it_was)
    assert open_bundle(bundle).seal is None
    edit(bundle, EDITS["a mean"])
    assert "its SHA-256 differs from spec_sha256" in refusal(bundle)


def test_the_seal_taken_out_does_not_help(bundle: Path) -> None:
    edit(bundle, lambda t: (t.pop("seal"), EDITS["a mean"](t)))
    assert "its SHA-256 differs from spec_sha256" in refusal(bundle)


def test_a_digest_is_of_what_is_said_by_hand() -> None:
    assert digest({"b": [1.0, 2], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1,2]}').hexdigest()
