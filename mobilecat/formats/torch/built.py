"""Sources that are code: a function of Python, and a pickle of a whole model.

Both run once, and only where whoever started us said so; what they build is kept as a file of
torch.export or TorchScript, which is data (`Built.path`), and is all that is opened later on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecat.disk.cache import scratch_file
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.child import Progress, absolute
from mobilecat.formats.torch.named import PYTHON, require_named
from mobilecat.formats.torch.pickles import is_checkpoint
from mobilecat.formats.torch.worker import Worker, require_extra

_MINUTES = 20
CONSENT = 'mobilecat export --trust-python, or mc.export(…, trust=("python",))'


@dataclass(frozen=True)
class Built:
    """path: the network as data, gone when the context ends. notes: what was settled on the way."""

    path: Path
    notes: tuple[str, ...]


def is_code(path: Path, trust: Collection[str] = ()) -> bool:
    """Return whether a source is a function of Python, or a pickle that `trust` lets be opened."""
    return path.name.startswith(PYTHON) or ("pickle" in trust and is_checkpoint(path))


@contextmanager
def built(
    path: Path,
    shapes: Mapping[str, Sequence[int]],
    picture: Sequence[int],
    weights: Path | None,
    trust: Collection[str],
    progress: Progress = lambda _: None,
    consent: str = CONSENT,
) -> Iterator[Built]:
    """Run a source that is code, and give what it builds.

    shapes: of inputs by name; picture: [1,C,H,W], of the first input without one. weights: a file
    of tensors that is loaded into the network. trust: `python` and `pickle`, as the user said.
    consent: how to say so. Errors: ModelError, also where the user did not say so.
    """
    if path.name.startswith(PYTHON):
        require_named(path)
        require_consent(path, trust, consent)
    require_extra(path)
    with scratch_file(".pt2") as out:
        said = {
            "out": str(out.parent),
            "shapes": {k: list(v) for k, v in shapes.items()},
            "picture": list(picture),
            "weights": absolute(weights) if weights else "",
        }
        if path.name.startswith(PYTHON):
            progress(f"running {path.name.removeprefix(PYTHON)}")
            done = _in_python(path, said)
        else:
            progress(f"opening the pickle {path.name}")
            done = _from_pickle(path, said, progress)
        yield Built(out.parent / done["file"], tuple(done["notes"]))


def require_consent(path: Path, trust: Collection[str], consent: str = CONSENT) -> None:
    """Raise ModelError where nobody said that the function that a spec names may be run."""
    if "python" in trust:
        return
    raise ModelError(
        "The source is a Python function",
        [
            Problem(
                "running it runs whatever its author wrote, with your rights: a spec from "
                "somebody else must not do that unasked",
                path.name,
                f"if the code is yours, say so: {consent}",
            )
        ],
    )


def _in_python(path: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Run the user's function in a process of its own, as `python` in the spec's folder would."""
    here = str(Path(__file__).resolve().parents[3])
    folder = str(path.parent.resolve())
    paths = [folder, here, *filter(None, [os.environ.get("PYTHONPATH")])]
    request = json.dumps({**said, "source": path.name.removeprefix(PYTHON)})
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "mobilecat.formats.torch.child.building", request],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=60 * _MINUTES,
        )
    except subprocess.TimeoutExpired as e:
        what = Problem(f"no end in {_MINUTES} minutes", path.name)
        raise ModelError("The network could not be built", [what]) from e
    answer = Path(said["out"]) / "answer.json"
    if not answer.is_file():
        last = [x for x in done.stderr.splitlines() if x.strip()][-1:]
        why = last[0][:300] if last else f"ended with code {done.returncode}"
        raise ModelError("The network could not be built", [Problem(why, path.name)])
    found: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if "error" in found:
        error = found["error"]
        raise ModelError(error["summary"], [Problem(*p) for p in error["problems"]])
    return found


def _from_pickle(path: Path, said: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Open the pickle in the confined child, which can import what is on PYTHONPATH."""
    with Worker(path, progress) as worker:
        inside = {**said, "out": str(worker.folder), "source": absolute(path)}
        done = worker.ask("build", **inside)
        made = worker.folder / done["file"]
        (Path(said["out"]) / done["file"]).write_bytes(made.read_bytes())
    return done
