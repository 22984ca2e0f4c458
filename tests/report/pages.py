"""Pages of the small bundle, written beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobilecat.judge.run import validate
from mobilecat.judge.saved import recording
from mobilecat.report.html import report_page
from tests.judge.fake import LANE, Workshop

EVIL = "</script><script>window.hurt=1</script><img src=x onerror='window.hurt=2'>\"'&"
CHAIN = {
    "lane": LANE, "case": "room", "orientation": 6, "option": "scaleFit", "gravity": "resize",
    "format": "420v", "verdict": "FAIL", "max_px": 93.27, "limit_px": 2.5, "boxes": 3,
    "detail": EVIL,
}  # fmt: skip


def page(shop: Workshop, coordinates: dict[str, Any] | None = None, **options: Any) -> Path:
    with recording(None, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder, **options)
        text = report_page(report, recorder.saved, coordinates)
    path = shop.root / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def matrix(verdict: str) -> dict[str, Any]:
    return {
        "verdict": "HELD" if verdict == "PASS" else "FELL_SHORT", "model_runs": 1,
        "shortfalls": [], "not_run": [], "chains": [{**CHAIN, "verdict": verdict}],
    }  # fmt: skip
