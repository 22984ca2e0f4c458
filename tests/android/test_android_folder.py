"""A bundle as an Android app's folder: what is written, what is refused, and that it is Kotlin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.bundle import Bundle, open_bundle
from mobilecat.cli.main import app
from mobilecat.compile.android import contract_kotlin, require_android_folder, write_android
from mobilecat.compile.cascade import export_cascade
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError
from tests.ios.test_ios_folder import cascade, files_of, written_bundle
from tests.tiny import save_yunet_like, yunet_like_spec

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "android_sample/app/model"
YUNET = ROOT / "tests/ios/yunet"
NASTY = ('say "hi"', "back\\slash", "$HOME ${x}", "two\nlines", "\x07", "猫", "e\u0301", '"""',
         "\U0001f408", "\u2028", "a\u202eb", "\x7f")  # fmt: skip


def test_what_is_written(tmp_path: Path) -> None:
    bundle = written_bundle(tmp_path / "b")
    done = write_android(bundle, tmp_path / "model")
    files = files_of(tmp_path / "model")
    inside = {"bundle.json", "labels.txt", "yunet.tflite", "yunet.onnx"}
    assert set(files) == {"ModelContract.kt", *(f"assets/model/{n}" for n in inside)}
    assert files["assets/model/bundle.json"] == (bundle / "bundle.json").read_bytes()
    assert sha256_of(bundle / "bundle.json").encode() in files["ModelContract.kt"]
    assert set(done.files) == set(files)
    assert len(done.notes) == 1 and "or the APK carries both" in done.notes[0]
    assert "yunet.tflite (" in done.notes[0] and " and yunet.onnx (" in done.notes[0]
    write_android(bundle, tmp_path / "again")
    assert files_of(tmp_path / "again") == files


def test_an_older_one_is_replaced_whole(tmp_path: Path) -> None:
    write_android(written_bundle(tmp_path / "b"), tmp_path / "model")
    (tmp_path / "model/assets/model/old.tflite").write_text("old")
    write_android(tmp_path / "b", tmp_path / "model")
    assert not (tmp_path / "model/assets/model/old.tflite").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "model"]


@pytest.mark.parametrize("foreign", ["Thesis.kt", "assets/songs/one.mp3", "assets/notes.txt"])
def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, foreign: str) -> None:
    """Also what lies among an app's own assets, of which `assets` may be the usual folder."""
    path = tmp_path / "model" / foreign
    path.parent.mkdir(parents=True)
    path.write_text("years of work")
    with pytest.raises(ArtifactError, match="in use") as e:
        write_android(written_bundle(tmp_path / "b"), tmp_path / "model")
    assert foreign.removeprefix("assets/").split("/")[0] in str(e.value)
    assert path.read_text() == "years of work"
    with pytest.raises(ArtifactError, match="in use"):
        require_android_folder(tmp_path / "model")


def test_an_export_looks_at_the_app_before_it_compiles(tmp_path: Path) -> None:
    save_yunet_like(tmp_path / "tiny.onnx")
    (tmp_path / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    (tmp_path / "app").write_text("a file")
    given = [str(tmp_path / "mobilecat.toml"), "-o", str(tmp_path / "out"), "--android"]
    done = CliRunner().invoke(app, ["export", *given, str(tmp_path / "app")])
    assert isinstance(done.exception, ArtifactError) and "is a file" in str(done.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--ios", "--android"])
def test_a_spec_without_a_target_for_the_app_is_told_before_it_compiles(
    tmp_path: Path, option: str
) -> None:
    other = "onnx" if option == "--ios" else "coreml"
    said = yunet_like_spec(Path("not_there.onnx"), f"[targets.{other}]\n")
    (tmp_path / "mobilecat.toml").write_text(said)
    given = [str(tmp_path / "mobilecat.toml"), "-o", str(tmp_path / "out"), option]
    done = CliRunner().invoke(app, ["export", *given, str(tmp_path / "app")])
    assert isinstance(done.exception, ArtifactError), done.exception
    (problem,) = done.exception.problems
    fitting = {
        "--ios": "[targets.coreml] or [targets.coreai]",
        "--android": "[targets.tflite] or [targets.onnx]",
    }
    assert fitting[option] in problem.fix and "names no target" in problem.what
    assert not (tmp_path / "out").exists() and not (tmp_path / "app").exists()


def test_a_cascade_for_an_app_is_looked_at_before_it_compiles(tmp_path: Path) -> None:
    given = cascade(tmp_path, 'boxes = "vision"')
    with pytest.raises(ArtifactError, match="needs a detector"):
        mc.export(given, tmp_path / "out", ios=tmp_path / "Model")
    whole = cascade(tmp_path)
    for spec in [p for p in tmp_path.glob("*.toml") if "[targets." in p.read_text()]:
        head, _, _ = spec.read_text().partition("[targets.")
        spec.write_text(f"{head}[targets.coreml]\n")
    with pytest.raises(ArtifactError, match="detector: names no target for an Android app"):
        mc.export(whole, tmp_path / "out", android=tmp_path / "model")
    assert not (tmp_path / "out").exists()


def test_a_damaged_bundle_changes_nothing(tmp_path: Path) -> None:
    bundle = written_bundle(tmp_path / "b")
    write_android(bundle, tmp_path / "model")
    before = files_of(tmp_path / "model")
    (bundle / "yunet.tflite").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="cannot be trusted"):
        write_android(bundle, tmp_path / "model")
    assert files_of(tmp_path / "model") == before


def test_a_bundle_for_apple_alone_is_refused(tmp_path: Path) -> None:
    data = json.loads((YUNET / "bundle.json").read_text("utf-8"))
    apples = [a for a in data["artifacts"] if a["kind"] == "coreml"]
    bundle = written_bundle(tmp_path / "b", artifacts=apples)
    with pytest.raises(ArtifactError) as e:
        write_android(bundle, tmp_path / "model")
    assert "no artifact for an app" in str(e.value) and not (tmp_path / "model").exists()
    assert "[targets.tflite] or [targets.onnx]" in str(e.value)


def test_a_cascade_is_one_folder(tmp_path: Path) -> None:
    model = tmp_path / "app/model"
    given = ["-o", str(tmp_path / "b"), "--android", str(model)]
    done = CliRunner().invoke(app, ["export", str(cascade(tmp_path)), *given])
    assert done.exit_code == 0, done.output
    files = files_of(model)
    rule = json.loads(files["assets/model/cascade.json"])
    assert rule["crop"]["grow"] == 0.25 and rule["cascade"]["max_crops"] == 5
    inner = model / "assets/landmarks/bundle.json"
    assert rule["cascade"]["landmarks"]["sha256"] == sha256_of(inner)
    assert b"object ModelContract {" in files["ModelContract.kt"]
    second = files["LandmarkContract.kt"].decode()
    assert "object LandmarkContract {" in second and 'assets = "landmarks"' in second
    assert "LandmarkContract.kt" in done.output
    # A single model in its place: nothing of the second stays.
    write_android(written_bundle(tmp_path / "one"), model)
    left = files_of(model)
    assert not {"LandmarkContract.kt", "assets/model/cascade.json"} & set(left)
    assert "assets/landmarks/bundle.json" not in left


def test_a_cascade_of_given_boxes_has_no_detector(tmp_path: Path) -> None:
    export_cascade(cascade(tmp_path, 'boxes = "vision"'), tmp_path / "b")
    with pytest.raises(ArtifactError, match="needs a detector"):
        write_android(tmp_path / "b", tmp_path / "model")


def changed(**changes: Any) -> Bundle:
    bundle = open_bundle(YUNET, verify=False)
    image = bundle.spec.input
    assert image is not None
    image = image.model_copy(update=changes.pop("input", {}))
    spec = bundle.spec.model_copy(update={"input": image, **changes})
    return bundle.model_copy(update={"spec": spec})


def test_the_committed_contracts_are_the_committed_bundles() -> None:
    for name, assets in (("ModelContract", "model"), ("LandmarkContract", "landmarks")):
        folder = MODEL / "assets" / assets
        bundle = open_bundle(folder, verify=False)
        text = contract_kotlin(bundle, sha256_of(folder / "bundle.json"), name, assets)
        assert (MODEL / f"{name}.kt").read_text("utf-8") == text


def test_too_many_labels_are_refused() -> None:
    with pytest.raises(ArtifactError, match="one class of a JVM"):
        contract_kotlin(changed(labels=("x",) * 20_001), "0")


CHECK = """
package check

import java.io.File
import mobilecat.kit.ModelBundle
import mobilecat.model.LandmarkContract
import mobilecat.model.ModelContract
import mobilecat.model.NastyContract

fun main(args: Array<String>) {
    for ((k, made) in listOf(ModelContract.bundle, LandmarkContract.bundle).withIndex()) {
        val all = ModelBundle.parse(File(args[k]).readText())
        val kinds = listOf("tflite", "onnx")
        val ours = all.copy(artifacts = all.artifacts.filter { it.kind in kinds })
        println(if (made == ours && ours.artifacts.size == 2) "same" else "$made is not $ours")
    }
    println(NastyContract.labels.take(args[2].toInt()).joinToString(" ") { label ->
        label.map { it.toInt() }.joinToString(",")
    })
    println(NastyContract.labels.size)
    println(NastyContract.input)
}
"""


def test_contracts_are_their_bundles_and_any_label_is_kotlin(tmp_path: Path) -> None:
    """On a JVM, with the kit that `make android` compiled: what was written says what was meant."""
    jars = sorted((ROOT / "build/android").glob("kit-*.jar"))
    if shutil.which("kotlinc") is None or not jars:
        pytest.skip("NOT_RUN: no kotlinc, or no kit in build/android (make android compiles it)")
    many = (*NASTY, *(f"class {i}" for i in range(1200)))
    image = {"resize": "letterbox-topleft", "rounding": "half-away", "pad": 114}
    nasty = contract_kotlin(changed(labels=many, input=image), "0", "NastyContract")
    (tmp_path / "Nasty.kt").write_text(nasty, "utf-8")
    (tmp_path / "Check.kt").write_text(CHECK, "utf-8")
    for name in ("ModelContract.kt", "LandmarkContract.kt"):
        shutil.copy(MODEL / name, tmp_path / name)
    jvm = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    env = {**os.environ, "JAVA_OPTS": " ".join(("-Xmx1g", *jvm))}
    classes = tmp_path / "classes"
    done = subprocess.run(
        ["kotlinc", str(tmp_path), "-cp", str(jars[0]), "-d", str(classes)],
        env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    bundles = [str(MODEL / "assets" / a / "bundle.json") for a in ("model", "landmarks")]
    path = f"{classes}:{jars[0]}"
    ran = subprocess.run(
        ["java", *jvm, "-cp", path, "check.CheckKt", *bundles, str(len(NASTY))],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    first, second, labels, size, image_input = ran.stdout.splitlines()
    assert (first, second) == ("same", "same")
    # Kotlin's characters are UTF-16 units.
    units = [label.encode("utf-16-le") for label in NASTY]
    assert labels.split() == [
        ",".join(str(int.from_bytes(u[i : i + 2], "little")) for i in range(0, len(u), 2))
        for u in units
    ]
    assert size == str(len(many))
    assert "LETTERBOX_TOP_LEFT, rounding=HALF_AWAY, pad=114" in image_input
