"""Compile detectors and landmark models for phones, run every artifact, hold it to goldens.

>>> import mobilecat as mc
>>> made = mc.export(DETECTOR, "cat_faces")
>>> len(mc.run(made, PICTURES / "two_on_a_sofa.png", runner="onnx").detections)
2

A verb is a function; `mc.golden` and `mc.runtime` are modules of them. Unusable input raises a
`MobileCatError`, which carries every problem found; what fell short is a value that says so.
Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat import golden, runtime
    from mobilecat.api.agreeing import agreement
    from mobilecat.api.beginning import init
    from mobilecat.api.changing import diff
    from mobilecat.api.compiling import export
    from mobilecat.api.compressing import compress
    from mobilecat.api.demonstrating import Demonstration, demonstrate
    from mobilecat.api.diagnosing import diagnose
    from mobilecat.api.doctoring import Checkup, doctor
    from mobilecat.api.explaining import heat_maps
    from mobilecat.api.judging import Validation, bisect, inspect, validate
    from mobilecat.api.measuring import evaluate, tune
    from mobilecat.api.opened import OpenBundle, open, run
    from mobilecat.api.placing import place
    from mobilecat.api.replaying import replay
    from mobilecat.api.specs import explain, load_spec, spec_schema
    from mobilecat.bisection.walk import Bisection
    from mobilecat.changes.whole import Difference
    from mobilecat.compile import Exported
    from mobilecat.compression.result import Compressed
    from mobilecat.diagnosis.whole import Diagnosis
    from mobilecat.errors import (
        ArtifactError,
        ImageError,
        MobileCatError,
        ModelError,
        Problem,
        SpecError,
        UnsupportedError,
        WorkersError,
    )
    from mobilecat.formats.base.inspection import Inspection
    from mobilecat.lanes import Lane
    from mobilecat.lanes.picture import LaneRun, PictureRun
    from mobilecat.measure.evaluate import Evaluation
    from mobilecat.measure.tune.run import Tuned
    from mobilecat.pictures.detections import Detections
    from mobilecat.placement.whole import Placement
    from mobilecat.playback.result import Replay
    from mobilecat.proposal.whole import Proposal
    from mobilecat.saliency.result import HeatMaps
    from mobilecat.spec import Spec
    from mobilecat.spec.reference import Explained

__version__ = "0.1.0"

_HOMES = {
    "api.agreeing": ["agreement"],
    "api.beginning": ["init"],
    "api.changing": ["diff"],
    "api.compiling": ["export"],
    "api.compressing": ["compress"],
    "api.demonstrating": ["Demonstration", "demonstrate"],
    "api.diagnosing": ["diagnose"],
    "api.doctoring": ["Checkup", "doctor"],
    "api.explaining": ["heat_maps"],
    "api.judging": ["Validation", "bisect", "inspect", "validate"],
    "api.measuring": ["evaluate", "tune"],
    "api.opened": ["OpenBundle", "open", "run"],
    "api.replaying": ["replay"],
    "api.placing": ["place"],
    "api.specs": ["explain", "load_spec", "spec_schema"],
    "bisection.walk": ["Bisection"],
    "changes.whole": ["Difference"],
    "compile": ["Exported"],
    "compression.result": ["Compressed"],
    "diagnosis.whole": ["Diagnosis"],
    "errors": [
        "ArtifactError", "ImageError", "MobileCatError", "ModelError", "Problem", "SpecError",
        "UnsupportedError", "WorkersError",
    ],
    "formats.base.inspection": ["Inspection"],
    "lanes": ["Lane"],
    "lanes.picture": ["LaneRun", "PictureRun"],
    "measure.evaluate": ["Evaluation"],
    "measure.tune.run": ["Tuned"],
    "pictures.detections": ["Detections"],
    "placement.whole": ["Placement"],
    "proposal.whole": ["Proposal"],
    "playback.result": ["Replay"],
    "saliency.result": ["HeatMaps"],
    "spec": ["Spec"],
    "spec.reference": ["Explained"],
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("golden", "runtime")

__all__ = [
    "ArtifactError",
    "Bisection",
    "Checkup",
    "Compressed",
    "Demonstration",
    "Detections",
    "Diagnosis",
    "Difference",
    "Evaluation",
    "Explained",
    "Exported",
    "HeatMaps",
    "ImageError",
    "Inspection",
    "Lane",
    "LaneRun",
    "MobileCatError",
    "ModelError",
    "OpenBundle",
    "PictureRun",
    "Placement",
    "Problem",
    "Proposal",
    "Replay",
    "Spec",
    "SpecError",
    "Tuned",
    "UnsupportedError",
    "Validation",
    "WorkersError",
    "__version__",
    "agreement",
    "bisect",
    "compress",
    "demonstrate",
    "diagnose",
    "diff",
    "doctor",
    "evaluate",
    "explain",
    "export",
    "golden",
    "heat_maps",
    "init",
    "inspect",
    "load_spec",
    "open",
    "place",
    "replay",
    "run",
    "runtime",
    "spec_schema",
    "tune",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
