"""Export: what is left on disk, that it is the same each time, and that nothing is ever lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, MobileCatError, UnsupportedError
from mobilecat.lanes import NotRun, decode_outputs, lanes_of, open_lane
from mobilecat.pictures.reading import fit_picture
from mobilecat.spec import spec_from_model_file, spec_from_text
from tests.tiny import save_yunet_like, yunet_like_spec

EVERY_TARGET = """
[[targets.coreml]]
format = "mlpackage"
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_yunet_like(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def bundle_dir(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "bundle"
    export(spec_from_text(yunet_like_spec(tiny, EVERY_TARGET)), out)
    return out


def test_the_bundle_holds_every_artifact_labels_and_contract(bundle_dir: Path) -> None:
    assert sorted(p.name for p in bundle_dir.iterdir()) == [
        "bundle.json",
        "labels.txt",
        "tiny.mlmodel",
        "tiny.mlpackage",
        "tiny.onnx",
        "tiny.tflite",
    ]
    assert (bundle_dir / "labels.txt").read_text() == "face\n"
    bundle = open_bundle(bundle_dir)
    shapes = {o.name: (o.shape, o.dtype) for o in bundle.outputs}
    assert shapes == {
        "boxes": ((1, 12, 4), "float32"),
        "scores": ((1, 12), "float32"),
        "class_ids": ((1, 12), "int32"),
        "landmarks": ((1, 12, 5, 2), "float32"),
        "count": ((1,), "int32"),
    }
    cells = 12 * 8 + 6 * 4 + 3 * 2
    assert {c.name: c.shape for c in bundle.candidates} == {
        "decode/candidate_boxes": (1, cells, 4),
        "decode/candidate_scores": (1, cells, 1),
        "decode/candidate_landmarks": (1, cells, 10),
    }
    for record in bundle.artifacts:
        assert record.sha256 == sha256_of(bundle_dir / record.file)


def test_every_runner_finds_what_the_source_finds(bundle_dir: Path) -> None:
    bundle = open_bundle(bundle_dir)
    rng = np.random.default_rng(3)
    blobs = rng.integers(0, 256, (5, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(blobs).resize((150, 80), Image.Resampling.NEAREST)
    assert bundle.spec.input is not None
    pixels, plan = fit_picture(picture, bundle.spec.input)
    found = {}
    for lane in lanes_of(bundle):
        try:
            found[lane.name] = decode_outputs(
                open_lane(bundle_dir, bundle, lane).infer({"image": pixels}), plan
            )
        except NotRun as reason:
            assert lane.runner == "coreml-native", reason
    expected = found.pop("source")
    assert len(expected) >= 3, "the picture must exercise the NMS"
    assert set(found) == {
        "onnx:tiny.onnx",
        "tflite:tiny.tflite",
        "coreml:tiny.mlpackage",
        "coreml:tiny.mlmodel",
    }
    for name, got in found.items():
        assert len(got) == len(expected), name
        np.testing.assert_allclose(got.boxes_xyxy, expected.boxes_xyxy, atol=0.05, err_msg=name)
        np.testing.assert_allclose(got.scores, expected.scores, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(got.landmarks_xy, expected.landmarks_xy, atol=0.05, err_msg=name)


def test_two_processes_write_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(yunet_like_spec(tiny, EVERY_TARGET))
    hashes = []
    for seed in ("1", "2"):
        out = tmp_path / "bundle"
        env = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(
            [sys.executable, "-m", "mobilecat", "export", str(spec), "-o", str(out)],
            check=True,
            env=env,
            capture_output=True,
        )
        hashes.append({p.name: sha256_of(p) for p in out.iterdir()})
    assert hashes[0] == hashes[1]


def test_the_source_file_is_only_read(tiny: Path, tmp_path: Path) -> None:
    before = (sha256_of(tiny), tiny.stat().st_mtime_ns, sorted(tiny.parent.iterdir()))
    export(spec_from_text(yunet_like_spec(tiny)), tmp_path / "b")
    assert before == (sha256_of(tiny), tiny.stat().st_mtime_ns, sorted(tiny.parent.iterdir()))


def test_a_bare_model_keeps_its_own_tensors(tiny: Path, tmp_path: Path) -> None:
    done = export(spec_from_model_file(tiny), tmp_path / "raw")
    assert [i.name for i in done.bundle.inputs] == ["input"]
    assert [o.name for o in done.bundle.outputs] == [
        f"{kind}_{s}" for s in (8, 16, 32) for kind in ("cls", "obj", "bbox", "kps")
    ]


@pytest.mark.parametrize("name", ["tiny.tflite", "tiny.onnx", "tiny.mlmodel", "tiny.mlpackage"])
def test_one_flipped_byte_is_refused(bundle_dir: Path, tmp_path: Path, name: str) -> None:
    import shutil

    copy = tmp_path / "bundle"
    shutil.copytree(bundle_dir, copy)
    path = copy / name
    file = next(p for p in sorted(path.rglob("*")) if p.is_file()) if path.is_dir() else path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="1 artifact cannot be trusted") as caught:
        open_bundle(copy)
    assert caught.value.problems[0].where == str(path)


def test_a_pointer_of_git_lfs_is_told_by_name(bundle_dir: Path, tmp_path: Path) -> None:
    """As `git clone` leaves it without LFS: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
    import shutil

    copy = tmp_path / "bundle"
    shutil.copytree(bundle_dir, copy)
    (copy / "tiny.tflite").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
    )
    with pytest.raises(ArtifactError) as caught:
        open_bundle(copy)
    (found,) = caught.value.problems
    assert "Git LFS" in found.what and "git lfs pull" in found.fix


def test_a_missing_artifact_and_a_damaged_contract_are_refused(
    bundle_dir: Path, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "bundle"
    shutil.copytree(bundle_dir, copy)
    (copy / "tiny.tflite").unlink()
    with pytest.raises(ArtifactError) as caught:
        open_bundle(copy)
    assert caught.value.problems[0].what == "is missing"
    contract = json.loads((copy / "bundle.json").read_text())
    del contract["outputs"]
    contract["surprise"] = 1
    (copy / "bundle.json").write_text(json.dumps(contract))
    with pytest.raises(ArtifactError) as caught:
        open_bundle(copy)
    assert {p.what.split(":")[0] for p in caught.value.problems} == {"outputs", "surprise"}


def test_a_failed_export_keeps_the_old_bundle(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    export(spec_from_text(yunet_like_spec(tiny)), out)
    before = {p.name: sha256_of(p) for p in out.iterdir()}
    with pytest.raises(MobileCatError):
        export(spec_from_text(yunet_like_spec(tiny, extra='landmarks = ["nose"]')), out)
    with pytest.raises(UnsupportedError):
        export(spec_from_text(yunet_like_spec(tiny, "[targets.onnx]\nopset = 99\n")), out)
    assert before == {p.name: sha256_of(p) for p in out.iterdir()}
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_a_killed_export_keeps_the_old_bundle(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    export(spec_from_text(yunet_like_spec(tiny)), out)
    before = {p.name: sha256_of(p) for p in out.iterdir()}
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(yunet_like_spec(tiny, EVERY_TARGET))
    code = (
        "import os, signal, sys\n"
        "import mobilecat.compile as e\n"
        "from mobilecat.spec import load_spec\n"
        "from pathlib import Path\n"
        "steps = []\n"
        "def progress(step):\n"
        "    steps.append(step)\n"
        "    if step.startswith('writing') and len(steps) > 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "e.export(load_spec(Path(sys.argv[1])), Path(sys.argv[2]), progress=progress)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(spec), str(out)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert before == {p.name: sha256_of(p) for p in out.iterdir()}
    assert len(open_bundle(out).artifacts) == 1
    export(spec_from_text(yunet_like_spec(tiny)), out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "mobilecat.toml"]


def test_a_folder_that_is_no_bundle_is_not_replaced(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1").write_text("years of work")
    with pytest.raises(ArtifactError, match="in use"):
        export(spec_from_text(yunet_like_spec(tiny)), out)
    assert (out / "chapter1").read_text() == "years of work"


def test_unsupported_ops_come_as_one_list_before_anything_is_written(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    nodes = [
        helper.make_node("Det", ["x"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "between"),
        helper.make_node("Det", ["x"], ["c"], "second"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 3])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in ("b", "c")],
    )
    path = tmp_path / "det.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    with pytest.raises(UnsupportedError) as caught:
        export(spec_from_model_file(path), tmp_path / "out")
    text = str(caught.value)
    assert "'first'" in text and "'second'" in text
    assert "TFLite" in text and "Core ML" in text
    assert not (tmp_path / "out").exists()
