"""The whole way on the demo's detector: the .onnx holds the source's goldens; mutants do not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.disk import sha256_of
from mobilecat.judge.report import Report
from mobilecat.judge.run import validate
from mobilecat.review.approve import approve, record
from tests.cat_faces import ONE, SOURCE, cat_faces_spec
from tests.judge.fake import edit_bundle


def made(out: Path, color: str = "RGB", score: float = 0.4) -> Path:
    """Export the demo's detector; color, score: as its own spec has them, or others."""
    spec = cat_faces_spec()
    assert spec.input is not None and spec.nms is not None
    image = spec.input.model_copy(update={"color": color})
    nms = spec.nms.model_copy(update={"score_threshold": score})
    export(spec.model_copy(update={"input": image, "nms": nms}), out, source=SOURCE)
    return out


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, and approved cases: a picture, and it turned and padded to odd sides."""
    root = tmp_path_factory.mktemp("cat_faces")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    made(root / "bundle")
    one = Image.open(ONE).convert("RGB")
    wide = Image.new("RGB", (731, 547), (30, 60, 90))
    wide.paste(one, (317, 21))
    wide.save(root / "wide.png")
    turned = one.rotate(15, Image.Resampling.BICUBIC).crop((20, 120, 261, 401))
    turned.save(root / "turned.png")
    for path in (ONE, root / "wide.png", root / "turned.png"):
        record(root / "bundle", root / "golden", path, link=True)
    approve(root / "bundle", root / "golden", every=True)
    patch.undo()
    return root


def with_artifact(work: Path, out: Path, change: Callable[[Path], object]) -> Path:
    """Copy the bundle, change its artifact, and make bundle.json vouch for the changed one."""
    shutil.copytree(work / "bundle", out)
    artifact = out / "cat_faces.onnx"
    change(artifact)

    def vouch(told: dict[str, Any]) -> None:
        told["artifacts"][0]["sha256"] = sha256_of(artifact)
        told["source"]["path"] = str((work / "bundle" / told["source"]["path"]).resolve())

    edit_bundle(out, vouch)
    return out


def onnx_edit(edit: Callable[[onnx.ModelProto], object]) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        model = onnx.load(path)
        edit(model)
        onnx.save(model, path)

    return change


def weights(index: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    """Return a change of the index-th convolution's weights."""

    def edit(model: onnx.ModelProto) -> None:
        conv = [n for n in model.graph.node if n.op_type == "Conv"][index]
        init = next(i for i in model.graph.initializer if i.name == conv.input[1])
        array = onnx.numpy_helper.to_array(init)
        init.CopyFrom(onnx.numpy_helper.from_array(change(array).astype(array.dtype), init.name))

    return onnx_edit(edit)


def shifted_anchors(model: onnx.ModelProto) -> None:
    """Add half a cell of the grid of 14 cells, 224 / 14 / 2 pixels, to the anchors' centres."""
    (add,) = [n for n in model.graph.node if n.name == "decode/centre"]
    (init,) = [i for i in model.graph.initializer if i.name in add.input]
    array = onnx.numpy_helper.to_array(init)
    assert array.shape == (1, 530, 2)
    init.CopyFrom(onnx.numpy_helper.from_array(array + np.float32(8), init.name))


def fault_of(report: Report) -> str | None:
    return next(report.first_fault(r.lane) for r in report.lanes if r.lane.runner == "onnx")


def test_the_healthy_bundle_holds(work: Path) -> None:
    report = validate(work / "bundle", work / "golden", random=1)
    assert report.held, report.failed
    assert report.cases == ("one_at_night", "turned", "wide")
    counts = [r.check.detail for r in report.results if r.check.name == "count" and r.case]
    assert counts == ["1 found, 1 expected"] * 6
    rows = [r for r in report.random if r.lane.runner == "onnx"]
    assert len(rows) == 2  # the network's outputs: boxes and scores
    assert max(r.max_rel or 0 for r in rows) < 1e-4


def test_a_second_export_holds(work: Path, tmp_path: Path) -> None:
    made(tmp_path / "again")
    assert validate(tmp_path / "again", work / "golden", random=1).held


MUTANTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a layer zeroed": ("raw", weights(7, np.zeros_like)),
    "a layer's filters turned round": ("raw", weights(20, lambda w: w[::-1])),
    "one weight changed": (
        "raw",
        weights(0, lambda w: w + np.where(np.arange(w.size) == 3, 0.05, 0).reshape(w.shape)),
    ),
    "a layer cut to 8 bits": (
        "raw",
        weights(12, lambda w: np.round(w / np.abs(w).max() * 127) / 127 * np.abs(w).max()),
    ),
    "anchors half a cell off": ("candidates", onnx_edit(shifted_anchors)),
    "cut short": ("load", lambda p: p.write_bytes(p.read_bytes()[:-3000])),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_falls_short_and_names_its_stage(work: Path, tmp_path: Path, name: str) -> None:
    stage, change = MUTANTS[name]
    bundle = with_artifact(work, tmp_path / "b", change)
    report = validate(bundle, work / "golden", write_pending=False)
    assert report.exit_code == 1
    assert fault_of(report) == stage
    assert report.verdict(report.lanes[0].lane) == "PASS"  # the source is as it was


OTHER_EXPORTS = {
    "red and blue swapped": ("BGR", 0.4, "raw"),
    "threshold 0.95": ("RGB", 0.95, "detections"),
}


@pytest.mark.parametrize("name", OTHER_EXPORTS)
def test_another_exports_artifact_falls_short(work: Path, tmp_path: Path, name: str) -> None:
    color, score, stage = OTHER_EXPORTS[name]
    other = made(tmp_path / "other", color, score)

    def swap(path: Path) -> None:
        shutil.copyfile(other / "cat_faces.onnx", path)

    report = validate(
        with_artifact(work, tmp_path / "b", swap), work / "golden", write_pending=False
    )
    assert report.exit_code == 1
    assert fault_of(report) == stage
    # without the source, the goldens alone find it too
    alone = validate(
        tmp_path / "b",
        work / "golden",
        runner="onnx",
        source=Path("nowhere"),
        write_pending=False,
    )
    assert alone.exit_code == 1 and fault_of(alone) == stage


def test_a_flipped_byte_is_unusable_input(work: Path, tmp_path: Path) -> None:
    from mobilecat.errors import ArtifactError

    shutil.copytree(work / "bundle", tmp_path / "b")
    data = bytearray((tmp_path / "b" / "cat_faces.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "b" / "cat_faces.onnx").write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="cannot be trusted"):
        validate(tmp_path / "b", work / "golden")


def test_the_source_gives_its_candidates_in_the_contracts_type(work: Path) -> None:
    from mobilecat.lanes import Lane, open_lane
    from mobilecat.pictures.reading import fit_picture, read_picture

    bundle = open_bundle(work / "bundle")
    assert bundle.spec.input is not None
    pixels, _ = fit_picture(read_picture(work / "wide.png"), bundle.spec.input)
    names = [c.name for c in bundle.candidates]
    found = open_lane(work / "bundle", bundle, Lane("source")).infer({"image": pixels}, names)
    assert {n: found[n].dtype.name for n in names} == dict.fromkeys(names, "float32")
