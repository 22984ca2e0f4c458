"""A module in memory → a file of torch.export, else of TorchScript: network code runs here, once.

`python -m mobilecat.formats.torch.child.building REQUEST` runs a user's function, with the user's
rights, and writes `answer.json`; a pickle goes through the confined child.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.torch.child.reason import code_line, reason
from mobilecat.formats.torch.child.script import SHAPES

_NESTED = ("state_dict", "model_state_dict", "model", "ema", "net")


def from_python(source: str, **said: Any) -> dict[str, Any]:
    """Call `package.module:function` and write what it returns: a module, or (module, examples)."""
    import torch

    name, _, function = source.partition(":")
    try:
        found = importlib.import_module(name)
        if (build := getattr(found, function, None)) is None:
            close = difflib.get_close_matches(function, [n for n in dir(found) if n[0] != "_"], n=1)
            fix = f"did you mean python:{name}:{close[0]}?" if close else ""
            missing = Problem(f"module {name!r} has no {function!r}", f"python:{source}", fix)
            raise ModelError("The Python source is not there", [missing])
        made = build()
    except ModelError:
        raise
    except Exception as e:
        raise _own_error(e, source) from e
    module, examples = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, torch.nn.Module):
        what = f"it returned a {type(module).__name__}"
        fix = "return a torch.nn.Module, or (module, example inputs)"
        raise ModelError("The function gives no network", [Problem(what, source, fix)])
    return write(module, examples, **said)


def from_pickle(source: str, **said: Any) -> dict[str, Any]:
    """Open a pickle of a whole model, which runs what it says, and write the network."""
    import torch

    path = Path(source)
    try:
        held = torch.load(path, map_location="cpu", weights_only=False)
    except (ImportError, AttributeError) as e:
        fix = "put the folder of the model's code on PYTHONPATH"
        what = f"its code cannot be imported: {reason(e)}"
        raise ModelError(f"{path.name} cannot be opened", [Problem(what, "", fix)]) from e
    except Exception as e:
        raise ModelError(f"{path.name} cannot be opened", [Problem(reason(e))]) from e
    for key in ("ema", "model", "net"):
        if isinstance(held, Mapping) and isinstance(held.get(key), torch.nn.Module):
            held = held[key]
    if not isinstance(held, torch.nn.Module):
        what = f"it holds a {type(held).__name__}, and no network"
        raise ModelError(f"{path.name} cannot be compiled", [Problem(what)])
    return write(held.float(), None, **said)


def write(
    module: Any,
    examples: Any,
    out: str,
    shapes: Mapping[str, Sequence[int]],
    picture: Sequence[int],
    weights: str,
) -> dict[str, Any]:
    """Write a module into the folder `out`, as source.pt2 or source.pt; say which, and notes."""
    import torch

    notes = list(_load(module, Path(weights)) if weights else ())
    trained = [n or "itself" for n, m in module.named_modules() if m.training]
    if trained:
        notes.append(f"the network was in training mode ({len(trained)} modules): put to eval mode")
    module.eval()
    names, given = _inputs(module, examples, shapes, picture)
    try:
        with torch.no_grad():
            program = torch.export.export(module, given)
        torch.export.save(program, Path(out) / "source.pt2")
        return {"file": "source.pt2", "notes": notes}
    except Exception as e:
        if _depends_on_data(e):
            where = code_line("".join(traceback.format_exception(e)))
            raise _control_flow([where]) from e
        first = reason(e)
    path = Path(out) / "source.pt"
    with warnings.catch_warnings(record=True) as heard, torch.no_grad():
        warnings.simplefilter("always")
        try:
            traced = torch.jit.trace(module, given, strict=False, check_trace=False)
        except Exception as e:
            problems = [Problem(f"by torch.export: {first}"), Problem(f"by tracing: {reason(e)}")]
            raise ModelError("torch cannot export the network", problems) from e
    taken = [w for w in heard if issubclass(w.category, torch.jit.TracerWarning)]
    branches = [f"{w.filename}:{w.lineno}" for w in taken if "Python boolean" in str(w.message)]
    if branches:
        raise _control_flow(list(dict.fromkeys(branches)))
    sizes = {n: list(t.shape) for n, t in zip(names, given, strict=True)}
    torch.jit.save(traced, path, _extra_files={SHAPES: json.dumps(sizes)})
    notes.append(f"torch.export cannot take the network ({first}): traced instead")
    return {"file": path.name, "notes": notes}


def _depends_on_data(error: Exception) -> bool:
    text = f"{type(error).__name__} {error}".lower()
    return "data-dependent" in text or "datadependent" in text or "dynamic control flow" in text


def _control_flow(places: Sequence[str]) -> ModelError:
    fix = "compute both branches and choose with torch.where, or leave that part out"
    problems = [Problem("control flow that depends on data", where, fix) for where in places]
    return ModelError("The network cannot be exported", problems)


def _inputs(
    module: Any, examples: Any, shapes: Mapping[str, Sequence[int]], picture: Sequence[int]
) -> tuple[list[str], tuple[Any, ...]]:
    """Return the names and examples of the inputs: those given, else zeros of the spec's shapes."""
    import torch

    parameters = inspect.signature(module.forward).parameters.values()
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if examples is not None:
        given = (examples,) if isinstance(examples, torch.Tensor) else tuple(examples)
        return names[: len(given)], given
    needed = [p.name for p in parameters if p.default is p.empty and p.name in names]
    sizes = {n: list(shapes[n]) for n in needed if n in shapes}
    if needed and needed[0] not in sizes and picture:
        sizes[needed[0]] = list(picture)
    if missing := [n for n in needed if n not in sizes]:
        fix = (
            "say it: init --size 224x224, export --shape NAME=1,3,224,224, or input.size in the "
            "spec; or return (module, (example,))"
        )
        problems = [Problem("its shape is not known", f"input {n!r}", fix) for n in missing]
        raise ModelError("The network's inputs are not known", problems)
    return needed, tuple(torch.zeros(sizes[n]) for n in needed)


def _load(module: Any, path: Path) -> Sequence[str]:
    """Load a file of tensors into the module. Errors: ModelError with what does not fit."""
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            held: Any = load_file(path)
        else:
            held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:
        fix = "save the tensors alone: torch.save(model.state_dict(), 'weights.pt')"
        raise ModelError("The weights cannot be read", [Problem(reason(e), path.name, fix)]) from e
    notes = []
    for key in _NESTED:
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
            notes.append(f"weights: taken from {key!r} of {path.name}")
            break
    found = module.load_state_dict(dict(held), strict=False)
    missing = [k for k in found.missing_keys if not k.endswith("num_batches_tracked")]
    problems = [Problem("the network has it, the file does not", k) for k in missing[:10]]
    problems += [
        Problem("the file has it, the network does not", k) for k in found.unexpected_keys[:10]
    ]
    if problems:
        raise ModelError(f"{path.name} is not of this network", problems)
    return notes


def _own_error(error: Exception, source: str) -> ModelError:
    where = code_line("".join(traceback.format_exception(error))) or source
    what = f"{type(error).__name__}: {error}"[:300]
    return ModelError("The function that builds the network failed", [Problem(what, where)])


def main() -> None:
    said = json.loads(sys.argv[1])
    try:
        answer = from_python(**said)
    except ModelError as e:
        problems = [(p.what, p.where, p.fix) for p in e.problems]
        answer = {"error": {"summary": e.summary, "problems": problems}}
    Path(said["out"], "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
