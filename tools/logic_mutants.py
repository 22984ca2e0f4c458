"""The faults that tools/mutate_logic.py plants beyond the geometry: what judges, keeps and reads.

Each is one replacement in one file, whose old text occurs exactly once, with the tests that must
notice it: the nearest ones, so that a fault is found where it is.
"""
# ruff: noqa: E501  (a table: one fault a line)

from __future__ import annotations

from geometry_mutants import Mutant

Row = tuple[str, str, str]


def _in(file: str, tests: str, *rows: Row) -> list[tuple[Mutant, str]]:
    return [(Mutant(file, *row), tests) for row in rows]


# fmt: off
MUTANTS: list[tuple[Mutant, str]] = [
    *_in(
        "judge/contract.py", "tests/judge/test_contract.py tests/judge/test_faults.py",
        ("overlap: the limit is doubled", "ok = beyond <= limits.scores", "ok = beyond <= 2 * limits.scores"),
        ("overlap: always passes", "passed(ok), beyond, limits.scores, detail)", "passed(True), beyond, limits.scores, detail)"),
        ("overlap: classes are never told apart", "if nms.per_class:", "if False:"),
        ("overlap: classes are always told apart", "if nms.per_class:", "if True:"),
        ("threshold: a score below it passes", "ok = below <= limits.scores", "ok = True"),
        ("order: rising scores pass", "np.diff(scores) > 0", "np.diff(scores) > 9"),
        ("class ids: one too many is accepted", "i >= labels", "i > labels"),
        ("class ids: negative ones are accepted", "i < 0 or", "False or"),
        ("padding: anything may lie there", "np.any(v != 0)", "np.any(v != v)"),
        ("finite: inf passes", "not np.isfinite(v).all()", "np.isnan(v).any()"),
        ("forms: an extra output passes", "for n in got.keys() - wanted", "for n in ()"),
        ("forms: a missing output passes", "for n in wanted if n not in got]", "for n in wanted if False]"),
        ("count: more than the rows passes", "if not 0 <= count <= rows:", "if not 0 <= count:"),
    ),
    *_in(
        "graph/passes/simplify.py", "tests/graph tests/formats/importing/test_onnx_file.py",
        ("every Cast goes", "and source.dtype == node.outputs[0].dtype", "or True"),
        ("no Cast goes", "and source.dtype == node.outputs[0].dtype", "and False"),
        ("a Dropout whose mask is read goes", "return bool(off) and not any(True for out in node.outputs[1:] for _ in out.uses())", "return bool(off)"),
        ("an If takes the other branch", '"then_branch" if condition.item() else "else_branch"', '"else_branch" if condition.item() else "then_branch"'),
    ),
    *_in(
        "formats/coreml/runtime/nn/norm.py", "tests/formats/coreml/runtime/test_network.py",
        ("reduce: rows for columns", "3: [-2], 4: [-1]", "3: [-1], 4: [-2]"),
        ("reduce: the channels too", "1: [-2, -1]", "1: [-3, -2, -1]"),
        ("mvn: one plane for all", "[-3, -2, -1] if p.acrossChannels else [-2, -1]", "[-3, -2, -1]"),
        ("mvn: each plane alone", "[-3, -2, -1] if p.acrossChannels else [-2, -1]", "[-2, -1]"),
    ),
    *_in(
        "formats/coreml/runtime/mil/pool.py", "tests/formats/coreml/runtime/test_pool.py",
        ("ceil_mode: the divisor is the whole window", "np.array([k / max(row[i : i + k].sum(), 1) for i in starts], np.float32)", "np.ones(len(starts), np.float32)"),
        ("ceil_mode: what it adds counts", "row[b - cb : b + size + ce] = 1", "row[:] = 1"),
        ("excluded padding counts", "count_include_pad=0 if exclude else 1", "count_include_pad=1"),
        ("padding never counts", "count_include_pad=0 if exclude else 1", "count_include_pad=0"),
        ("ceil_mode is not looked at", 'if op.flag("ceil_mode", False) else pads', "if False else pads"),
    ),
    *_in(
        "formats/tflite/aliasing.py", "tests/formats/tflite/lower/test_aliasing.py",
        ("an output has no reader", "if root in program.outputs:\n            reads", "if False:\n            reads"),
        ("an output is no copy", "if root in program.outputs:\n        #", "if False:\n        #"),
        ("readers go on reading the first", "op.inputs[i] = current", "op.inputs[i] = t"),
        ("nothing is ever endangered", "return root\n    return None", "return None\n    return None"),
    ),
    *_in(
        "compare/probe.py", "tests/compare/test_probe.py",
        ("a NaN is lost", 'return "nan"', "return 0.0"),
        ("inf loses its sign", 'return "inf" if value > 0 else "-inf"', 'return "inf"'),
        ("NaN and inf are not counted", "if got.nonfinite != expected.nonfinite:", "if False:"),
        ("the ends are not kept", "return np.unique([*at, *ends])", "return np.unique(at)"),
        ("float32 is cut to six digits", ".9g", ".6g"),
        ("the mean is not held", "numbers.append(of.mean)", "pass"),
        ("the range is not held", "of.low, of.high]", "0.0, 0.0]"),
    ),
    *_in(
        "disk/files.py", "tests/test_disk.py",
        ("a live process's half goes", "if pid.isdigit() and not _alive(int(pid)):", "if pid.isdigit():"),
        ("a dead process's half stays", "if pid.isdigit() and not _alive(int(pid)):", "if False:"),
        ("the old folder goes first", "        if path.exists():\n            _exchange(fresh, path)", "        if path.exists():\n            shutil.rmtree(path)\n            fresh.rename(path)"),
        ("an error leaves its half", "            fresh.rename(path)\n    finally:\n        shutil.rmtree(fresh, ignore_errors=True)", "            fresh.rename(path)\n    finally:\n        pass"),
        ("an approved golden is overwritten", "golden = golden and (path.parent", "golden = False and (path.parent"),
        ("a file's name is not in a folder's hash", "{name}\\0{(known or {}).get(name) or sha256_of(file)}", "{(known or {}).get(name) or sha256_of(file)}"),
    ),
    *_in(
        "report/junit.py", "tests/report/test_junit.py",
        ("a failure is no failure", 'if verdict == "FAIL":', 'if verdict == "NEVER":'),
        ("NOT_RUN is a pass", 'verdict == "NOT_RUN"', 'verdict == "NEVER"'),
    ),
]
