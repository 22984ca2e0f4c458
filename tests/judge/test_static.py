"""`per_class` otherwise than in the contract: with one class a lint, with two a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobilecat.bundle import Bundle
from mobilecat.compile import export
from mobilecat.judge import validate
from mobilecat.judge.static import check_nms
from mobilecat.spec import spec_from_text
from tests.judge.fake import edit_bundle
from tests.tiny import save_yunet_like, yunet_like_spec
from tools.plant_faults.files import edit_coreml

TARGET = '[[targets.coreml]]\nformat = "mlmodel"\nprecision = "float32"\n'
FILE = "tiny.mlmodel"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    """A detector of one class, whose file says that classes suppress each other."""
    root = tmp_path_factory.mktemp("static")
    text = yunet_like_spec(save_yunet_like(root / "net.onnx"), TARGET)
    done = export(spec_from_text(text), root / "b")
    edit_coreml(root / "b" / FILE, turned)
    return root / "b", done.bundle


def turned(spec: Any) -> None:
    (layer,) = (
        x for x in spec.neuralNetwork.layers if x.WhichOneof("layer") == "NonMaximumSuppression"
    )
    p = layer.NonMaximumSuppression
    p.perClassSuppression = not p.perClassSuppression


@pytest.mark.parametrize("classes,verdict", [(1, "PASS"), (2, "FAIL")])
def test_per_class_off(exported: tuple[Path, Bundle], classes: int, verdict: str) -> None:
    folder, bundle = exported
    nms = bundle.spec.effective_nms
    (check,) = check_nms(folder / FILE, bundle.artifact(FILE), nms, classes)
    assert check.verdict == verdict, check.detail
    assert ("lint: per_class is off in the file" in check.detail) == (classes == 1)


def test_the_report_says_the_lint(exported: tuple[Path, Bundle]) -> None:
    from mobilecat.disk import sha256_of, size_of

    folder, _ = exported

    def vouched(values: dict[str, Any]) -> None:
        (record,) = values["artifacts"]
        record.update(sha256=sha256_of(folder / FILE), bytes=size_of(folder / FILE))

    edit_bundle(folder, vouched)
    report = validate(folder, random=1)
    assert report.held, [r.check for r in report.failed]
    assert any(
        "per_class is off in the file, which is the same with one class" in n for n in report.notes
    )
