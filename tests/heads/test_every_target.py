"""One network of every kind through every target and runner, held to the source decoded in numpy.

MOBILECAT_ALL_CASES=1 runs every form of every kind.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import Bundle
from mobilecat.compile import export
from mobilecat.formats.coreai.dialect import missing
from mobilecat.formats.inspection import inspect_file
from mobilecat.judge.written import check_written
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.rows import MAPS, ROWS, in_pixels
from mobilecat.spec import spec_from_text
from tests.heads.cases import SINGLE, SUPPRESSED
from tests.heads.networks import save_network
from tests.heads.rows import Case, toml

TARGETS = """
[targets.onnx]
[targets.tflite]
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
"""
if not missing():
    TARGETS += "[targets.coreai]\n"
NMS = "nms = { score_threshold = 0.3, iou_threshold = 0.4, max_detections = 17 }"


APP = NMS.replace(" }", ', where = "app" }')
FEW = NMS.replace(" }", ", candidates = 9 }")
FEW_TO_APP = APP.replace(" }", ", candidates = 9 }")


def _cases() -> list[Case]:
    every = [*SUPPRESSED, *SINGLE]
    if os.environ.get("MOBILECAT_ALL_CASES"):
        return every
    return list({case.head.split('"')[1]: case for case in reversed(every)}.values())


@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", _cases(), ids=lambda c: c.name)
def test_every_artifact_gives_the_same(case: Case, tmp_path: Path) -> None:
    _held(case, NMS if case in SUPPRESSED else "", tmp_path)


def _some() -> list[Case]:
    """Boxes alone, and with landmarks; every kind where every case is asked for."""
    if os.environ.get("MOBILECAT_ALL_CASES"):
        return list(SUPPRESSED)
    return [next(c for c in SUPPRESSED if bool(c.points) == marked) for marked in (False, True)]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("nms", [APP, FEW, FEW_TO_APP], ids=["app", "few", "few to the app"])
@pytest.mark.parametrize("case", _some(), ids=lambda c: c.name)
def test_wherever_boxes_are_suppressed(case: Case, nms: str, tmp_path: Path) -> None:
    """The runner suppresses what the app would: goldens, diagnose, accuracy and tune do not care.

    What the file hands over is told in its record, and read back from the file."""
    bundle = _held(case, nms, tmp_path)
    for record in bundle.artifacts:
        assert ("candidate_boxes" if "app" in nms else "boxes") in record.outputs
        assert record.contract == ("candidates" if "app" in nms else "tensor")
        for check in check_written(tmp_path / "bundle" / record.file, record, bundle):
            assert check.verdict == "PASS", check
        n = min(9, case.n) if "candidates" in nms else case.n
        if "app" in nms:
            found = inspect_file(tmp_path / "bundle" / record.file).outputs
            shapes = {p.name: p.shape for p in found}
            assert shapes[record.outputs["candidate_scores"]] == (1, n, case.c)


def _held(case: Case, nms: str, tmp_path: Path) -> Bundle:
    """Return the bundle, exported to every target, whose every lane gave what the source gives."""
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    text = toml(case, path, nms)
    spec = spec_from_text(text.replace("[targets.onnx]", TARGETS))
    bundle = export(spec, tmp_path / "bundle").bundle
    assert len(bundle.artifacts) == (4 if missing() else 5)
    width, height = case.size_wh
    picture = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    runs = {}
    for lane in lanes_of(bundle):
        if lane.runner == "coreai-apple":
            continue  # slow; tests/formats/coreai runs Apple's interpreter
        try:
            runs[lane.name] = open_lane(tmp_path / "bundle", bundle, lane).infer({"image": picture})
        except NotRun:
            assert lane.runner in ("coreml-native", "coreai-native")
    assert len(runs) >= (5 if missing() else 6)
    source = runs.pop("source")
    n = int(source["count"][0])
    assert n > 0
    for name, got in runs.items():
        assert set(got) == set(source), name
        assert np.ravel(got["count"]).tolist() == [n], name
        assert got["class_ids"].reshape(-1).tolist() == source["class_ids"][0].tolist(), name
        for key in set(source) & {"boxes", *ROWS, *MAPS}:
            # 0.01 px: float32 arithmetic in another order, on coordinates up to a few hundred
            near = 0.01 if in_pixels(key) else 1e-4
            np.testing.assert_allclose(
                got[key].reshape(source[key].shape), source[key], atol=near, err_msg=f"{name} {key}"
            )
        scores = got["scores"].reshape(source["scores"].shape)
        np.testing.assert_allclose(scores, source["scores"], atol=1e-4, err_msg=name)
    return bundle
