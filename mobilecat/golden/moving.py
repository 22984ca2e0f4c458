"""What a golden expects of a clip: the detections of each sampled frame."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from mobilecat.clips.clip import Frame
from mobilecat.pictures.detections import Detections


class FrameResult(BaseModel):
    """index: the frame's number in the clip. time: seconds, as the file says. detections: in pixels
    of the upright frame, as in a picture's golden."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    time: float | None
    detections: tuple[dict[str, Any], ...]

    @property
    def found(self) -> Detections:
        return Detections.from_json(self.detections)

    @property
    def words(self) -> str:
        """`frame 30 (1.000 s)`."""
        return f"frame {self.index}" + ("" if self.time is None else f" ({self.time:.3f} s)")


def result_of(
    frame: Frame, found: Detections, labels: tuple[str, ...], landmarks: tuple[str, ...]
) -> FrameResult:
    """Return the record of one frame."""
    time = None if frame.seconds is None else round(frame.seconds, 6)
    return FrameResult(
        index=frame.index, time=time, detections=tuple(found.to_json(labels, landmarks))
    )
