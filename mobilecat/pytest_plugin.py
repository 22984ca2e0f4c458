"""mobilecat in your own test suite: a bundle held to its goldens, and Core ML predicted anywhere.

`pytest --mobilecat DIR` adds tests of a bundle or cascade; goldens are in ./golden, or where
`--mobilecat-golden GDIR` says.
`pytest --mobilecat-coreml`, or `mobilecat_coreml = true` in the ini file, lets coremltools' own
`MLModel.predict` run on this machine, whatever it is: docs/coreml_testing.md. On a Mac, Core ML
itself predicts, unless a precision is named.

One test for what is of no lane, `mobilecat::yunet[goldens]`, and one a golden case and lane,
`mobilecat::yunet[room-onnx:yunet.onnx]`. Goldens that were approved for another contract fail the
first, and their lanes are skipped. A mismatch leaves `pending-<lane>.json` beside the golden, for
`mobilecat golden review`.
A lane that cannot run here is skipped with its reason only where another lane vouches for the
artifact (Apple's own runtime off macOS), or it is the source; otherwise it fails.

Nothing of mobilecat is loaded where none of this is asked for.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mobilecat.bundle import Bundle
    from mobilecat.judge.report import Report
    from mobilecat.lanes import Lane, Runner

STASH = pytest.StashKey["Shared"]()
PRECISIONS = ("float16-fast", "float16-exact", "float32")
_OWN = "as the file says"
_OFF = ("", "false", "no", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mobilecat", "mobilecat: bundles held to goldens")
    group.addoption(
        "--mobilecat", metavar="DIR", type=Path, help="Hold this bundle to its goldens."
    )
    group.addoption(
        "--mobilecat-golden", metavar="GDIR", type=Path, help="Folder of goldens: ./golden."
    )
    group.addoption("--mobilecat-runner", metavar="NAME", help="This runner only; it must run.")
    group.addoption(
        "--mobilecat-source", metavar="FILE", type=Path, help="Where the source model lies now."
    )
    group.addoption(
        "--mobilecat-coreml",
        nargs="?",
        const=_OWN,
        metavar="PRECISION",
        choices=(_OWN, *PRECISIONS),
        help="coremltools' predict runs here, in one of " + ", ".join(PRECISIONS) + ".",
    )
    parser.addini("mobilecat_coreml", "The same as --mobilecat-coreml: true, or a precision.")


def _coreml(config: pytest.Config) -> str | None:
    """Return how Core ML is predicted: None where it was not asked for."""
    asked: str | None = config.getoption("--mobilecat-coreml")
    said = asked or str(config.getini("mobilecat_coreml") or "").strip()
    if said.lower() in _OFF:
        return None
    if said.lower() in ("true", "yes", "1"):
        return _OWN
    if said not in (_OWN, *PRECISIONS):
        what = f"mobilecat_coreml is {said!r}: it is true, or one of {', '.join(PRECISIONS)}"
        raise pytest.UsageError(what)
    return said


def _stands_in(config: pytest.Config) -> bool:
    """Return whether mobilecat's runtime predicts, and not Core ML itself."""
    how = _coreml(config)
    return how is not None and not (how == _OWN and sys.platform == "darwin")


def _missing_binding(record: logging.LogRecord) -> bool:
    """Return False for what coremltools says where it is imported without Apple's binding, eight
    times: it is what the stand-in is there for."""
    return not record.getMessage().startswith("Failed to load _ML")


@pytest.hookimpl(tryfirst=True)  # a conftest may import coremltools
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    asked = getattr(early_config.known_args_namespace, "mobilecat_coreml", None)
    if asked or str(early_config.getini("mobilecat_coreml") or "").strip().lower() not in _OFF:
        logging.getLogger("coremltools").addFilter(_missing_binding)


def pytest_configure(config: pytest.Config) -> None:
    how = _coreml(config)
    if how is None or not _stands_in(config):
        return
    logging.getLogger("coremltools").addFilter(_missing_binding)
    try:
        import coremltools  # noqa: F401
    except ImportError as e:
        raise pytest.UsageError("mobilecat_coreml needs coremltools") from e
    from mobilecat import runtime

    runtime.install(None if how == _OWN else how)  # type: ignore[arg-type]


def pytest_unconfigure(config: pytest.Config) -> None:
    logging.getLogger("coremltools").removeFilter(_missing_binding)
    if "mobilecat.runtime" in sys.modules and _coreml(config) is not None:
        from mobilecat import runtime

        runtime.uninstall()


def pytest_report_header(config: pytest.Config) -> str | None:
    how = _coreml(config)
    if how is None:
        return None
    if how == _OWN and sys.platform == "darwin":
        return "Core ML: Apple's own, as this is a Mac"
    precision = "" if how == _OWN else f", {how}"
    return f"Core ML: mobilecat.runtime{precision}; it is not Apple's (docs/coreml_runtime.md)"


_MACOS = re.compile(r"\b(?:mac ?os ?x?|os ?x|darwin|mac)\b", re.IGNORECASE)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which tests the switch did not reach: a guard on sys.platform keeps them skipped."""
    if not _stands_in(config):
        return
    skipped = [r for r in terminalreporter.stats.get("skipped", ()) if _MACOS.search(_reason(r))]
    if skipped:
        were = "1 test was" if len(skipped) == 1 else f"{len(skipped)} tests were"
        terminalreporter.write_line(
            f"mobilecat_coreml: {were} skipped with a reason that names macOS. A guard on "
            "sys.platform does not know of the switch; `not ct.utils._is_macos()` does "
            "(docs/coreml_testing.md)"
        )


def _reason(report: Any) -> str:
    """Return a skipped test's reason, as pytest keeps it: (file, line, reason)."""
    told = report.longrepr
    return str(told[2]) if isinstance(told, tuple) else ""


class Shared:
    """What one session opens and loads, once each: bundles, lanes, and their last results."""

    def __init__(self) -> None:
        self._runners: dict[tuple[Path, str, Path | None], Runner] = {}
        self._bundles: dict[Path, Bundle] = {}
        self._terms: dict[tuple[Path, Path], dict[str, str]] = {}

    def bundle(self, folder: Path) -> Bundle:
        """Return what `folder` holds; its files are hashed once a session."""
        from mobilecat.bundle.cascade import open_any

        if folder not in self._bundles:
            self._bundles[folder] = open_any(folder)
        return self._bundles[folder]

    def terms(self, folder: Path, golden: Path) -> dict[str, str]:
        """Return the cases that were approved for another contract, and what is different."""
        from mobilecat.golden.inventory import check_terms

        if (folder, golden) not in self._terms:
            checks = check_terms(golden, self.bundle(folder))
            failed = [c for c in checks if c.verdict == "FAIL"]
            self._terms[folder, golden] = {
                c.name.removeprefix("terms of "): c.detail for c in failed
            }
        return self._terms[folder, golden]

    def open(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Runner:
        from mobilecat.lanes import open_lane

        key = (folder, lane.name, source)
        if key not in self._runners:
            self._runners[key] = _Once(open_lane(folder, bundle, lane, source))
        return self._runners[key]


class _Once:
    """A runner that keeps its last few results: the same picture comes once a lane."""

    KEPT = 8

    def __init__(self, engine: Runner) -> None:
        self._engine, self.note = engine, engine.note
        self._results: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}

    def infer(self, inputs: Any, taps: Any = ()) -> dict[str, Any]:
        from mobilecat.judge.saved import inputs_digest

        key = (inputs_digest(inputs), tuple(taps))
        if key not in self._results:
            while len(self._results) >= self.KEPT:
                self._results.pop(next(iter(self._results)))
            self._results[key] = self._engine.infer(inputs, taps)
        return dict(self._results[key])


@pytest.hookimpl(tryfirst=True)  # before -k and -m choose
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    folder = config.getoption("--mobilecat")
    if folder is None:
        return
    golden = config.getoption("--mobilecat-golden")
    if golden is None:
        golden = Path("golden")
        if not golden.is_dir():
            what = "there is no ./golden: --mobilecat-golden GDIR says where the goldens are"
            raise pytest.UsageError(f"--mobilecat needs goldens, and {what}")
    from mobilecat.errors import MobileCatError

    try:
        items += _items(session, folder, golden, config.getoption("--mobilecat-runner"))
    except MobileCatError as e:
        raise pytest.UsageError(str(e)) from e


def _items(
    session: pytest.Session, folder: Path, golden: Path, runner: str | None
) -> Iterator[pytest.Item]:
    from mobilecat.golden.store import case_folders
    from mobilecat.lanes import lanes_of

    bundle = session.stash.setdefault(STASH, Shared()).bundle(folder)
    lanes = lanes_of(bundle, runner)
    names = [p.name for p in case_folders(golden, bundle)]
    sparing = {lane.name for lane in lanes if lane.slow and runner is None}
    one = _case_for_slow(golden, bundle) if sparing else ""
    name = f"mobilecat::{bundle.name}[goldens]"
    yield GoldensItem.from_parent(session, name=name, folder=folder, golden=golden)
    for case in names:
        for lane in lanes:
            if lane.name in sparing and case != one:
                continue  # one picture is enough, as in `validate`; naming the runner asks for all
            name = f"mobilecat::{bundle.name}[{case}-{lane.name}]"
            yield LaneItem.from_parent(
                session, name=name, folder=folder, golden=golden, case=case, lane=lane
            )


def _case_for_slow(golden: Path, bundle: Bundle) -> str:
    from mobilecat.golden.store import read_cases
    from mobilecat.judge.engines import fullest

    return "".join(c.name for c in fullest(read_cases(golden, bundle)[0]))


class _Item(pytest.Item):
    def __init__(self, *, folder: Path, golden: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder, self.golden = folder, golden

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.golden, None, self.name

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        from mobilecat.errors import MobileCatError

        if isinstance(excinfo.value, (FellShort, MobileCatError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class LaneItem(_Item):
    """One golden case on one lane."""

    def __init__(self, *, case: str, lane: Lane, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case, self.lane = case, lane

    def runtest(self) -> None:
        from mobilecat.judge.run import validate

        shared = self.session.stash.setdefault(STASH, Shared())
        told = [i for i in self.session.items if isinstance(i, GoldensItem)]
        if told and self.case in shared.terms(self.folder, self.golden):
            pytest.skip(f"see {told[0].name}: this golden was approved for another contract")
        report = validate(
            self.folder,
            self.golden,
            runner=self.lane.runner,
            artifact=self.lane.artifact.file if self.lane.artifact else None,
            source=self.config.getoption("--mobilecat-source"),
            opener=shared.open,
            bundle=shared.bundle(self.folder),
            cases=[self.case],
            files=True,
        )
        if report.held:
            return
        named = self.config.getoption("--mobilecat-runner") is not None
        optional = self.lane.artifact is None or self.lane.apples or self.lane.slow
        unloaded = next((r.unloaded for r in report.lanes if r.unloaded), "")
        if unloaded and not report.failed and optional and not named:
            pytest.skip(f"NOT_RUN: {unloaded}")
        raise FellShort(report)


class GoldensItem(_Item):
    """What belongs to no lane: stray files, no case at all, goldens of another contract."""

    def runtest(self) -> None:
        from mobilecat.compare.ceilings import require_sane_tolerances
        from mobilecat.compare.tolerances import require_known_tolerances
        from mobilecat.golden.inventory import check_index
        from mobilecat.golden.store import read_cases

        shared = self.session.stash.setdefault(STASH, Shared())
        bundle = shared.bundle(self.folder)
        require_known_tolerances(bundle)
        require_sane_tolerances(bundle)
        _, checks = read_cases(self.golden, bundle, at=self.folder)
        checks += check_index(self.golden, bundle)
        bad = [c.detail for c in checks if c.verdict == "FAIL"]
        bad += self._of_another_contract(shared, bundle)
        if bad:
            raise FellShort("\n".join(bad))

    def _of_another_contract(self, shared: Shared, bundle: Bundle) -> list[str]:
        """Return each reason once with the cases that it is of, then what records them again."""
        from mobilecat.golden.again import record_again

        reasons = shared.terms(self.folder, self.golden)
        cases: dict[str, list[str]] = {}
        for case, why in reasons.items():
            cases.setdefault(why, []).append(case)
        if not cases:
            return []
        source = self.config.getoption("--mobilecat-source")
        commands = record_again(self.folder, self.golden, bundle, list(reasons), source)
        return [
            *(f"{', '.join(names)}: {why}" for why, names in cases.items()),
            *(f"  {line}" for line in commands),
        ]


class FellShort(Exception):
    """The message says everything that fell short."""

    def __init__(self, report: Report | str) -> None:
        super().__init__(report if isinstance(report, str) else _words(report))


def _words(report: Report) -> str:
    from mobilecat.judge.words import failures, not_run, verdict_sentence

    lines = [verdict_sentence(report), *report.shortfalls]
    lines += [f"FAIL  {line}" for line in failures(report)]
    lines += [f"NOT_RUN  {line}" for line in not_run(report)]
    if report.pending:
        lines += [f"wrote {p}" for p in report.pending]
        asked = report.asked
        lines.append(f"look at it: mobilecat golden review {asked.folder} --golden {asked.golden}")
    return "\n".join(lines)


@pytest.fixture(scope="session")
def mobilecat_validate(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """Give `mobilecat.judge.validate`, which fails the test where the bundle fell short."""
    stash = request.session.stash

    def run(folder: Path | str, golden: Path | str | None = None, **options: Any) -> Report:
        from mobilecat.judge.run import validate

        opener = stash.setdefault(STASH, Shared()).open
        goldens = None if golden is None else Path(golden)
        report = validate(Path(folder), goldens, **{"opener": opener, "files": True, **options})
        if not report.held:
            pytest.fail(_words(report), pytrace=False)
        return report

    return run
