"""What the PyTorch tests share: small networks, files of them, and files tampered with."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mobilecat.formats.torch.worker import EXTRA

needs_torch = pytest.mark.skipif(
    any(find_spec(name) is None for name in EXTRA),
    reason="NOT_RUN: the extra `torch` is not installed: make test-torch",
)
INPUT = (1, 3, 16, 16)


def network() -> Any:
    """Return a stem of convolution, batch norm and dropout, and two heads; in training mode."""
    import torch

    class Stem(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 6, 3, 2, 1)
            self.bn = torch.nn.BatchNorm2d(6)
            self.drop = torch.nn.Dropout(0.5)

        def forward(self, x: Any) -> Any:
            return self.drop(torch.relu(self.bn(self.conv(x))))

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = Stem()
            self.head = torch.nn.Linear(6, 4)

        def forward(self, photo: Any) -> Any:
            features = self.stem(photo)
            return {"logits": self.head(features.mean((2, 3))), "maps": features + 1}

    torch.manual_seed(0)
    made = Network()
    made.stem.bn.running_mean += torch.rand(6)
    made.stem.bn.running_var += torch.rand(6)
    return made


def save_pt2(path: Path, module: Any = None, shape: tuple[int, ...] = INPUT) -> Path:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module or network().eval(), (torch.rand(shape),))
        torch.export.save(program, path)
    return path


def save_traced(path: Path, module: Any = None) -> Path:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module or network().eval(), torch.rand(INPUT), strict=False)
        torch.jit.save(traced, path)
    return path


def rewritten(source: Path, path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """Copy an archive with the part whose name ends with `part` changed."""
    done = False
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(path, "w") as made:
        for info in archive.infolist():
            data = archive.read(info)
            if info.filename.endswith(part):
                data, done = change(data), True
            made.writestr(info.filename, data)
    assert done, f"{source} has no {part}"
    return path


def with_json(change: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return json.dumps(value).encode()

    return changed


class Marks:
    """A pickle of this writes a file when it is opened."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (exec, (f"open({str(self.marker)!r}, 'w').close()",))
