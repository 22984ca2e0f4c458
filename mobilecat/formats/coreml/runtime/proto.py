"""coremltools' generated protobuf classes, without the second that `import coremltools` costs.

The modules under `coremltools/proto` need nothing but protobuf, but importing them by their own
name runs `coremltools/__init__`. They are imported here under a private package name that points
at the same folder; protobuf hands out one class per message, so both names give equal types.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from functools import cache
from pathlib import Path
from typing import Any

_ALIAS = "_mobilecat_coreml_proto"


@cache
def _module(name: str) -> Any:
    if _ALIAS not in sys.modules:
        spec = importlib.util.find_spec("coremltools")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(
                "coremltools is not installed; the Core ML runtime needs its protobufs"
            )
        package = types.ModuleType(_ALIAS)
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "proto")]
        sys.modules[_ALIAS] = package
    return importlib.import_module(f"{_ALIAS}.{name}")


def model_pb2() -> Any:
    """Return Model_pb2: `Model`, the message in every .mlmodel file."""
    return _module("Model_pb2")


def mil_pb2() -> Any:
    """Return MIL_pb2: `Program` and the values and types in it."""
    return _module("MIL_pb2")


def feature_types_pb2() -> Any:
    """Return FeatureTypes_pb2: the types of a model's inputs and outputs."""
    return _module("FeatureTypes_pb2")


def neural_network_pb2() -> Any:
    """Return NeuralNetwork_pb2: layers and their enums."""
    return _module("NeuralNetwork_pb2")
