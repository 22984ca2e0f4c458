"""Vision's classifier contract: labels in the file, a label and a dictionary out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.compile import export
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.formats.coreml import runtime
from mobilecat.judge.run import validate
from mobilecat.judge.written import check_written
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network
from tools.plant_faults.files import edit_coreml, operations

LABELS = ["cat", "dog", "a rock", "sleeping cat"]
TARGETS = """
[[targets.coreml]]
contract = "classifier"
precision = "float32"
[[targets.coreml]]
contract = "classifier"
format = "mlmodel"
precision = "float32"
[[targets.coreml]]
contract = "classifier"
name = "net.half"
"""
FILES = ("net.mlpackage", "net.mlmodel", "net.half.mlpackage")


def spec_of(folder: Path, labels: list[str], head: str, more: str = TARGETS) -> Any:
    logits = {"logits": np.log([[0.2, 0.1, 0.65, 0.05]])}
    path = save_constant_network(folder / "net.onnx", (8, 6), logits)
    return spec_from_text(
        f'name = "net"\nsource = "{path}"\nlabels = {labels}\n[input]\nsize = [8, 6]\n[head]\n'
        f"{head}\n{more}"
    )


CLASSIFY = 'kind = "classify"\nactivation = "softmax"'


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    export(spec_of(tmp_path, LABELS, CLASSIFY), tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize("file", FILES)
def test_what_vision_is_told(bundle: Path, file: str) -> None:
    model = runtime.load(bundle / file)
    assert [(f.name, f.kind) for f in model.outputs] == [
        ("classLabel", "string"),
        ("classLabel_probs", "dictionary"),
    ]
    found = model.predict({model.inputs[0].name: Image.new("RGB", (8, 6))})
    assert found["classLabel"] == "a rock"
    assert list(found["classLabel_probs"]) == LABELS
    near = 1e-3 if "half" in file else 1e-6
    np.testing.assert_allclose(
        list(found["classLabel_probs"].values()), [0.2, 0.1, 0.65, 0.05], atol=near
    )


@pytest.mark.parametrize("file", FILES)
def test_the_spec_says_which_features_are_predicted(bundle: Path, file: str) -> None:
    found: list[Any] = []
    edit_coreml(bundle / file, found.append)
    (spec,) = found
    about = spec.description
    assert (about.predictedFeatureName, about.predictedProbabilitiesName) == (
        "classLabel",
        "classLabel_probs",
    )
    kind = spec.WhichOneof("Type")
    assert kind == ("neuralNetworkClassifier" if file.endswith("mlmodel") else "mlProgram")


def _rolled(values: Any) -> None:
    first = values[0]
    rest = [*values[1:], first]
    del values[:]
    values.extend(rest)


def _labels_of(spec: Any) -> list[Any]:
    """Return the holders of an ML Program's labels, as they lie in its `classify`."""
    (op,) = [o for o in operations(spec) if o.type == "classify"]
    (given,) = op.inputs["classes"].arguments
    items = given.value.immediateValue.list.values
    return [item.immediateValue.tensor.strings.values for item in items]


def _other_labels(spec: Any) -> None:
    if spec.WhichOneof("Type") == "neuralNetworkClassifier":
        _rolled(spec.neuralNetworkClassifier.stringClassLabels.vector)
        return
    for k, holder in enumerate(_labels_of(spec)):
        holder[0] = LABELS[(k + 1) % 4]


def _unknown_label(spec: Any) -> None:
    if spec.WhichOneof("Type") == "neuralNetworkClassifier":
        spec.neuralNetworkClassifier.stringClassLabels.vector[0] = "wolf"
    else:
        _labels_of(spec)[0][0] = "wolf"


def _no_prediction(spec: Any) -> None:
    spec.description.predictedFeatureName = "classLabel_probs"


FAULTS = {
    "labels rolled by one": (_other_labels, "labels as written"),
    "a label of another class": (_unknown_label, "labels as written"),
    "the predicted feature misnamed": (_no_prediction, "interface as written"),
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("change", "check"), FAULTS.values(), ids=FAULTS)
def test_faults_in_the_file_are_told(
    bundle: Path, change: Callable[[Any], None], check: str, file: str
) -> None:
    from mobilecat.bundle import open_bundle

    opened = open_bundle(bundle)
    artifact = opened.artifact(file)
    assert all(c.verdict == "PASS" for c in check_written(bundle / file, artifact, opened))
    edit_coreml(bundle / file, change)
    failed = [c.name for c in check_written(bundle / file, artifact, opened) if c.verdict == "FAIL"]
    assert failed == [check]


def test_goldens_hold_its_three_files(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    Image.new("RGB", (40, 30), (10, 90, 200)).save(tmp_path / "p.png")
    record(bundle, tmp_path / "golden", tmp_path / "p.png")
    approve(bundle, tmp_path / "golden", every=True, by="test")
    report = validate(bundle, tmp_path / "golden", runner="coreml")
    assert report.held, report.failed


REFUSED = [
    (LABELS[:3], CLASSIFY, MobileCatError, "3 labels"),
    ([*LABELS[:3], "cat"], CLASSIFY, SpecError, "'cat' is there twice"),
    ([], CLASSIFY, SpecError, "0 labels for 4 classes"),
    (LABELS, 'kind = "box"\nformat = "xyxy"\nunits = "pixels"', SpecError,
     "contract \"classifier\" is for head 'classify', not 'box'"),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "head", "kind", "said"), REFUSED, ids=range(len(REFUSED)))
def test_refused_with_the_reason(
    tmp_path: Path, labels: list[str], head: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as refusal:
        export(spec_of(tmp_path, labels, head), tmp_path / "out")
    assert said in str(refusal.value)
    assert not (tmp_path / "out").exists()
