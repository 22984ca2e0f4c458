"""PyTorch files in, and what they may not do: the whole way, child process and cache."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.bundle.cascade import open_any
from mobilecat.errors import MobileCatError, ModelError
from mobilecat.formats.importing import Source, dims_of, format_of, import_model, open_reference
from mobilecat.lanes.base import lanes_of, open_lane
from tests.formats.importing.torch_files import (
    INPUT,
    Marks,
    needs_torch,
    network,
    rewritten,
    save_pt2,
    save_traced,
    with_json,
)

pytestmark = needs_torch


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pt2(tmp_path_factory.mktemp("torch") / "net.pt2")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_traced(tmp_path_factory.mktemp("torch") / "net.pt")


def expected(feed: np.ndarray) -> dict[str, np.ndarray]:
    import torch

    with torch.no_grad():
        return {k: v.numpy() for k, v in network().eval()(torch.from_numpy(feed)).items()}


def off(path: Path, shapes: dict[str, tuple[int, ...]] | None = None, **more: Any) -> float:
    """Return how far any artifact is from torch, run here, in any output."""
    out = path.parent / "bundle"
    mc.export(path, out, shapes=shapes, **more)
    bundle = open_any(out)
    feed = np.random.default_rng(1).normal(size=INPUT).astype(np.float32)
    wanted, found = expected(feed), []
    for lane in lanes_of(bundle, slow=False):
        if not lane.apples:
            given = open_lane(out, bundle, lane).infer({"photo": feed})
            assert set(given) == set(wanted)
            found += [float(np.abs(given[n] - w).max()) for n, w in wanted.items()]
    assert len(found) == 2 * (1 + len(bundle.artifacts))
    return max(found)


def test_a_program_to_every_target(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(program.read_bytes())
    assert off(path) < 1e-5
    assert path.read_bytes() == program.read_bytes()


def test_torchscript_to_every_target(script: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(script.read_bytes())
    with pytest.raises(ModelError, match="does not say the shapes"):
        import_model(path, {})
    assert off(path, {"photo": INPUT}) < 1e-5


def test_modules_name_nodes_and_batch_norm_is_folded(program: Path) -> None:
    model = import_model(program, {})
    names = {n.name: n.op_type for n in model.graph}
    assert "BatchNormalization" not in names.values()
    assert any((n or "").startswith("stem.") and op == "Conv" for n, op in names.items()), names
    assert "head/Gemm" in names
    assert {v.name for v in model.graph.outputs} == {"logits", "maps"}
    assert [v.name for v in model.graph.inputs] == ["photo"]


def test_training_mode_is_put_to_eval_and_said(tmp_path: Path) -> None:
    path = save_pt2(tmp_path / "net.pt2", network())
    found = mc.inspect(path)
    assert any("training mode (batch_norm, dropout)" in note for note in found.lints)
    assert off(path) < 1e-5


def test_a_size_left_open_is_dynamic(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.pt2"
    rows = torch.export.Dim("rows", min=8, max=64)
    program = torch.export.export(
        network().eval(), (torch.rand(INPUT),), dynamic_shapes=({2: rows},)
    )
    torch.export.save(program, path)
    assert dims_of(path)["photo"] == (1, 3, None, 16)


def test_the_source_engine_is_torch(program: Path) -> None:
    feed = np.random.default_rng(2).normal(size=INPUT).astype(np.float32)
    opened = open_reference(Source(program, "torch-export"), {"photo": INPUT})
    assert opened.engine == "PyTorch"
    given = opened.network.run({"photo": feed})
    for name, value in expected(feed).items():
        assert np.abs(given[name] - value).max() < 1e-6


NET = """
import torch

class Branches(torch.nn.Module):
    def forward(self, photo):
        if photo.sum() > 0:
            photo = photo * 2
        return photo.sigmoid()

def branches():
    return Branches(), (torch.zeros(1, 3, 16, 16),)

def build():
    from tests.formats.importing.torch_files import network
    return network()

def fails():
    raise KeyError("weights are not here")

open({marker!r}, "w").close()
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a spec whose source is a function beside it."""
    monkeypatch.setenv("PYTHONPATH", _path())

    def made(function: str, more: str = "") -> Path:
        (tmp_path / "my_net.py").write_text(NET.format(marker=str(tmp_path / "marker")))
        text = f'source = "python:my_net:{function}"\n{more}\n[shapes]\nphoto = [1, 3, 16, 16]\n'
        path = tmp_path / "mobilecat.toml"
        path.write_text(text + "[targets.onnx]\n[targets.tflite]\n")
        return path

    return made


def _path() -> str:
    import os
    import sys

    here = str(Path(__file__).resolve().parents[3])
    packages = str(Path(sys.modules["torch"].__file__ or "").parents[1]) if _torch() else ""
    return os.pathsep.join(p for p in (here, packages) if p)


def _torch() -> bool:
    import torch

    return bool(torch.__version__)


def test_a_function_runs_only_where_the_user_says_so(spec: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--trust-python"):
        mc.export(spec("build"), tmp_path / "bundle")
    assert not (tmp_path / "marker").exists()


def test_init_of_a_function_writes_a_spec_that_names_it(spec: Any, tmp_path: Path) -> None:
    spec("build")  # leaves my_net.py; init writes a spec of its own
    out = tmp_path / "mobilecat.toml"
    found = mc.init("python:my_net:build", out, replace=True, trust=("python",), size=(16, 16))
    assert (found.spec.source, found.spec.name) == ("python:my_net:build", "build")
    assert found.spec.input is not None and found.spec.input.size == (16, 16)
    assert mc.load_spec(out) == found.spec


def test_init_of_torchscript_asks_for_its_size(tmp_path: Path) -> None:
    path = save_traced(tmp_path / "net.pt")
    with pytest.raises(ModelError, match="--size 224x224"):
        mc.init(path)
    found = mc.init(path, size=(16, 16))
    assert found.spec.input is not None and found.spec.input.size == (16, 16)


def test_a_function_of_python(spec: Any, tmp_path: Path) -> None:
    import torch

    weights = network()
    torch.nn.init.ones_(weights.head.weight)
    torch.save({"state_dict": weights.state_dict()}, tmp_path / "w.pt")
    done = mc.export(
        spec("build", '[import]\nweights = "w.pt"'), tmp_path / "bundle", trust=("python",)
    )
    assert (tmp_path / "marker").exists()
    assert any("put to eval mode" in n for n in done.notes)
    assert any("taken from 'state_dict'" in n for n in done.notes)
    (tmp_path / "my_net.py").unlink()  # what follows runs no code of the user's
    bundle = open_any(tmp_path / "bundle")
    feed = np.random.default_rng(3).normal(size=INPUT).astype(np.float32)
    with torch.no_grad():
        wanted = weights.eval()(torch.from_numpy(feed))["logits"].numpy()
    for lane in lanes_of(bundle):
        given = open_lane(tmp_path / "bundle", bundle, lane).infer({"photo": feed})
        assert np.abs(given["logits"] - wanted).max() < 1e-5


@pytest.mark.parametrize(
    ("function", "said"),
    {
        "branches": r"my_net\.py:6: control flow that depends on data",
        "fails": r"my_net\.py:18: KeyError: 'weights are not here'",
        "nothing": "my_net.py has no function 'nothing'",
    }.items(),
)
def test_a_function_that_gives_no_graph(
    function: str, said: str, spec: Any, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=said):
        mc.export(spec(function), tmp_path / "bundle", trust=("python",))
    assert not (tmp_path / "bundle").exists()


def test_weights_of_another_network(spec: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    held = {k: v for k, v in network().state_dict().items() if k != "head.bias"}
    save_file({**held, "tail": held["head.weight"].clone()}, tmp_path / "w.safetensors")
    path = spec("build", '[import]\nweights = "w.safetensors"')
    with pytest.raises(ModelError) as caught:
        mc.export(path, tmp_path / "bundle", trust=("python",))
    text = str(caught.value)
    assert "head.bias: the network has it" in text and "tail: the file has it" in text


# --- pickles, and other code ---------------------------------------------------------------------


def test_a_pickle_never_runs(tmp_path: Path) -> None:
    import torch

    marker = tmp_path / "marker"
    path = tmp_path / "model.pt"
    torch.save({"model": Marks(marker)}, path)
    for tried in (lambda: mc.export(path, tmp_path / "b"), lambda: mc.inspect(path)):
        with pytest.raises(MobileCatError, match="a pickle of a whole model: opening it runs code"):
            tried()
    assert not marker.exists()
    torch.load(path, weights_only=False)  # it would have
    assert marker.exists()


def test_a_pickle_is_opened_where_init_and_export_are_told_to(tmp_path: Path) -> None:
    import torch

    path, spec = tmp_path / "whole.pt", tmp_path / "mobilecat.toml"
    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 7)
    torch.save(torch.nn.Sequential(*layers), path)
    with pytest.raises(MobileCatError, match="give --trust-pickle to init") as caught:
        mc.init(path, spec, size=(8, 8))
    assert "In Python --trust-pickle is trust=…" in str(caught.value)
    found = mc.init(path, spec, size=(8, 8), trust=("pickle",))
    assert (found.spec.source, found.spec.name) == ("whole.pt", "whole")
    assert found.spec.head.kind == "classify"
    with pytest.raises(MobileCatError, match="a pickle of a whole model"):
        mc.export(spec, tmp_path / "bundle")
    assert mc.export(spec, tmp_path / "bundle", trust=("pickle",)).bundle.outputs


@pytest.mark.parametrize("kind", ["pt2", "pt"])
def test_a_pooling_whose_windows_differ_is_in_every_target(kind: str, tmp_path: Path) -> None:
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.AdaptiveAvgPool2d((2, 3)))
    photo = torch.rand(1, 3, 7, 5, generator=torch.Generator().manual_seed(1))
    path, shapes = tmp_path / f"net.{kind}", {}
    if kind == "pt":
        torch.jit.save(torch.jit.trace(net.eval(), photo), path)
        shapes = {"input": tuple(photo.shape)}
    else:
        torch.export.save(torch.export.export(net.eval(), (photo,)), path)
    made = mc.export(path, tmp_path / "bundle", shapes=shapes)
    assert {a.format for a in made.bundle.artifacts} >= {"mlpackage", "mlmodel", "tflite", "onnx"}
    with torch.no_grad():
        wanted = net(photo).numpy()
    for lane in lanes_of(made.bundle, slow=False):
        if not lane.apples:
            name = made.bundle.inputs[0].name
            given = open_lane(made.folder, made.bundle, lane).infer({name: photo.numpy()})
            np.testing.assert_allclose(next(iter(given.values())), wanted, rtol=0, atol=1e-5)


def test_weights_alone_are_told_what_is_missing(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "model.pth"
    torch.save(network().state_dict(), path)
    with pytest.raises(ModelError, match=r"weights without a network .* is missing") as caught:
        format_of(path)
    assert "mobilecat init python:my_net:build --trust-python" in str(caught.value)


def _poison(program: Any, text: str) -> None:
    values = program["graph_module"]["graph"]["tensor_values"]
    values["photo"]["sizes"][2] = {"as_expr": {"expr_str": text, "hint": None}}


def _target(program: Any, target: str) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = target


def _structure(program: Any, kind: str, context: str) -> None:
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    signature["out_spec"] = f'[1, {{"type": "{kind}", "context": {context}, "children_spec": []}}]'


ENUM = '"{\\"__enum__\\": true, \\"fqn\\": \\"antigravity:x\\", \\"name\\": \\"x\\"}"'
HOSTILE: dict[str, tuple[Callable[[Any], None], str]] = {
    "an expression that runs": (
        lambda p: _poison(p, "__import__('os').system('touch marker')"),
        "a size that is no sum",
    ),
    "an expression that looks around": (
        lambda p: _poison(p, "Symbol('s0').__class__"),
        "a size that is no sum",
    ),
    "a symbol that is none": (lambda p: _poison(p, "Symbol('open')"), "a size that is no sum"),
    "an operator that maps a file": (
        lambda p: _target(p, "torch.ops.aten.from_file.default"),
        "torch.ops.aten.from_file.default is not one that may be run",
    ),
    "a function of torch": (lambda p: _target(p, "torch.load"), "torch.load is not one"),
    "another module": (lambda p: _target(p, "torch.os.system"), "torch.os.system is not one"),
    "an extension": (lambda p: _target(p, "#hidden:op"), "#hidden:op is not one"),
    "a type that imports": (
        lambda p: _structure(p, "collections.defaultdict", '"{}"'),
        "collections.defaultdict in the structure of its outputs",
    ),
    "a context that imports": (lambda p: _structure(p, "builtins.dict", ENUM), "more than keys"),
    "an object of a class": (
        lambda p: p["graph_module"]["graph"]["custom_obj_values"].update(x={"class_fqn": "a"}),
        "objects of classes of its own",
    ),
    "damage": (lambda p: p.pop("graph_module"), "is damaged"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_a_program_may_not_hold(case: str, program: Path, tmp_path: Path) -> None:
    from mobilecat.formats.torch.child.pt2 import write_clean

    change, said = HOSTILE[case]
    path = rewritten(program, tmp_path / "bad.pt2", "models/model.json", with_json(change))
    with pytest.raises(ModelError, match=said.replace(".", r"\.")):
        write_clean(path, tmp_path / "clean.pt2")


def test_guards_and_examples_of_a_program_are_left_out(program: Path, tmp_path: Path) -> None:
    from mobilecat.formats.torch.child.pt2 import write_clean

    marker = tmp_path / "marker"

    def guards(p: Any) -> None:
        p["guards_code"] = [f"open({str(marker)!r}, 'w')"]

    half = rewritten(program, tmp_path / "half.pt2", "models/model.json", with_json(guards))
    held = io.BytesIO()
    pickle.dump(Marks(marker), held)
    bad = rewritten(half, tmp_path / "bad.pt2", "sample_inputs/model.pt", lambda _: held.getvalue())
    write_clean(bad, tmp_path / "clean.pt2")
    with zipfile.ZipFile(tmp_path / "clean.pt2") as clean:
        texts = {n: clean.read(n) for n in clean.namelist()}
    assert b"marker" not in b"".join(texts.values())
    assert import_model(bad, {}).graph.inputs[0].name == "photo"
    assert not marker.exists()


def test_a_pickled_weight_is_refused(program: Path, tmp_path: Path) -> None:
    def pickled(config: Any) -> None:
        config["config"]["head.weight"]["use_pickle"] = True

    path = rewritten(program, tmp_path / "bad.pt2", "model_weights_config.json", with_json(pickled))
    with pytest.raises(ModelError, match=r"head\.weight.*a pickle runs code"):
        import_model(path, {})


CODE = {
    "a word of torch": 'torch.save(photo, "x")',
    "an operator by its namespace": 'ops.aten.from_file("x", True, 4)',
    "a method": '(photo).save("x")',
    "a method by another name": "(photo).__class__.mro()",
    "a name": 'open("x")',
    "a word for later": "torch.save",
}


@pytest.mark.parametrize("case", CODE)
def test_what_torchscript_may_not_say(case: str, script: Path, tmp_path: Path) -> None:
    from mobilecat.formats.torch.child.script_check import check_script

    def change(data: bytes) -> bytes:
        lines = data.decode().splitlines()
        at = next(i for i, x in enumerate(lines) if "def forward" in x)
        at = next(i for i in range(at, len(lines)) if lines[i].rstrip().endswith(":")) + 1
        return "\n".join([*lines[:at], f"    _x = {CODE[case]}", *lines[at:]]).encode()

    check_script(script)
    path = rewritten(script, tmp_path / "bad.pt", "torch_files.py", change)
    with pytest.raises(ModelError, match="is not one that may be run"):
        check_script(path)
