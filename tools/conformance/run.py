"""Run coremltools' own tests against mobilecat.runtime and write the table in docs/conformance.md.

    python -m tools.conformance.run [--suite NAME …] [--sample N] [--jobs N] [--records DIR]
                                    [--no-report]

Every suite runs in chunks, one process each, so that a crash costs one chunk and is counted.
TensorFlow and torch are needed for the frontend suites and for two files of op tests; without
them: NOT_RUN.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.conformance.report import write_report

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Suite:
    """Tests in some folders or files of coremltools. `sample`: 1 test in so many.

    without: names of files that are left to another suite.
    environment: switches that coremltools' tests read.
    """

    name: str
    folders: tuple[str, ...]
    sample: int = 1
    backend: str = ""
    needs: str = ""
    without: tuple[str, ...] = ()
    environment: tuple[str, ...] = ("INCLUDE_MIL_FP32_UNIT_TESTS",)


RECURRENT = "test_recurrent.py"  # as many tests as half of the others have, and the slowest

SUITES = (
    Suite(
        "MIL ops, ML Program",
        ("converters/mil/mil/ops/tests",),
        backend="mlprogram",
        without=(RECURRENT,),
    ),
    Suite(
        "MIL ops, ML Program, recurrent",
        tuple(f"converters/mil/mil/ops/tests/{v}/{RECURRENT}" for v in ("iOS14", "iOS17", "iOS18")),
        sample=10,
        backend="mlprogram",
    ),
    Suite("MIL ops, NeuralNetwork", ("converters/mil/mil/ops/tests",), backend="neuralnetwork"),
    Suite("neural_network", ("test/neural_network",)),
    Suite("pipeline", ("test/pipeline",)),
    # The other tests of compression never predict: they look at the program's ops.
    # Without the switch these stop at iOS 16, where most of these weights are an error; in float32
    # they expect float16's casts among the program's ops, and stop before they predict.
    Suite(
        "optimize",
        ("test/optimize/coreml/test_post_training_quantization.py",),
        needs="torch",
        environment=("RUN_BACKWARD_COMPATIBILITY",),
    ),
    Suite(
        "optimize, compressed while training",
        ("test/optimize/torch/conversion",),
        sample=4,  # each trains a network first: minutes
        needs="torch",
        environment=("RUN_BACKWARD_COMPATIBILITY",),
    ),
    Suite(
        "TensorFlow frontend",
        ("converters/mil/frontend/tensorflow/test", "converters/mil/frontend/tensorflow2/test"),
        sample=20,
        needs="tensorflow",
    ),
    Suite("torch frontend", ("converters/mil/frontend/torch/test",), sample=20, needs="torch"),
)


def coremltools_folder() -> Path:
    spec = importlib.util.find_spec("coremltools")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("NOT_RUN: coremltools is not installed")
    return Path(spec.submodule_search_locations[0])


def chunks(suite: Suite) -> list[Path]:
    """Return the suite's test files: one process each."""
    given = [coremltools_folder() / f for f in suite.folders]
    files = (p for f in given for p in ([f] if f.is_file() else f.rglob("test_*.py")))
    return sorted(p for p in files if p.name not in suite.without)


def run_chunk(
    file: Path, suite: Suite, sample: int, records: Path, timeout: float
) -> dict[str, Any]:
    """Run one file's tests; return the records, with the exit code where it crashed."""
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            str(file),
            "-c",
            os.devnull,
            "--rootdir",
            str(coremltools_folder()),
        ),
        *(
            "-p",
            "tools.conformance.plugin",
            "-p",
            "no:cacheprovider",
            "-q",
            "--tb=no",
            "--no-header",
        ),
        *("--disable-warnings", "--records", str(records), "--sample", str(sample)),
        *(["--backend", suite.backend] if suite.backend else []),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.update((name, "1") for name in suite.environment)
    records.unlink(missing_ok=True)
    try:
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, timeout=timeout)
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = 124
    if not records.exists():
        return {"crashed": code, "records": {}}
    found: dict[str, Any] = json.loads(records.read_text())
    if code > 1 and code != 5:  # 5: no test was kept; 2: a module that is not installed
        found["crashed"] = code
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", action="append", help="part of a suite's name; default: all")
    parser.add_argument("--sample", type=int, default=0, help="1 test in N in every suite")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--records", type=Path, default=ROOT / "build" / "conformance")
    parser.add_argument("--no-report", action="store_true")
    parser.add_argument("--timeout", type=float, default=3600)
    options = parser.parse_args(arguments)
    options.records.mkdir(parents=True, exist_ok=True)
    for suite in SUITES:
        if options.suite and not any(s.lower() in suite.name.lower() for s in options.suite):
            continue
        target = options.records / f"{suite.name.replace(' ', '_').replace(',', '')}.json"
        if suite.needs and importlib.util.find_spec(suite.needs) is None:
            target.write_text(json.dumps({"not_run": f"{suite.needs} is not installed"}))
            print(f"{suite.name}: NOT_RUN: {suite.needs} is not installed", flush=True)
            continue
        sample = options.sample or suite.sample
        whole: dict[str, Any] = {"sample": sample, "records": {}, "crashed": {}}
        started = time.time()
        files = chunks(suite)
        parts = [target.with_suffix(f".{i}.part") for i in range(len(files))]
        with ThreadPoolExecutor(options.jobs) as pool:
            futures = [
                pool.submit(run_chunk, file, suite, sample, part, options.timeout)
                for file, part in zip(files, parts, strict=True)
            ]
        for file, part, future in zip(files, parts, futures, strict=True):
            found = future.result()
            whole["records"].update(found["records"])
            if "crashed" in found:
                whole["crashed"][str(file.relative_to(coremltools_folder()))] = found["crashed"]
            part.unlink(missing_ok=True)
        whole["seconds"] = round(time.time() - started)
        target.write_text(json.dumps(whole))
        print(f"{suite.name}: {len(whole['records'])} tests, {whole['seconds']} s", flush=True)
    if not options.no_report:
        write_report(options.records, ROOT / "docs" / "conformance.md", [s.name for s in SUITES])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
