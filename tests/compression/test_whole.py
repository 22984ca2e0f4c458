"""The planted network through the whole of `compress`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.compression import measured, whole
from mobilecat.compression.kept import Kept
from mobilecat.errors import MobileCatError
from mobilecat.formats.coreai.dialect import missing
from mobilecat.spec import load_spec
from tests.compression.planted import SPEC, save_all, save_pictures
from tests.measure.tune.test_cli import mobilecat
from tests.workers import here


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted spec compressed for real: the spec written, the cache filled."""
    folder = tmp_path_factory.mktemp("planted")
    save_all(folder)
    return folder


@pytest.fixture(scope="module")
def found(work: Path) -> mc.Compressed:
    with pytest.MonkeyPatch.context() as patch:
        # A network of microseconds: all times are alike, whatever this machine does besides.
        patch.setattr(measured.Bench, "_time", lambda *_: 1.0)
        patch.setattr(measured, "in_turns", lambda runs: ((1.0,) * len(runs),) * 3)
        return mc.compress(work / "mobilecat.toml", work / "data", cache=work / "cache")


def again(work: Path, tmp_path: Path, **given: object) -> mc.Compressed:
    """The spec as it was, in a folder of its own, with what the first run kept."""
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(SPEC)
    shutil.copy(work / "planted.onnx", tmp_path)
    return mc.compress(spec, work / "data", cache=work / "cache", **given)  # type: ignore[arg-type]


def test_the_sensitive_layer_is_found_and_kept_float(found: mc.Compressed, work: Path) -> None:
    assert found.exit_code == 0 and found.written and not found.unfit
    assert {s.node for s in found.sensitive[:2]} == {"sensitive"}
    # All of a score of 0.8 is lost, at a weight of 0.8²: by hand, on 3 pictures that are alike.
    assert found.sensitive[0].error == pytest.approx(0.8, abs=0.01)
    others = [s.error for s in found.sensitive if s.node != "sensitive"]
    assert max(others) < 1e-3
    (row,) = found.chosen
    # `widen` has three weights an output: scales would take more than bytes save.
    assert row.keys["keep_float"] == ("widen", "sensitive")
    assert row.keys["precision"].startswith("int8-")
    assert row.loss == pytest.approx(0, abs=1e-6) and row.fits and row.frontier
    by_name = {r.recipe: r for r in found.rows}
    assert by_name["int8-weights"].loss == pytest.approx(100)
    assert not by_name["int8-weights"].fits and by_name["float16"].fits
    assert row.bytes < by_name["float16"].bytes
    assert found.objects == 3 and found.pictures == 4 and not found.held_pictures


def test_the_spec_keeps_its_comments(found: mc.Compressed, work: Path) -> None:
    text = (work / "mobilecat.toml").read_text()
    added = [line for line in text.splitlines() if line not in SPEC.splitlines()]
    assert text.startswith(SPEC)
    precision = found.chosen[0].keys["precision"]
    assert added == [f'precision = "{precision}"', 'keep_float = ["widen", "sensitive"]']
    (target,) = load_spec(work / "mobilecat.toml").targets.all
    assert dict(found.chosen[0].keys) == {
        k: getattr(target, k) for k in ("precision", "keep_float")
    }


def test_the_export_has_the_bytes_that_were_measured(found: mc.Compressed, work: Path) -> None:
    made = mc.export(work / "mobilecat.toml", work / "out")
    (row,) = found.chosen
    assert made.bundle.artifacts[0].sha256 == row.sha256
    assert made.bundle.artifacts[0].bytes == row.bytes


def test_a_second_run_measures_nothing(
    found: mc.Compressed, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "export", lambda *_, **__: pytest.fail("exported again"))
    monkeypatch.setattr(whole.Probe, "error", lambda *_: pytest.fail("rounded again"))
    second = again(work, tmp_path)
    assert second.measured == 0 and found.measured > 4
    assert second.rows == found.rows and second.diff.splitlines()[2:] == found.diff.splitlines()[2:]


def test_a_fresh_run_believes_no_detection_either(
    found: mc.Compressed, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source's lie by its file's hash: were they believed, one that had changed could not be
    seen. It runs once for all candidates all the same, and what was kept then is believed again."""
    ran: list[str] = []
    real = measured.collect

    def counted(*args: Any, **named: Any) -> Any:
        done = real(*args, **named)
        ran.extend("source" for lane in done[:1] if lane.inferred)
        return done

    monkeypatch.setattr(measured, "collect", counted)
    fresh = again(work, tmp_path, fresh=True, budget=0, dry_run=True)
    assert fresh.measured == len(fresh.rows) and ran == ["source"]
    assert again(work, tmp_path, budget=0, dry_run=True).measured == 0


def test_a_killed_run_loses_the_candidate_that_it_was_at(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done = measured.export, []

    def killed(*args: object, **named: object) -> object:
        done.append(1)
        if len(done) == 4:  # float32, float16, float32 to be timed with
            raise KeyboardInterrupt
        return real(*args, **named)  # type: ignore[arg-type]

    spec = save_all(tmp_path)
    monkeypatch.setattr(measured, "export", killed)
    with pytest.raises(KeyboardInterrupt):
        mc.compress(spec, tmp_path / "data", cache=tmp_path / "cache", budget=0)
    assert spec.read_text() == SPEC
    kept = list((tmp_path / "cache" / "candidates").iterdir())
    assert len(kept) == 2
    monkeypatch.setattr(measured, "export", real)
    second = mc.compress(spec, tmp_path / "data", cache=tmp_path / "cache", budget=0)
    assert second.measured == len(second.rows) - 2


def test_other_pictures_are_measured_anew(found: mc.Compressed, work: Path, tmp_path: Path) -> None:
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(SPEC)
    shutil.copy(work / "planted.onnx", tmp_path)
    data = save_pictures(tmp_path / "data", shade=200)
    second = mc.compress(spec, data, cache=work / "cache", dry_run=True, budget=0)
    assert second.measured == len(second.rows)


def test_a_budget_of_0_takes_floats(found: mc.Compressed, work: Path, tmp_path: Path) -> None:
    none = again(work, tmp_path, budget=0.0)
    assert [r.recipe for r in none.chosen] == ["float16"]
    assert any("a budget of 0 takes floats alone" in n for n in none.notes)


def test_nothing_fits(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "lost", lambda *_: 3.0)
    none = again(work, tmp_path)
    assert none.exit_code == 1 and not none.written
    near = none.unfit["planted.tflite"]
    assert near is not None and near.loss == 3.0
    assert "nothing keeps to 0.5 points; the nearest is float32" in str(none)
    assert (tmp_path / "mobilecat.toml").read_text() == SPEC


def test_held_out_where_there_are_enough(
    found: mc.Compressed, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "FEW", 1)
    halves = again(work, tmp_path, dry_run=True)
    assert (halves.pictures, halves.held_pictures, halves.objects) == (2, 2, 2)
    assert all(r.held_loss is not None for r in halves.rows)
    assert "2 other pictures chose nothing: held out" in str(halves)
    assert "Too few to hold any out" in str(found)


def test_as_users_meet_it(work: Path, tmp_path: Path, found: mc.Compressed) -> None:
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(SPEC)
    shutil.copy(work / "planted.onnx", tmp_path)
    where = (spec, "--data", work / "data", "--cache", work / "cache")
    told, plot, page = (tmp_path / name for name in ("told.json", "plot.svg", "page.html"))
    given = "--json", told, "--plot", plot, "--html", page
    done = mobilecat("compress", *where, "--dry-run", *given)
    assert done.returncode == 0, done.stderr
    assert f"wrote {page}" in done.stdout
    assert "is the smallest within 0.5 points" in done.stdout
    assert "was not touched" in done.stdout and spec.read_text() == SPEC
    assert "written into" not in done.stderr
    data = json.loads(told.read_text())
    chosen = [r for r in data["rows"] if r["chosen"]]
    assert [r["keys"]["keep_float"] for r in chosen] == [["widen", "sensitive"]]
    assert data["measured"] == 0 and plot.read_text().count("<circle") >= len(data["rows"])
    assert data["sensitive"][0] == {
        "file": "planted.tflite",
        "node": "sensitive",
        "recipe": "int8-weights",
        "error": pytest.approx(0.8, abs=0.01),
        "chosen": "float",
    }
    stored = {s["node"]: s["chosen"] for s in data["sensitive"]}
    assert stored.pop("sensitive") == stored.pop("widen") == "float"
    assert set(stored.values()) == {chosen[0]["keys"]["precision"]}
    assert chosen[0]["recipe"] in plot.read_text("utf-8")
    text = page.read_text("utf-8")
    for said in (
        chosen[0]["recipe"],
        "Found, on few pictures",
        "What would be written",
        "keep_float",
    ):
        assert said in text, said
    assert text.count('<tr><th scope="row">') == len(data["rows"]) and "<svg" not in text
    done = mobilecat("compress", *where)
    before = tmp_path / "mobilecat.toml.before-compress"
    assert f"written into {spec}, whose text of now is kept as {before}" in done.stderr
    assert done.returncode == 0 and before.read_text() == SPEC != spec.read_text()
    assert "goes too): mv " in done.stdout
    before.replace(spec)
    done = mobilecat("compress", *where, "--html", spec)
    assert done.returncode == 2 and "--html" in done.stderr and spec.read_text() == SPEC
    done = mobilecat("compress", *where, "--for", "beauty")
    assert done.returncode == 2 and "size or speed" in done.stderr
    done = mobilecat("compress", *where, "--budget", "-1")
    assert done.returncode == 2 and "from 0 to 100" in done.stderr


def test_pictures_of_the_calibration_are_refused(work: Path, tmp_path: Path) -> None:
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(f'{SPEC}\n[quantize]\ncalibration = "data"\n')
    shutil.copy(work / "planted.onnx", tmp_path)
    data = save_pictures(tmp_path / "data")
    with pytest.raises(mc.MobileCatError, match="These pictures were used already"):
        mc.compress(spec, data, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("[targets.tflite]  # for the phone\ninput", "[targets.onnx]\n# input", "no target"),
        ('input = "uint8"', 'precision = "int8"\nfull_integer = true', "in whole numbers alone"),
        ('kind = "yolov8"\nlayout = "rows-first"', 'kind = "raw"', "its head is raw"),
    ],
)
def test_what_cannot_be_compressed(
    work: Path, tmp_path: Path, old: str, new: str, what: str
) -> None:
    assert old in SPEC
    text = SPEC.replace(old, new)
    if "raw" in new:
        text = text.replace('labels = ["cat"]', "").replace("[nms]\nscore_threshold = 0.3", "")
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(text + '\n[quantize]\ncalibration = "photos"\n')
    shutil.copy(work / "planted.onnx", tmp_path)
    with pytest.raises(mc.MobileCatError, match=what):
        mc.compress(spec, work / "data", cache=tmp_path / "cache")


def test_a_bundle_is_no_spec_and_a_file_is_told_by_its_near_name(
    work: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle.json").touch()
    with pytest.raises(mc.MobileCatError, match="name the spec that it was exported from"):
        mc.compress(tmp_path, work / "data")
    with pytest.raises(mc.MobileCatError, match=r"did you mean planted\.tflite"):
        mc.compress(work / "mobilecat.toml", work / "data", artifact="plantd.tflite")


def test_a_core_ml_target(work: Path, tmp_path: Path) -> None:
    """A palette has 0, 0.4 and 127 exactly, and int8 has no step below 1."""
    spec = tmp_path / "mobilecat.toml"
    before, _, _ = SPEC.partition("[targets.tflite]")
    spec.write_text(f'{before}[[targets.coreml]]\ndeployment_target = "iOS16"  # ours\n')
    shutil.copy(work / "planted.onnx", tmp_path)
    found = mc.compress(spec, work / "data", cache=tmp_path / "cache")
    by_name = {r.recipe: r for r in found.rows}
    assert set(by_name) == {"float32", "float16", "int8", "palette6"}
    assert by_name["int8"].loss == pytest.approx(100) and not by_name["int8"].fits
    (row,) = found.chosen
    assert row.recipe == "palette6" and row.loss == pytest.approx(0, abs=1e-6)
    assert found.sensitive[0].node == "sensitive" and found.sensitive[0].what == "int8"
    assert any("needs iOS18 or newer, not iOS16" in n for n in found.notes)
    assert spec.read_text().endswith('"iOS16"  # ours\nweights = "palette6"\n')
    made = mc.export(spec, tmp_path / "out")
    assert made.bundle.artifacts[0].sha256 == row.sha256


TARGETS = """[targets.tflite]
[[targets.coreml]]
[targets.coreai]
[quantize]
calibration = "photos"
"""
MADE_FOR_OTHERS = {"int16x8", "int8 activations"}


def with_every_target(work: Path, folder: Path) -> Path:
    """The planted network for three formats, and pictures of other shades to calibrate on."""
    if (why := missing()) is not None:
        pytest.skip(f"NOT_RUN: {why}")
    spec = folder / "mobilecat.toml"
    spec.write_text(SPEC.partition("[targets.tflite]")[0] + TARGETS)
    shutil.copy(work / "planted.onnx", folder)
    save_pictures(folder / "photos", shade=200)
    (folder / "photos" / "3.png").unlink()  # black, as one of those that measure
    return spec


def test_recipes_for_other_hardware_are_candidates_for_size(work: Path, tmp_path: Path) -> None:
    spec = with_every_target(work, tmp_path)
    found = mc.compress(spec, work / "data", cache=tmp_path / "cache", budget=0)
    rows = {(r.file, r.recipe): r for r in found.rows}
    wide = rows["planted.tflite", "int16x8"]
    inside = rows["planted.mlpackage", "int8 activations"]
    assert {r.recipe for r in found.rows if r.meant_for} == MADE_FOR_OTHERS
    assert "NPU" in wide.meant_for and "Neural Engine" in inside.meant_for
    for row in (wide, inside, rows["planted.aimodel", "int8"]):
        # Their weights are int8, in which `sensitive` has no 0.4: every score is 0.
        assert row.loss == pytest.approx(100) and not row.fits
        assert (row.time is None) == (row.file != "planted.tflite"), "our runtime's is no phone's"
        assert row.bytes < rows[row.file, "float32"].bytes
    assert {r.file: r.recipe for r in found.chosen} == {
        "planted.tflite": "float16",
        "planted.mlpackage": "float16",
        "planted.aimodel": "float32",
    }


def test_recipes_for_other_hardware_are_left_out_for_speed(work: Path, tmp_path: Path) -> None:
    spec = with_every_target(work, tmp_path)
    where = tmp_path / "cache"
    found = mc.compress(spec, work / "data", cache=where, budget=0, goal="speed", dry_run=True)
    assert "int16x8" not in {r.recipe for r in found.rows}
    assert {n for n in found.notes if "is left out: it is made for" in n} == {
        "planted.tflite: int16x8 is left out: it is made for NPUs that compute int16 with int8, "
        "and speed is that of this CPU",
    }
    (untimed,) = [n for n in found.notes if "says nothing of a phone" in n]
    assert untimed.startswith("planted.mlpackage, planted.aimodel: not timed")
    assert untimed.endswith("they are chosen for size")
    assert "planted.mlpackage: float16 is the smallest within" in str(found)


def test_a_choice_for_other_hardware_is_said_to_be_one(found: mc.Compressed) -> None:
    (row,) = found.chosen
    slow = replace(row, recipe="int16x8", meant_for="NPUs that compute int16 with int8", time=30.0)
    others = tuple(r for r in found.rows if not r.chosen)
    (float16,) = (r for r in others if r.recipe == "float16")
    quick = tuple(replace(r, time=1.0, fits=r is float16) for r in others)
    text = str(replace(found, rows=(*quick, slow)))
    ratio = float16.bytes / row.bytes
    assert (
        "it takes 30.0 times as long as float32 here; float16 fits too: "
        f"{ratio:.2f} times as large, 1.00 of float32's time" in text
    )
    assert "it is made for NPUs that compute int16 with int8; elsewhere it is slower" in text


def test_candidates_run_by_workers_are_chosen_as_here(
    found: mc.Compressed, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = here(monkeypatch, whole)
    monkeypatch.setattr(measured.Bench, "_time", lambda *_: 1.0)  # as `found` has it
    monkeypatch.setattr(measured, "in_turns", lambda runs: ((1.0,) * len(runs),) * 3)
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(SPEC)
    shutil.copy(work / "planted.onnx", tmp_path)
    two = mc.compress(spec, work / "data", cache=tmp_path / "cache", on="local")
    assert client.asked == two.measured == found.measured, "four pictures are one task a candidate"

    def told(of: mc.Compressed) -> list[object]:
        return [(r.recipe, r.keys, r.bytes, r.sha256, r.loss, r.fits, r.chosen) for r in of.rows]

    assert told(two) == told(found)


def test_candidates_lie_where_workers_elsewhere_see_them(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "cache")
    with whole._work_folder(kept, "tcp://there:8786") as shared:
        assert shared.parent == kept.root.resolve()
    with whole._work_folder(kept, "local") as own:
        assert own.parent != kept.root.resolve()
    assert not shared.exists() and not own.exists()


def test_workers_that_fail_are_no_fault_of_a_candidate(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is kept: the next run measures."""
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(SPEC)
    shutil.copy(work / "planted.onnx", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MobileCatError, match="Dask is not installed"):
        mc.compress(spec, work / "data", cache=tmp_path / "cache", on="local")
    assert not list((tmp_path / "cache").rglob("candidates/*"))
