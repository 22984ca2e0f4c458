"""Whatever a command does can be done without it, and gives the very values it prints."""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.cli.main import app
from mobilecat.demo import DETECTOR
from tests.api.conftest import PICTURES
from tests.tiny import save_yunet_like, yunet_like_spec

VERBS: dict[str, Callable[..., Any]] = {
    "init": mc.init,
    "export": mc.export,
    "run": mc.run,
    "inspect": mc.inspect,
    "spec": mc.explain,
    "validate": mc.validate,
    "diagnose": mc.diagnose,
    "bisect": mc.bisect,
    "replay": mc.replay,
    "explain": mc.heat_maps,
    "evaluate": mc.evaluate,
    "tune": mc.tune,
    "compress": mc.compress,
    "diff": mc.diff,
    "demo": mc.demonstrate,
    "doctor": mc.doctor,
    "golden record": mc.golden.record,
    "golden list": mc.golden.cases,
    "golden review": mc.golden.review,
    "golden approve": mc.golden.approve,
    "golden index": mc.golden.index,
}
# What an option is called in Python, or what a caller does with the result instead.
RENAMED = {
    "shape": "shapes", "score": "scores", "iou": "ious", "from_": "saved", "file": "path",
    "no_write": "write_pending", "plot": ".plot", "draw": ".draw", "json_": ".to_json",
    "markdown": ".markdown",
    "for_": "goal", "all_": ".words", "image": "picture", "range_": "value_range",
}  # fmt: skip
OWN = {
    "export": {"json_": ".bundle", "trust_python": "trust", "trust_pickle": "trust",
               "no_cache": "cache"},
    "diagnose": {"image": "image", "words": "capture", "old_bundle": "bundle"},
    "run": {"words": "bundle", "set_": "nms"},
    "replay": {"words": "clip", "draw": "draw"},
    "bisect": {"old_limit": "limit"},
    "golden record": {"words": "bundle", "at_once": "mc.golden", "reason": "mc.golden"},
    "init": {"trust_python": "trust", "trust_pickle": "trust", "set_": "answers",
             "image": "image", "draw": ".drawn"},
    "inspect": {"placement": "mc.place", "rules": "mc.place"},
    "diff": {"words": "pictures", "image": "pictures"},
    "spec": {"explain": "key", "schema": "mc.spec_schema"},
    # Deciding is a verb of its own: golden.approve, golden.reject, golden.accept_or_reject.
    "golden review": {"approve": ".pending", "accept": ".pending", "reject": ".pending",
                      "variant": ".pending", "reason": ".pending", "html": ".page",
                      "clean": "mc.golden"},
}  # fmt: skip


def commands() -> Iterator[tuple[str, Any]]:
    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{path} {name}".strip())
        if not hasattr(command, "commands"):
            yield path, command

    yield from walk(get_command(app), "")


def test_every_command_has_its_verb() -> None:
    assert {path for path, _ in commands()} == set(VERBS)


@pytest.mark.parametrize(("path", "command"), [*commands()], ids=[p for p, _ in commands()])
def test_every_option_has_its_counterpart(path: str, command: Any) -> None:
    verb = VERBS[path]
    taken = inspect.signature(verb).parameters
    given = inspect.signature(verb, eval_str=False).return_annotation
    result = getattr(mc, given, None) or getattr(mc.golden, given, None)
    for option in command.params:
        assert option.name is not None
        name = OWN.get(path, {}).get(option.name, RENAMED.get(option.name, option.name))
        if name.startswith("mc."):
            assert getattr(mc, name[3:], None), f"{path} {option.opts}"
        elif name.startswith("."):
            members = {*dir(result), *getattr(result, "__dataclass_fields__", {})}
            assert name[1:] in members, f"{path} {option.opts}"
        else:
            assert name in taken, f"{path} {option.opts}"


def test_a_planted_option_is_noticed() -> None:
    command = SimpleNamespace(params=[SimpleNamespace(name="fast", opts=["--fast"])])
    with pytest.raises(AssertionError, match="--fast"):
        test_every_option_has_its_counterpart("inspect", command)


def told(*args: object) -> Any:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code in (0, 1), done.output
    return json.loads(done.stdout)


def untimed(value: Any) -> Any:
    """Without what a clock said."""
    times = (
        "milliseconds",
        "first_milliseconds",
        "nms_ms",
        "seconds",
        "inferred",
        "kept",
        "inferences",
    )
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in times}
    return [untimed(v) for v in value] if isinstance(value, list) else value


def test_what_a_command_prints_is_what_its_verb_gives(exported: Path, tmp_path: Path) -> None:
    cats, photo = exported / "cat_faces", PICTURES / "two_on_a_sofa.png"
    one = {"runner": "onnx"}
    cache = {"cache": tmp_path}
    data = ["--data", PICTURES, "--cache", tmp_path]
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps([{"box_xyxy": [10, 20, 60, 70]}]))
    pairs: list[tuple[Any, Any]] = [
        (mc.run(cats, photo, **one), ["run", cats, "--image", photo, "--runner", "onnx", "--json"]),
        (mc.inspect(cats), ["inspect", cats, "--json"]),
        (mc.explain("nms"), ["spec", "nms", "--json"]),
        (
            mc.validate(cats, random=1, **one),
            ["validate", cats, "--random", 1, "--runner", "onnx", "--json", "-"],
        ),
        (
            mc.bisect(cats, "tflite", photo, limit=0),
            ["bisect", cats, "--runner", "tflite", "--image", photo, "--limit", 0, "--json"],
        ),
        (
            mc.evaluate(cats, PICTURES, **one, **cache),
            ["evaluate", cats, *data, "--runner", "onnx", "--json", "-"],
        ),
        (
            mc.tune(cats, PICTURES, scores=[0.1, 0.5], ious=[0.4], **cache),
            ["tune", cats, *data, "--score", "0.1,0.5", "--iou", 0.4, "--json", "-"],
        ),
        (
            mc.diagnose(true=boxes, observed=boxes, frame=(90, 90)),
            ["diagnose", "--true", boxes, "--observed", boxes, "--frame", "90x90", "--json"],
        ),
    ]
    for value, args in pairs:
        assert untimed(json.loads(json.dumps(value.to_json()))) == untimed(told(*args)), args[0]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    save_yunet_like(folder / "tiny.onnx")
    (folder / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    return folder


def noise(seed: int = 1) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((120, 90))


def test_a_spec_finds_its_model_from_anywhere(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = mc.load_spec(str(tiny / "mobilecat.toml"))
    assert spec.folder == tiny
    made = [
        mc.export(given, f"out/{k}").bundle
        for k, given in enumerate((tiny, str(tiny / "mobilecat.toml"), spec))
    ]
    assert len({b.artifacts[0].sha256 for b in made}) == 1
    assert spec == type(spec).model_validate(spec.model_dump()), "the folder is nothing it says"
    assert "folder" not in spec.model_dump_json()


def test_a_picture_is_a_path_an_image_or_an_array(tiny: Path, tmp_path: Path) -> None:
    bundle = mc.open(mc.export(tiny, tmp_path / "bundle"))
    picture = noise()
    # Turned by its EXIF: 6 means that the stored rows have to be turned clockwise.
    stored = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(tmp_path / "turned.png", exif=exif)
    given = [picture, np.asarray(picture), str(tmp_path / "turned.png"), tmp_path / "turned.png",
             Image.open(tmp_path / "turned.png")]  # fmt: skip
    found = [bundle.run(p, runner="onnx").detections for p in given]
    assert len(found[0]) > 0
    for other in found[1:]:
        assert np.array_equal(found[0].boxes_xyxy, other.boxes_xyxy)
    grey = np.zeros((8, 8), np.uint8)
    for wrong in (
        grey,
        grey.astype(np.float32),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 4, 3)),
    ):
        with pytest.raises(mc.ImageError, match=r"expected uint8 \[H, W, 3\]"):
            bundle.run(wrong)
    with pytest.raises(mc.ImageError, match="beyond 8 bits"):
        bundle.run(Image.fromarray(np.full((3, 5), 40000, np.uint16)))


def test_an_open_bundle_loads_an_engine_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilecat.api import opened

    loaded = []
    real = opened.open_lane
    monkeypatch.setattr(opened, "open_lane", lambda *a: loaded.append(a[2].name) or real(*a))
    bundle = mc.open(mc.export(tiny, tmp_path / "bundle"))
    for seed in (1, 2, 3):
        bundle.run(noise(seed))
    assert loaded == ["source", "onnx:tiny.onnx"]


def test_a_source_that_has_moved_is_told_once(tiny: Path, tmp_path: Path) -> None:
    made = mc.export(tiny, tmp_path / "bundle", source=save_yunet_like(tmp_path / "here.onnx"))
    (tmp_path / "here.onnx").rename(tmp_path / "there.onnx")
    assert "here.onnx" in mc.run(made, noise())["source"].not_run
    moved = mc.open(made, source=tmp_path / "there.onnx")
    assert moved.run(noise())["source"].not_run == ""
    assert moved.validate(random=1).held
    assert moved.bisect("onnx", noise()).first is None


def test_goldens_of_pictures_without_a_file(tiny: Path, tmp_path: Path) -> None:
    bundle, golden = mc.export(tiny, tmp_path / "bundle"), tmp_path / "golden"
    with pytest.raises(mc.MobileCatError, match="name it"):
        mc.golden.record(bundle, golden, noise())
    for name, seed in (("one", 1), ("two", 2)):
        assert mc.golden.record(bundle, golden, noise(seed), case=name) is not None
    assert [p.case for p in mc.golden.review(bundle, golden)] == ["one", "two"]
    assert len(mc.golden.reject(bundle, golden, ["two"])) == 4
    assert mc.golden.approve(bundle, golden, "one") == [golden / "tiny" / "one" / "approved.json"]
    assert mc.golden.record(bundle, golden, noise(1), case="one") is None, "the same already"
    assert mc.validate(bundle, golden).held
    with pytest.raises(mc.MobileCatError, match="Which case"):
        mc.golden.approve(bundle, golden)


def test_a_raw_bundle_gives_its_tensors(tiny: Path, tmp_path: Path) -> None:
    spec = mc.load_spec(tiny / "mobilecat.toml")
    raw = {"head": type(spec)(name="x", source="x").head, "nms": None}
    found = mc.run(mc.export(spec.model_copy(update=raw), tmp_path / "raw"), noise())
    assert found.first.outputs["cls_8"].shape == (1, 96, 1)
    with pytest.raises(mc.MobileCatError, match="tensors, not detections"):
        _ = found.detections
    network = mc.export(tiny / "tiny.onnx", tmp_path / "network")
    with pytest.raises(mc.MobileCatError, match="takes tensors, not pictures"):
        mc.run(network, noise())


def test_where_nothing_ran_every_reason_is_told(tiny: Path, tmp_path: Path) -> None:
    found = mc.run(_core_ml(tiny, tmp_path), noise(), runner="coreml-native")
    assert len(found) == 1 and found["coreml-native"].not_run
    with pytest.raises(mc.MobileCatError, match="Nothing ran"):
        _ = found.detections
    with pytest.raises(KeyError):
        found["onnx"]


def _core_ml(tiny: Path, tmp_path: Path) -> mc.Exported:
    if sys.platform == "darwin":
        pytest.skip("NOT_RUN: this machine has Core ML")
    text = yunet_like_spec(tiny / "tiny.onnx", '[targets.coreml]\nformat = "mlmodel"\n')
    (tmp_path / "core.toml").write_text(text)
    return mc.export(tmp_path / "core.toml", tmp_path / "core")


def five_times(data: Path, to: Path) -> Path:
    """Copy six labelled cats under five names each: tune writes nothing on fewer than 30."""
    labels = json.loads((data / "labels.json").read_text())
    copied: list[object] = []
    to.mkdir()
    for one in labels["images"]:
        for k in range(5):
            copied.append(one | {"file": f"{k}_{one['file']}"})
            shutil.copy(data / one["file"], to / f"{k}_{one['file']}")
    (to / "labels.json").write_text(json.dumps(labels | {"images": copied}))
    return to


def test_tune_writes_the_best_row_into_the_spec(exported: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cat_faces.toml"
    spec.write_text(DETECTOR.read_text())
    found = mc.tune(
        exported / "cat_faces",
        five_times(PICTURES, tmp_path / "data"),
        scores=[0.6],
        ious=[0.45],
        write=spec,
        cache=tmp_path,
    )
    assert found.best is not None and "+score_threshold = 0.6" in found.diff
    assert mc.load_spec(spec).nms.score_threshold == 0.6


SCRIPT = Path(__file__).with_name("script.py")


def mypy(*paths: Path) -> subprocess.CompletedProcess[str]:
    root = SCRIPT.parents[2]
    command = [sys.executable, "-m", "mypy", "--strict", *map(str, paths)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_a_users_script_is_strictly_typed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import mobilecat as mc\n"
        "mc.run('bundle', 7)\n"
        "mc.open('bundle').validate('golden', randon=1)\n"
        "mc.run('bundle', 'p.png').detections.boxes\n"
    )
    said = mypy(SCRIPT, wrong).stdout  # one run: a second would take as long again
    assert f"{SCRIPT.name}:" not in said, said
    assert [f"wrong.py:{n}: error" in said for n in (2, 3, 4)] == [True] * 3, said
