"""`python -m mobilecat.clips.child.read`, confined: a clip's frames, upright, as RGB bytes.

argv[1]: JSON with `path`, `every`, `max_pixels`, `stored`, `read_as` (a wrong
colour, on purpose). stdout: messages `clip`, `frame`…, `end`; or `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from mobilecat.clips.child.look import (
    Unusable,
    described,
    is_full_range,
    is_ycbcr,
    matrix_of,
    orientation_of,
    upright_wh,
)
from mobilecat.clips.child.messages import collect, send
from mobilecat.geometry.orientation import apply_orientation

# Demuxers of files. None that opens others: no playlist (hls, dash, concat), no image sequence,
# no network: https://ffmpeg.org/ffmpeg-formats.html#Demuxers
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg",
    "mjpeg", "h264", "hevc", "m4v", "ivf", "gif", "apng", "nut", "yuv4mpegpipe",
)  # fmt: skip


def main() -> None:
    said = json.loads(sys.argv[1])
    out = sys.stdout.buffer
    try:
        _read(said, out)
    except Unusable as e:
        send(out, {"kind": "error", "what": e.args[0], "fix": e.args[1] if e.args[1:] else ""})
    except MemoryError:
        send(out, {"kind": "error", "what": "takes more memory than a clip may", "fix": ""})
    except BrokenPipeError:
        pass  # nobody reads any more


def _read(said: dict[str, Any], out: BinaryIO) -> None:
    import av
    from av.error import FFmpegError

    av.logging.set_level(av.logging.PANIC)
    try:
        with av.open(
            said["path"],
            options={"protocol_whitelist": "file", "format_whitelist": ",".join(DEMUXERS)},
        ) as container:
            _frames(container, said, out)
    except (FFmpegError, ValueError, OverflowError, EOFError) as e:
        raise Unusable(_words(e), "open it in a player; export or copy it again") from e


def _words(e: BaseException) -> str:
    strerror = getattr(e, "strerror", None)
    return f"it is no clip, or is cut off or damaged ({strerror or type(e).__name__})"


def _frames(container: Any, said: dict[str, Any], out: BinaryIO) -> None:
    name = container.format.name
    if name not in DEMUXERS:
        raise Unusable(f"its form ({name}) is none that is read", "export it as .mp4 or .mkv")
    stream = next((s for s in container.streams.video if not _is_cover(s)), None)
    if stream is None:
        what = "it has sound, but no pictures" if container.streams.audio else "it has no pictures"
        raise Unusable(what, "name a clip with a video track")
    context = stream.codec_context
    context.options = {"max_pixels": str(said["max_pixels"])}
    context.thread_type, context.thread_count = "AUTO", 2
    packets = Counted(container, stream)
    seen = sent = 0
    look: Look | None = None
    for frame in packets.decoded():
        collect(seen)
        if look is None:
            look = Look(stream, frame, said)
            audio = [s.codec_context.name for s in container.streams.audio]
            send(out, {"kind": "clip", "audio": audio, **look.told})
        if seen % said["every"] == 0:
            sent += 1
            pixels, orientation = look.upright(frame)
            time = _time(frame, stream, seen)
            told = {"kind": "frame", "index": seen, "pts": frame.pts, "orientation": orientation}
            told["time"] = None if time is None else [time.numerator, time.denominator]
            told["wh"] = [pixels.shape[1], pixels.shape[0]]
            send(out, told, np.ascontiguousarray(pixels).data.cast("B"))
        seen += 1
    if not seen:
        raise Unusable(
            "not one picture of it can be decoded" if packets.count else "it has no frames",
            "open it in a player; export or copy it again",
        )
    announced = int(stream.frames or 0)
    send(out, {"kind": "end", "frames": seen, "packets": packets.count, "announced": announced,
               "damaged": packets.damaged})  # fmt: skip


def _is_cover(stream: Any) -> bool:
    """Whether a video stream is a still beside the sound: an album's cover."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _time(frame: Any, stream: Any, index: int) -> Fraction | None:
    """Return when a frame is shown, in seconds: its own time stamp, never its number, but for raw
    streams that have none."""
    base = frame.time_base or stream.time_base
    if frame.pts is not None and base:
        return Fraction(frame.pts) * Fraction(base)
    rate = stream.average_rate
    return Fraction(index) / Fraction(rate) if rate else None


class Counted:
    """The stream's packets: how many there were, and how many of them could not be decoded."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream = container, stream
        self.count = self.damaged = 0

    def decoded(self) -> Iterator[Any]:
        from av.error import FFmpegError

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self.damaged += 1
                return
            self.count += packet.size > 0
            try:
                yield from packet.decode()
            except FFmpegError:
                self.damaged += 1


class Look:
    """How frames of a stream are seen. Its first frame says so; each may turn on its own."""

    def __init__(self, stream: Any, frame: Any, said: dict[str, Any]) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._most, self._stored = int(said["max_pixels"]), bool(said.get("stored"))
        self._aspect = stream.sample_aspect_ratio
        self._reformatter = VideoReformatter()
        self._scaling = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
        self._scaling |= Interpolation.FULL_CHR_H_INT
        wh = (frame.width, frame.height)
        self._matrix = matrix_of(frame.colorspace, wh)
        self._full = is_full_range(frame.color_range, frame.format.name)
        wrong = said.get("read_as") or {}
        if wrong.get("matrix") is not None:
            self._matrix = ("as asked", int(wrong["matrix"]))
        if wrong.get("full") is not None:
            self._full = bool(wrong["full"])
        name = self._matrix[0] if is_ycbcr(frame.format.name) else "RGB"
        self.told = described(stream, frame, name, self._full, self._orientation(frame))

    def _orientation(self, frame: Any) -> int:
        data = frame.side_data.get("DISPLAYMATRIX")
        return orientation_of(None if data is None else bytes(data))

    def upright(self, frame: Any) -> tuple[np.ndarray[Any, Any], int]:
        """Return a frame as RGB [H,W,3] in square pixels, turned upright; and by what turn."""
        wh = upright_wh((frame.width, frame.height), self._aspect)
        if wh[0] * wh[1] > self._most:
            raise Unusable(f"its frames are {wh[0]} × {wh[1]}", f"{self._most} pixels at most")
        ycbcr = is_ycbcr(frame.format.name)
        orientation = self._orientation(frame)
        if frame.format.name.startswith("yuvj") and not self._full:
            frame = _without_range(frame)
        converted = self._reformatter.reformat(
            frame,
            *wh,
            format="rgb24",
            src_colorspace=self._matrix[1] if ycbcr else None,
            dst_colorspace=self._matrix[1] if ycbcr else None,
            src_color_range=(2 if self._full else 1) if ycbcr else None,
            dst_color_range=2 if ycbcr else None,
            interpolation=self._scaling,
        )
        pixels = converted.to_ndarray()
        if self._stored or orientation == 1:
            return pixels, orientation
        return apply_orientation(pixels, orientation), orientation


def _without_range(frame: Any) -> Any:
    """Return the frame in the format without the j, whose name alone says full range."""
    import av

    return av.VideoFrame.from_ndarray(frame.to_ndarray(), frame.format.name.replace("yuvj", "yuv"))


if __name__ == "__main__":
    main()
