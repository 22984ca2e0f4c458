"""Clips read in the confined child, held to what was drawn, and to colours worked out by hand."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.clips import extra
from mobilecat.clips.child.look import orientation_of, upright_wh
from mobilecat.clips.clip import Frame
from mobilecat.clips.folders import FolderReader, pictures_of
from mobilecat.clips.reading import ClipReader
from mobilecat.clips.writing import new_clip
from mobilecat.errors import ImageError, MobileCatError
from mobilecat.geometry.orientation import Orientation
from tools.render_clips import STORIES, Shot, Stored, Take, shots, write_clip

av = pytest.importorskip("av", reason="NOT_RUN: PyAV is not installed")
WALK = tuple(shots(Take(STORIES["walk"], seconds=0.2, noise=0)))


def frames_of(path: Path, every: int = 1) -> list[Frame]:
    with ClipReader(path, every) as clip:
        return list(clip)


def apart(a: Any, b: Any) -> float:
    """The mean difference of two pictures, in levels; codecs and halved colour lose 3 to 4."""
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("codec", "sound"), [("libx264", "aac"), ("mjpeg", "pcm_s16le")])
def test_a_clip_is_read_upright(tmp_path: Path, rotation: int, codec: str, sound: str) -> None:
    path = tmp_path / "walk.mov"
    write_clip(path, WALK, Stored(codec, rotation, sound=sound))
    with ClipReader(path) as clip:
        found = list(clip)
        facts = clip.facts
    turn = {0: Orientation.UP, 90: Orientation.RIGHT, 180: Orientation.DOWN, 270: Orientation.LEFT}
    assert facts.orientation == turn[rotation] and facts.audio == (sound,)
    with av.open(str(path)) as opened:  # FFmpeg's own word for it, anticlockwise
        assert -next(opened.decode(video=0)).rotation % 360 == rotation
    assert [f.time for f in found] == [s.time for s in WALK]
    for frame, shot in zip(found, WALK, strict=True):
        assert apart(frame.pixels, shot.pixels) < 4.5
        assert apart(frame.pixels, shot.pixels[:, ::-1]) > 12
    if rotation:
        stored = ClipReader(path, stored=True)
        assert apart(np.rot90(next(iter(stored)).pixels, -rotation // 90), WALK[0].pixels) < 4.5
        stored.close()


def test_times_are_the_files_and_not_the_numbers(tmp_path: Path) -> None:
    uneven = list(shots(Take(STORIES["walk"], seconds=0.4, uneven=True)))
    write_clip(tmp_path / "u.mp4", uneven)
    found = frames_of(tmp_path / "u.mp4", every=2)
    thirtieth = Fraction(1, 30)
    assert [f.index for f in found] == [0, 2, 4, 6]
    by_hand = [Fraction(0), Fraction(3), Fraction(11, 2), Fraction(9)]
    assert [f.time for f in found] == [x * thirtieth for x in by_hand]


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", WALK, Stored(aspect=Fraction(4, 3), rotation=90))
    with ClipReader(tmp_path / "a.mp4") as clip:
        frame = next(iter(clip))
        assert clip.facts.stored_wh == (90, 160) and clip.facts.aspect == Fraction(4, 3)
    assert frame.wh == (160, 120)
    assert apart(frame.pixels, WALK[0].pixels) < 6


@pytest.mark.parametrize(
    ("matrix", "full", "ycbcr", "rgb"),
    [
        # BT.601-7 §2.5.3 and BT.709-6 §3: a red of 75%, as test pictures have it.
        (5, False, (65, 100, 212), (191, 0, 0)),
        (1, False, (51, 109, 212), (191, 0, 0)),
        (5, True, (57, 96, 224), (191, 0, 0)),
        (1, True, (41, 106, 223), (190, 0, 0)),
        (5, False, (235, 128, 128), (255, 255, 255)),
        (5, True, (235, 128, 128), (235, 235, 235)),
    ],
)
def test_colour_is_as_the_file_says(
    tmp_path: Path, matrix: int, full: bool, ycbcr: tuple[int, ...], rgb: tuple[int, ...]
) -> None:
    path = tmp_path / "c.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1
        frame = av.VideoFrame(64, 64, "yuv420p")
        for plane, value in zip(frame.planes, ycbcr, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (found,) = frames_of(path)
    assert np.abs(found.pixels[32, 32].astype(int) - rgb).max() <= 2


def test_a_display_matrix_is_one_of_the_eight() -> None:
    def matrix(a: float, b: float, c: float, d: float) -> bytes:
        return struct.pack("=9i", *(round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)

    assert orientation_of(None) == 1
    assert orientation_of(matrix(0, 1, -1, 0)) == 6  # as iPhones write it, held upright
    assert orientation_of(matrix(-1, 0, 0, 1)) == 2
    with pytest.raises(Exception, match="no quarter turn"):
        orientation_of(matrix(0.7, 0.7, -0.7, 0.7))
    with pytest.raises(Exception, match="1000:1"):
        upright_wh((640, 480), Fraction(1000))


def hostile(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return files that are no whole clips, each with what is to be said."""
    whole = folder / "whole.mp4"
    write_clip(whole, WALK)
    data = whole.read_bytes()
    made = {
        "empty.mp4": (b"", "the file is empty"),
        "text.mp4": (b"no clip at all\n" * 99, "it is no clip, or is cut off or damaged"),
        "no_index.mp4": (data[: len(data) // 2], "it is no clip, or is cut off or damaged"),
        "list.m3u8": (b"#EXTM3U\n#EXTINF:1,\nwhole.mp4\n", "it is no clip"),
        "list.ffconcat": (b"ffconcat version 1.0\nfile whole.mp4\n", "it is no clip"),
        "huge.y4m": (b"YUV4MPEG2 W30000 H30000 F30:1 Ip A1:1\nFRAME\n" + b"0" * 99, ""),
        "none.y4m": (b"YUV4MPEG2 W64 H64 F30:1 Ip A1:1\n", "it has no frames"),
        # Headers that promise 4 billion times, a sample of 2 GB, and 2⁶³ bytes of pictures.
        "times.mp4": (patched(data, b"stts", 8, b"\xff" * 4), "cut off or damaged"),
        "sample.mp4": (patched(data, b"stsz", 12, b"\x7f" + b"\xff" * 3), "cut off or damaged"),
        "bytes.mp4": (
            patched(data, b"mdat", -4, b"\0\0\0\1mdat\x7f" + b"\xff" * 7),
            "cut off or damaged",
        ),
        "parameters.mp4": (patched(data, b"avcC", 14, b"\xff" * 12), "not one picture of it"),
    }
    found = {}
    for name, (bytes_, says) in made.items():
        (folder / name).write_bytes(bytes_)
        found[name] = (folder / name, says)
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        for k in range(4):
            chunk = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), "s16", "mono")
            chunk.sample_rate, chunk.pts = 16_000, 1024 * k
            container.mux(stream.encode(chunk))
        container.mux(stream.encode())
    found["sound.mp4"] = (folder / "sound.mp4", "it has sound, but no pictures")
    return found


def patched(data: bytes, box: bytes, at: int, new: bytes) -> bytes:
    """Return a file with bytes of a box replaced, from `at` behind its name's start."""
    i = data.index(box) + at
    return data[:i] + new + data[i + len(new) :]


def test_what_is_no_whole_clip_is_one_clear_error(tmp_path: Path) -> None:
    for name, (path, says) in hostile(tmp_path).items():
        with pytest.raises(ImageError) as e:
            frames_of(path)
        assert says in str(e.value) and name in str(e.value), e.value
        assert len(e.value.problems) == 1


def test_a_clip_that_is_cut_off_gives_what_there_is_and_then_an_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    write_clip(whole, WALK, Stored("mjpeg", sound=""))
    moved = tmp_path / "front.mp4"  # the index first, as streamed clips have it
    with (
        av.open(str(whole)) as old,
        av.open(str(moved), "w", options={"movflags": "faststart"}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    data = moved.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: -len(data) // 3])
    read = []
    says = r"not whole[\s\S]*of 6 frames are missing"
    with ClipReader(tmp_path / "cut.mp4") as clip, pytest.raises(ImageError, match=says):
        read.extend(clip)
    assert 1 <= len(read) < 6


def test_a_clip_is_written_with_its_sound_as_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "old.mp4", tmp_path / "new.mp4"
    uneven = list(shots(Take(STORIES["walk"], seconds=0.3, uneven=True)))
    write_clip(old, uneven, Stored(rotation=90))
    with ClipReader(old) as clip, new_clip(new, clip, (160, 120)) as writer:
        for frame in clip:
            writer.add(frame, frame.pixels)
    assert writer.copied > 3 and packets_of(new) == packets_of(old)
    again = frames_of(new)
    assert [f.time for f in again] == [s.time for s in uneven]
    assert again[0].orientation == Orientation.UP and apart(again[0].pixels, uneven[0].pixels) < 5
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def packets_of(path: Path) -> list[tuple[float, bytes]]:
    """Return the sound's packets: when, and their bytes."""
    with av.open(str(path)) as opened:
        return [
            (float(p.dts * p.time_base), bytes(p))
            for p in opened.demux(audio=0)
            if p.dts is not None
        ]


def test_an_error_on_the_way_leaves_what_was_there(tmp_path: Path) -> None:
    write_clip(tmp_path / "old.mp4", WALK)
    target = tmp_path / "out.mp4"
    target.write_bytes(b"before")
    with (
        ClipReader(tmp_path / "old.mp4") as clip,
        pytest.raises(RuntimeError),
        new_clip(target, clip, (160, 120)) as writer,
    ):
        writer.add(next(iter(clip)), WALK[0].pixels)
        raise RuntimeError("on the way")
    assert target.read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old.mp4", "out.mp4"]


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    from PIL import Image

    for k in (10, 9, 2):
        Image.new("RGB", (8, 4), (k, 0, 0)).save(tmp_path / f"frame_{k}.png")
    paths = pictures_of(tmp_path)
    assert [p.name for p in paths] == ["frame_2.png", "frame_9.png", "frame_10.png"]
    turned = [(p, Orientation.RIGHT, Fraction(k, 10)) for k, p in enumerate(paths)]
    with FolderReader("frames", turned) as folder:
        found = list(folder)
        assert folder.facts.stored_wh == (8, 4) and folder.facts.rate == 10
    assert [f.pixels[0, 0, 0] for f in found] == [2, 9, 10] and found[0].wh == (4, 8)
    with pytest.raises(ImageError, match="There are no frames"):
        FolderReader("nothing", [])


def test_without_the_extra_the_command_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(MobileCatError, match=r"pip install 'mobilecat\[video\]'"):
        ClipReader(tmp_path / "any.mp4")


def test_boxes_of_a_drawn_clip_are_where_its_cats_are() -> None:
    """The tool itself: a cat's box is the extent of its landmarks, and moves as the story says."""
    first, last = WALK[0], WALK[-1]
    assert first.boxes_xyxy.shape == (1, 4) and first.landmarks_xy.shape == (1, 9, 2)
    moved = last.landmarks_xy[0, :2].mean(0) - first.landmarks_xy[0, :2].mean(0)
    assert moved[0] == pytest.approx(0.4 * float(last.time) * 120, abs=1.5)
    gone = [s.ids for s in shots(Take(STORIES["leave"], seconds=0.8, rate=10))]
    assert gone == [(0,)] * 4 + [()] * 2 + [(0,)] * 2
    assert isinstance(first, Shot)
