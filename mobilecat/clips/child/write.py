"""`python -m mobilecat.clips.child.write`, confined: drawn frames into a clip, with its old sound.

argv[1]: JSON with `source` (whose audio packets are copied as they are, or null), `file` (in the
working folder), `wh`, `time_base`, `rate`. stdin: messages `frame` with `pts` and RGB bytes, then
`end`. stdout: one message, `done` or `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from mobilecat.clips.child.look import Unusable
from mobilecat.clips.child.messages import collect, fill, receive, send
from mobilecat.clips.child.read import DEMUXERS

_CODECS = ("libx264", "h264", "mpeg4", "mjpeg")
_OPTIONS = {"libx264": {"preset": "veryfast", "crf": "20"}}


def main() -> None:
    said = json.loads(sys.argv[1])
    out = sys.stdout.buffer
    try:
        send(out, _write(said, sys.stdin.buffer))
    except Unusable as e:
        send(out, {"kind": "error", "what": e.args[0], "fix": e.args[1] if e.args[1:] else ""})
    except BrokenPipeError:
        pass


def _write(said: dict[str, Any], given: BinaryIO) -> dict[str, Any]:
    import av
    from av.error import FFmpegError

    av.logging.set_level(av.logging.PANIC)
    try:
        with ExitStack() as stack:
            container = stack.enter_context(av.open(said["file"], "w"))
            video = _video_stream(av, container, said)
            sound = Sound.opened(av, stack, container, said["source"])
            count = 0
            for pts, pixels in _frames(given, said["wh"]):
                collect(count)
                frame = av.VideoFrame.from_ndarray(_even(pixels), "rgb24")
                frame.pts, frame.time_base = pts, Fraction(*said["time_base"])
                container.mux(video.encode(_as_709(frame, video)))
                for packet in sound.until(float(pts * frame.time_base)):
                    container.mux(packet)
                count += 1
            container.mux(video.encode())
            for packet in sound.until(None):
                container.mux(packet)
            return {"kind": "done", "frames": count, "codec": video.codec_context.name,
                    "packets": sound.copied}  # fmt: skip
    except (FFmpegError, ValueError, OverflowError) as e:
        strerror = getattr(e, "strerror", None) or str(e)
        raise Unusable(f"cannot be written ({strerror})", "name an .mp4, .mov or .mkv") from e


def _video_stream(av: Any, container: Any, said: dict[str, Any]) -> Any:
    width, height = (side + side % 2 for side in said["wh"])
    codec = next(c for c in _CODECS if c in av.codecs_available and _can_encode(av, c))
    rate = Fraction(*said["rate"])
    stream = container.add_stream(codec, rate=rate, options=_OPTIONS.get(codec, {}))
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    base = Fraction(*said["time_base"])
    stream.time_base = base
    stream.codec_context.time_base = base
    stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
    return stream


def _can_encode(av: Any, name: str) -> bool:
    try:
        return bool(av.Codec(name, "w"))
    except av.error.FFmpegError:
        return False


def _as_709(frame: Any, stream: Any) -> Any:
    pts, base = frame.pts, frame.time_base
    made = frame.reformat(
        format=stream.pix_fmt,
        src_colorspace=1,
        dst_colorspace=1,
        src_color_range=2,
        dst_color_range=1,
    )
    made.pts, made.time_base = pts, base
    return made


def _even(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the frame with its last row and column twice where a side is odd: 4:2:0 wants even."""
    h, w = pixels.shape[:2]
    if h % 2 or w % 2:
        pixels = np.pad(pixels, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels)


def _frames(given: BinaryIO, wh: list[int]) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    pixels = np.empty((wh[1], wh[0], 3), np.uint8)
    while (told := receive(given)) is not None and told["kind"] == "frame":
        if told["bytes"] != pixels.nbytes or not fill(given, pixels.data.cast("B")):
            raise Unusable("the frames end in the middle of one")
        yield told["pts"], pixels
    if told is None:
        raise Unusable("the frames end without an end")


class Sound:
    """The audio packets of a clip, one after another, as they are; none where it has no sound."""

    def __init__(self, packets: Iterator[Any], streams: dict[int, Any]) -> None:
        self._packets, self._streams = packets, streams
        self._next: Any = None
        self.copied = 0

    @classmethod
    def opened(cls, av: Any, stack: ExitStack, container: Any, source: str | None) -> Sound:
        if source is None:
            return cls(iter(()), {})
        allowed = {"protocol_whitelist": "file", "format_whitelist": ",".join(DEMUXERS)}
        old = stack.enter_context(av.open(source, options=allowed))
        streams = {s.index: container.add_stream_from_template(s) for s in old.streams.audio}
        return cls(old.demux(*old.streams.audio) if streams else iter(()), streams)

    def until(self, time: float | None) -> Iterator[Any]:
        """Give the packets up to `time`, in seconds; all that are left where it is None."""
        while True:
            packet = self._next if self._next is not None else next(self._packets, None)
            self._next = None
            if packet is None:
                return
            if packet.dts is None:  # demux() ends with an empty one a stream
                continue
            if time is not None and float(packet.dts * packet.time_base) > time:
                self._next = packet
                return
            packet.stream = self._streams[packet.stream.index]
            self.copied += 1
            yield packet


if __name__ == "__main__":
    main()
