"""Make coremltools' own `MLModel.predict` run on this runtime, on any OS.

coremltools predicts through a binding to Apple's framework, `coremltools.libcoremlpython`, which
its wheels for other systems lack. A stand-in is put in its place, and coremltools is told that it
runs on a recent macOS for as long. Values cross the boundary as they do in the binding: float16
results come out as float32, integers as int32, a scalar as an array of one element.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.errors import MobileCatError
from mobilecat.formats.coreml.runtime.errors import UnsupportedOp
from mobilecat.formats.coreml.runtime.model import CoreMLModel, Precision, load

MACOS = (15, 5)
_BINDING = "coremltools.libcoremlpython"
_USERS = (
    "coremltools.models.model",
    "coremltools.models._compiled_model",
    "coremltools.models.compute_plan",
    "coremltools.models.compute_device",
)
_settings: dict[str, Any] = {"precision": None, "threads": None}
_undo: list[Any] = []


class State:
    """What `MLModel.make_state` hands out."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self.arrays = arrays

    def read_state(self, name: str) -> Any:
        return plain(self.arrays[name])

    def write_state(self, name: str, value: Any) -> None:
        self.arrays[name] = np.asarray(value).astype(self.arrays[name].dtype)


class ModelProxy:
    """Takes the place of the binding's class of the same name; keeps a copy of what it loads.

    A model that cannot be executed loads, and raises when it is asked to predict.
    """

    def __init__(
        self,
        path: str,
        compute_units: str = "ALL",
        function_name: str = "",
        optimization_hints: Any = None,
        asset: Any = None,
    ) -> None:
        source = Path(path)
        if source.suffix == ".mlmodelc":  # made by `compileModel` below
            source = next(iter(sorted(source.iterdir())), source)
        self._source = source
        self._compiled: str | None = None
        self._model: CoreMLModel | None = None
        self._error: MobileCatError | None = None
        try:
            self._model = load(source, function_name=function_name or None, **_settings)
        except MobileCatError as e:
            self._error = e

    def predict(self, data: Mapping[str, Any], state: State | None = None) -> dict[str, Any]:
        """Return the outputs; UnsupportedOp, or RuntimeError as the binding raises it."""
        try:
            if self._model is None:
                raise self._error or RuntimeError("the model was not loaded")
            arrays = state.arrays if state is not None else None
            found = self._model.predict(data, state=arrays)
        except UnsupportedOp:
            raise
        except MobileCatError as e:
            text = "Unable to compute the prediction using ML Program. Error computing NN outputs"
            raise RuntimeError(f"{text}: {e}") from e
        return {name: plain(v) for name, v in found.items()}

    def batchPredict(self, batch: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [self.predict(data) for data in batch]

    def newState(self) -> State:
        if self._model is None:
            raise self._error or RuntimeError("the model was not loaded")
        return State(self._model.new_state())

    def get_compiled_model_path(self) -> str:
        if self._compiled is None:
            self._compiled = self.compileModel(str(self._source))
        return self._compiled

    @staticmethod
    def maximum_supported_specification_version() -> int:
        from mobilecat.formats.coreml.runtime.model import NEWEST_SPEC

        return NEWEST_SPEC

    @staticmethod
    def auto_set_specification_version(spec_bytes: bytes) -> bytes:
        return spec_bytes

    @staticmethod
    def compileModel(path: str) -> str:
        """Return a folder that holds the source: there is nothing to compile here."""
        folder = Path(tempfile.mkdtemp(prefix="mobilecat_")) / "model.mlmodelc"
        folder.mkdir()
        source = Path(path)
        if source.is_dir():
            shutil.copytree(source, folder / source.name)
        else:
            shutil.copy(source, folder / source.name)
        return str(folder)


def plain(value: Any) -> Any:
    """Return a result as the binding does: float16 widened, small integers int32, no scalars."""
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    array = np.asarray(value)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype.kind in "iub" and array.dtype not in (np.int8, np.int32):
        array = array.astype(np.int32)
    return array.reshape(1) if array.ndim == 0 else array


def install(precision: Precision | None = None, threads: int | None = None) -> None:
    """Make coremltools predict on this runtime until `uninstall`."""
    uninstall()
    _settings.update(precision=precision, threads=threads)
    binding = _binding(ModelProxy)
    _replace_item(sys.modules, _BINDING, binding)
    import coremltools.models.utils as utils

    # the functions are imported by name all over coremltools: their code is exchanged instead
    _replace_code(utils._is_macos, _yes)
    _replace_code(getattr(utils._macos_version, "__wrapped__", utils._macos_version), _version)
    clear = getattr(utils._macos_version, "cache_clear", lambda: None)
    clear()
    _undo.append(clear)
    for name in _USERS:
        module = sys.modules.get(name)
        for attribute in vars(binding):
            if module is not None and attribute.startswith("_ML") and hasattr(module, attribute):
                _replace_item(vars(module), attribute, getattr(binding, attribute))


def uninstall() -> None:
    """Undo `install`."""
    while _undo:
        _undo.pop()()


@contextmanager
def coremltools_predict(
    precision: Precision | None = None, threads: int | None = None
) -> Iterator[None]:
    """Within this context, models that coremltools loads predict on this runtime."""
    install(precision, threads)
    try:
        yield
    finally:
        uninstall()


def _binding(proxy: type) -> types.ModuleType:
    module = types.ModuleType(_BINDING)
    attributes = {
        "_MLModelProxy": proxy,
        "_State": State,
        **{
            n: type(n, (), {})
            for n in (
                "_MLCPUComputeDeviceProxy",
                "_MLGPUComputeDeviceProxy",
                "_MLNeuralEngineComputeDeviceProxy",
                "_MLComputePlanProxy",
                "_MLModelAssetProxy",
            )
        },
    }
    vars(module).update(attributes)
    return module


def _yes() -> bool:
    return True


def _version() -> tuple[int, int]:
    return (15, 5)


def _replace_item(mapping: dict[str, Any], key: str, value: Any) -> None:
    had, old = key in mapping, mapping.get(key)

    def undo() -> None:
        if had:
            mapping[key] = old
        else:
            mapping.pop(key, None)

    _undo.append(undo)
    mapping[key] = value


def _replace_code(function: Any, other: Any) -> None:
    old = function.__code__
    _undo.append(lambda: setattr(function, "__code__", old))
    function.__code__ = other.__code__
