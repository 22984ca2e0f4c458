"""pytest plugin: coremltools' own tests, their predictions made by mobilecat.runtime.

Used by run.py. It makes coremltools believe that it runs on a Mac before any conftest is read,
seeds each test by its id, takes out a garbage collection per conversion, and holds half precision
to a strict tolerance. Outcomes go to a JSON file.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import platform
import random
import sys
import time
import types
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.formats.coreml.runtime import stand_in
from mobilecat.runtime import UnsupportedOp

FP16_ATOL = FP16_RTOL = 2e-3  # coremltools allows 0.5 and 0.05: all zeros pass one test in six
_records: dict[str, dict[str, Any]] = {}
_current: dict[str, Any] | None = None
_MACS = ("x86_64", "arm64")  # tests expect to fail on these; this runtime is neither


class CountingProxy(stand_in.ModelProxy):
    """Also notes in the running test's record that it predicted."""

    def predict(self, data: Any, state: Any = None) -> dict[str, Any]:
        if _current is not None:
            _current["predicts"] += 1
        for name, value in data.items():
            if isinstance(value, np.ndarray) and value.dtype not in (
                np.int8,
                np.int32,
                np.float32,
                np.float64,
            ):
                raise RuntimeError(f"Unsupported array type: {value.dtype} for input {name}")
        return super().predict(data, state)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--records", required=True, help="write one record per test here, as JSON")
    group.addoption("--sample", default=1, type=int, help="keep 1 test in N, by a hash of its id")
    group.addoption("--backend", default="", help="mlprogram or neuralnetwork: only these tests")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before any conftest: coremltools' own import coremltools and look where they run."""
    machine = platform.machine

    def pretended() -> str:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        return "reference" if caller.startswith("coremltools.") else machine()

    platform.machine = pretended
    warnings.filterwarnings("ignore")
    if importlib.util.find_spec("torchvision") is None:
        # named at the head of the quantisation tests, used by few: those fail before they predict
        for name in ("torchvision", "torchvision.datasets", "torchvision.transforms"):
            sys.modules[name] = types.ModuleType(name)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, sys.modules[name])
    stand_in.ModelProxy = CountingProxy  # type: ignore[misc]
    stand_in.install(threads=1)
    for name, module in list(sys.modules.items()):
        if name.startswith("coremltools") and hasattr(module, "_IS_MACOS"):
            module._IS_MACOS = True


def pytest_configure() -> None:
    import coremltools.converters._converters_entry as entry

    entry.gc = types.SimpleNamespace(collect=lambda *_: 0)  # more than half of a test's time
    gc.freeze()
    _be_strict()


def _be_strict() -> None:
    import coremltools.converters.mil.testing_utils as utils

    original = utils.compare_backend

    def compare_backend(
        mlmodel: Any,
        input_key_values: Any,
        expected_outputs: Any,
        dtype: str = "fp32",
        **tolerances: Any,
    ) -> Any:
        if dtype == "fp16" or _has_halves(mlmodel.get_spec()):
            dtype = "fp32"  # coremltools would widen the bounds again
            tolerances["atol"] = max(tolerances.get("atol", 0), FP16_ATOL)
            tolerances["rtol"] = max(tolerances.get("rtol", 0), FP16_RTOL)
        return original(mlmodel, input_key_values, expected_outputs, dtype=dtype, **tolerances)

    utils.compare_backend = compare_backend


def _has_halves(spec: Any) -> bool:
    if spec.WhichOneof("Type") != "mlProgram":
        return False
    float16 = 10
    return any(
        o.type.tensorType.dataType == float16
        for f in spec.mlProgram.functions.values()
        for block in f.block_specializations.values()
        for op in block.operations
        if op.type != "cast"
        for o in op.outputs
    )


def short_id(item: pytest.Item) -> str:
    """Return the test's id from `coremltools/` on: the same on every machine."""
    return item.nodeid.split("coremltools/")[-1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for name, module in list(sys.modules.items()):
        if name.endswith("optimize.torch.conversion.conversion_utils"):
            # it compares no predictions where sys.platform is "linux"
            module.sys = types.SimpleNamespace(platform="darwin")  # type: ignore[attr-defined]
    every, backend = config.getoption("--sample"), config.getoption("--backend")
    keep = [
        i
        for i in items
        if zlib.crc32(short_id(i).encode()) % every == 0
        and (not backend or _backend(i) in ("", backend))
        and not _is_slow(i)
    ]
    config.hook.pytest_deselected(items=[i for i in items if i not in set(keep)])
    items[:] = keep


def _is_slow(item: pytest.Item) -> bool:
    """Minutes a test, of the test's own; and the twins for a GPU, which compute the same here."""
    name = item.name
    return "test_numpy_nn_layers" in item.nodeid and (
        name.startswith(("test_random", "test_categorical"))
        or name.endswith(("_gpu", "_slow", "_stress"))
    )


def _backend(item: pytest.Item) -> str:
    params = getattr(getattr(item, "callspec", None), "params", {})
    found = params.get("backend") or params.get("backends")
    return str(getattr(found, "backend", found[0] if isinstance(found, tuple) else found or ""))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Seed by the id: the tests draw from a global state that depends on what ran before."""
    global _current
    seed = zlib.crc32(short_id(item).encode())
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    _current = _record(item)
    try:
        return (yield)
    finally:
        _current = None


def _record(item: pytest.Item) -> dict[str, Any]:
    blank = {
        "file": short_id(item).split("::")[0],
        "backend": _backend(item),
        "predicts": 0,
        "outcome": "",
        "why": "",
    }
    return _records.setdefault(short_id(item), blank)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: Any = yield
    record = _record(item)
    if call.when == "call" or report.outcome != "passed":
        record["outcome"], record["why"] = _outcome(report, call, record["predicts"])
        record["seconds"] = round(report.duration, 3)
    return report


def _outcome(report: Any, call: pytest.CallInfo[None], predicts: int) -> tuple[str, str]:
    if hasattr(report, "wasxfail"):
        return ("xfailed" if report.skipped else "xpassed"), ""
    if report.outcome == "passed":
        return ("passed" if predicts else "passed without predicting"), ""
    error = call.excinfo.value if call.excinfo else None
    if report.outcome == "skipped":
        return "skipped", str(error)[:120]
    chain, seen = error, []
    while chain is not None and len(seen) < 8:
        seen.append(chain)
        chain = chain.__cause__ or chain.__context__
    refusal = next((e for e in seen if isinstance(e, UnsupportedOp)), None)
    why = f"{type(refusal or error).__name__}: {' '.join(str(refusal or error).split())[:300]}"
    if refusal is not None:
        return "refused", why
    return ("mismatched" if isinstance(error, AssertionError) else "error"), why


def pytest_sessionfinish(session: pytest.Session) -> None:
    with contextlib.suppress(ValueError):
        target = Path(session.config.getoption("--records"))
        data = {"written": time.time(), "records": _records}
        target.write_text(json.dumps(data))
