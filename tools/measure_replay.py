"""How much memory and time a replay takes: a clip of 10 minutes against one of 10 seconds.

    python -m tools.measure_replay [--minutes 10] [--rate 2] [--runner onnx]

The long clip is the short one over and over: its packets with later time stamps. Prints each one's
peak resident memory, of our process and of the child that decodes, and the share of inference.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tools.plant_faults.streams import made_bundle
from tools.render_clips import STORIES, Take, shots


def write_looped(path: Path, seconds: float, rate: int, wh: tuple[int, int]) -> None:
    """Write `seconds` of 1080p: ten frames of two cats, encoded once, repeated."""
    base = Fraction(1, 90_000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *wh, "yuv420p"
        stream.codec_context.max_b_frames = 0
        stream.codec_context.gop_size = 10
        packets = []
        for k, shot in enumerate(shots(Take(STORIES["two"], wh=(320, 180), rate=10, noise=0))):
            large = np.kron(shot.pixels, np.ones((wh[1] // 180, wh[0] // 320, 1), np.uint8))
            frame = av.VideoFrame.from_ndarray(large, "rgb24")
            frame.pts, frame.time_base = k, Fraction(1, rate)
            packets += stream.encode(frame)
        packets += stream.encode()
        data = [(bytes(p), p.is_keyframe) for p in packets]
        step = int(1 / rate / base)
        for k in range(round(seconds * rate)):
            content, key = data[k % len(data)]
            packet = av.Packet(content)
            packet.pts = packet.dts = k * step
            packet.time_base, packet.stream, packet.is_keyframe = base, stream, key
            container.mux(packet)


def measured(bundle: Path, clip: Path, runner: str, every: int) -> None:
    """Replay in this process, and print what it took."""
    import mobilecat as mc

    found = mc.replay(bundle, clip, runner=runner, every=every)
    peak = {
        who: resource.getrusage(flag).ru_maxrss / 1024
        for who, flag in (("ours", resource.RUSAGE_SELF), ("child", resource.RUSAGE_CHILDREN))
    }
    share = found.work / found.wall
    told = {"frames": found.frames, "share": share, "rate": found.frames / found.wall, **peak}
    print(json.dumps({k: round(v, 3) for k, v in told.items()}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=2)
    parser.add_argument("--runner", default="onnx")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--one", nargs=2, type=Path)
    args = parser.parse_args()
    if args.one:
        measured(*args.one, args.runner, args.every)
        return
    with tempfile.TemporaryDirectory() as home:
        bundle = made_bundle(Path(home))
        for seconds in (10.0, 60 * args.minutes):
            clip = Path(home) / f"{seconds:g}.mp4"
            write_looped(clip, seconds, args.rate, (1920, 1080))
            words = ["--one", str(bundle), str(clip), "--runner", args.runner]
            words += ["--every", str(args.every if seconds > 10 else 1)]
            done = subprocess.run(
                [sys.executable, "-m", "tools.measure_replay", *words],
                stdout=subprocess.PIPE, text=True, check=True,
            )  # fmt: skip
            print(f"{seconds:g} s of 1080p:", done.stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
