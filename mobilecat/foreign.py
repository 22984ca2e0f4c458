"""What other tools say when something fails, in our words: never passed on unread."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mobilecat.errors import Problem


def problem_from_onnx(error: Exception | str) -> Problem:
    """Turn onnx's `… (op_type:Conv, node name: c1): [ShapeInferenceError] why` into a Problem."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    found = re.search(r"op_type:\s*(\w+),\s*node name:\s*([^)]*)\)", text)
    node = f"{found[1]} {found[2].strip()!r}" if found else ""
    if not node and (ctx := re.search(r"OpType: (\w+).*?(?:Name|name): ?(\S+)", text)):
        node = f"{ctx[1]} {ctx[2]!r}"
    reasons = re.split(r"\[(?:Shape|Type)InferenceError\]|==> Context:", text)
    reason = (reasons[0] if "==> Context:" in text else reasons[-1]).strip(" :.")
    return Problem(reason or text, node)


# Advice that these tools give is for their own users: their flags and arguments are not ours.
_ADVICE = re.compile(
    r"\b(?:please|consider|try|use|set|pass|run|see|install|make sure|you (?:can|may|should)|"
    r"if you|to (?:load|enable|disable|fix|use|do this)|refer to|for more)\b",
    re.I,
)
_THEIR_OWN = re.compile(r"(?<![\w-])--\w|`?\b\w+=(?:True|False|None)\b|https?://")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+(?=[A-Z`'(])")
_LONGEST = 300


def facts(text: str) -> str:
    """Return what a tool's message says of the matter, without its advice; all where only advice
    is left."""
    sentences = _SENTENCES.split(" ".join(text.split()))
    kept = [s for s in sentences if not _ADVICE.match(s) and not _THEIR_OWN.search(s)]
    return " ".join(kept or sentences[:1]).strip().rstrip(".")[:_LONGEST]


def problem_from_tf2onnx(text: str, where: str = "") -> Problem:
    """Turn `make_sure failure: why. Use the --its_own flag …` into a Problem."""
    fix = "name outputs before it: import.outputs, or build the model without it"
    return Problem(f"tf2onnx: {facts(text.removeprefix('make_sure failure: '))}", where, fix)


def problem_from_coremltools(error: Exception, where: str) -> Problem:
    """Turn whatever coremltools' checks and backends raise into a Problem."""
    first = next((x for x in str(error).splitlines() if x.strip()), repr(error))
    return Problem(f"coremltools refuses it: {facts(first)}", where)


_LITERT_OPERATOR = re.compile(r"\.?\s*Node number (\d+) \((\w+)\) failed to (\w+)\.?")


def problem_from_litert(error: Exception, where: str) -> Problem:
    """Turn `why.Node number 2 (FLOOR_DIV) failed to prepare.` into a Problem."""
    text = " ".join(str(error).split())
    if found := _LITERT_OPERATOR.search(text):
        text = text[: found.start()]
        where = f"{where}: operator {found[1]}, {found[2]}"
    return Problem(f"LiteRT: {facts(text) or 'no reason given'}", where)


def quiet_onnxruntime() -> Any:
    """Return onnxruntime, whose own logger writes to the terminal what it raises or only thinks."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


ENGINE_THREADS = "MOBILECAT_ENGINE_THREADS"
"""Threads that an engine opened from here on may take, where several processes share the cores:
their engines would wait for each other in busy loops. Unset: as many as the engine likes."""


def engine_threads() -> int | None:
    """Return how many threads an engine that is opened now may take; None: as many as it likes."""
    said = os.environ.get(ENGINE_THREADS, "")
    return int(said) if re.fullmatch(r"[1-9][0-9]{0,3}", said) else _THREADS.get()


_THREADS: ContextVar[int | None] = ContextVar("threads", default=None)


@contextmanager
def engines_of(threads: int | None) -> Iterator[None]:
    """Open engines within that take so many threads each; what the environment says goes first.

    Several that run at the same time share the cores. Threads of one that wait for each other in
    busy loops, and go on to when its run is over, take the core of another: with two engines on two
    cores, YuNet took twice the CPU time.
    """
    token = _THREADS.set(threads)
    try:
        yield
    finally:
        _THREADS.reset(token)


_SPINS: ContextVar[bool] = ContextVar("spins", default=True)


@contextmanager
def resting_threads() -> Iterator[None]:
    """Let onnxruntime sessions that are made within be such as run once or twice.

    Threads wait by computing nothing as fast as they can, which makes a session that runs again and
    again faster, and doubles the CPU time of one that runs once. So it is with weights laid out
    anew, and memory kept from one run to the next, as much as the weights again and more.
    https://onnxruntime.ai/docs/performance/tune-performance/threading.html#thread-spinning-behavior
    """
    token = _SPINS.set(False)
    try:
        yield
    finally:
        _SPINS.reset(token)


def session_options() -> Any:
    """Return onnxruntime's options of a session that says nothing but by its errors."""
    ort = quiet_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    if not _SPINS.get():
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.disable_prepacking", "1")
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
    return options


def give_back_memory(weights: int) -> None:
    """Give what a large network left behind back to the system: engines that nobody holds any more,
    and what the C library keeps between blocks in use. It takes a tenth of a second.

    weights: bytes of the network's; nothing is done for a small one.
    https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    if sys.platform != "linux" or weights < _MUCH:
        return
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


_MUCH = 64 << 20


_ORT_NODES = (
    re.compile(r"running (\w+) node\. Name:\s*'([^']*)'"),
    re.compile(r"\(op_type:\s*(\w+), node name:\s*([^)]*)\)"),
)
_ORT_ODD_NODE = re.compile(r'In Node, \("([^"]*)", (\w+),')
_ORT_CODE = re.compile(r"\S+\.(?:h|cc|hpp):\d+ (?:.*?\)(?: const)?(?: \[with [^\]]*\])? )?")
_ORT_HEAD = re.compile(r"^.*\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")


def problem_from_onnxruntime(text: str, where: str = "") -> Problem:
    """Turn `[ONNXRuntimeError] : 1 : FAIL : … Status Message: /….h:314 F(…) why` into a Problem."""
    text = " ".join(text.split())
    for pattern in () if where else _ORT_NODES:
        if found := pattern.search(text):
            where = f"{found[1]} {found[2].strip()!r}"
    if not where and (odd := _ORT_ODD_NODE.search(text)):
        where = f"{odd[2]} {odd[1]!r}"
    said = _ORT_HEAD.sub("", text).rpartition("Status Message: ")[2]
    said = _ORT_CODE.sub("", said).strip()
    return Problem(f"onnxruntime: {facts(said or text)}", where)
