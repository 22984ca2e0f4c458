"""Whole or not there: exports and goldens survive a kill at any moment."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mobilecat.disk import files as disk
from mobilecat.disk import origin
from mobilecat.errors import MobileCatError


def test_new_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "old").write_text("old")
    with disk.new_folder(out) as fresh:
        (fresh / "new").write_text("new")
        assert (out / "old").exists(), "the old bundle stays until the new one is whole"
    assert [p.name for p in out.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "old").write_text("old")
    with pytest.raises(RuntimeError), disk.new_folder(out) as fresh:
        (fresh / "half").write_text("x")
        raise RuntimeError
    assert [p.name for p in out.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_a_killed_writer_leaves_the_old_folder_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "old").write_text("old")
    code = (
        "import sys, time; from pathlib import Path; from mobilecat import disk\n"
        "with disk.new_folder(Path(sys.argv[1])) as f:\n"
        "    (f / 'half').write_text('x'); print('go', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "go\n"
    writer.kill()
    writer.wait()
    assert [p.name for p in out.iterdir()] == ["old"]
    with disk.new_folder(out) as fresh:
        (fresh / "new").write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]
    assert [p.name for p in out.iterdir()] == ["new"]


def test_killed_at_random_moments_there_is_always_one_whole_folder(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    code = (
        "import sys; from pathlib import Path; from mobilecat import disk\n"
        "print('go', flush=True)\n"
        "for n in range(10**6):\n"
        "    with disk.new_folder(Path(sys.argv[1])) as f:\n"
        "        for k in range(3): (f / str(k)).write_text(str(n))\n"
    )
    for moment in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.01 + 0.007 * moment)
        writer.kill()
        writer.wait()
        if out.exists():
            texts = [(out / str(k)).read_text() for k in range(3)]
            assert len(set(texts)) == 1, "files of two exports in one folder"
    assert out.exists()


def test_write_text_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    disk.write_text(path, "one")
    disk.write_text(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["f.json"]


def test_hash_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "x").write_bytes(b"1")
    assert disk.sha256_of(a) == disk.sha256_of(b)
    (b / "sub" / "x").write_bytes(b"2")
    assert disk.sha256_of(a) != disk.sha256_of(b)
    (b / "sub" / "x").write_bytes(b"1")
    (b / "sub" / "x").rename(b / "sub" / "y")
    assert disk.sha256_of(a) != disk.sha256_of(b)
    assert disk.size_of(a) == 1


HALFWAY = """
import sys
from pathlib import Path
from mobilecat.disk import files as disk
from mobilecat.disk import origin
with disk.new_folder(Path(sys.argv[1])) as fresh:
    (fresh / "half").write_text("x")
    print("here", flush=True)
    sys.stdin.readline()
"""


def test_a_live_processs_half_written_folder_stays(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    other = subprocess.Popen(
        [sys.executable, "-c", HALFWAY, str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None and other.stdin is not None
    assert other.stdout.readline() == "here\n"
    with disk.new_folder(out) as fresh:
        (fresh / "new").write_text("new")
        assert (tmp_path / f".bundle{disk.MARK}{other.pid}" / "half").exists()
    other.stdin.write("on\n")
    other.stdin.close()
    assert other.wait(timeout=60) == 0
    assert [p.name for p in out.iterdir()] == ["half"]  # the last one to finish
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_only_an_approval_writes_an_approved_golden(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("{}")
    golden = tmp_path / "approved-tflite.json"
    golden.write_text("looked at")
    with pytest.raises(MobileCatError, match="not written"):
        disk.write_text(golden, "a report")
    assert golden.read_text() == "looked at"
    disk.write_text(golden, "approved anew", approves=True)
    assert golden.read_text() == "approved anew"
    disk.write_text(tmp_path / "report.json", "a report")


def test_where_the_swap_fails_the_old_folder_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "old").write_text("old")

    def full(a: Path, b: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(disk, "_exchange", full)
    with pytest.raises(OSError, match="no space"), disk.new_folder(out) as fresh:
        (fresh / "new").write_text("new")
    assert [p.name for p in out.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_the_code_s_hash_leaves_out_only_the_rooms_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "package"
    for name in ("disk", "cli"):
        (room / name).mkdir(parents=True)
        (room / name / "a.py").write_text("x = 1")
    monkeypatch.setattr(origin, "__file__", str(room / "disk" / "origin.py"))

    def both() -> tuple[str, str]:
        origin.code_sha256.cache_clear()
        return origin.code_sha256(), origin.code_sha256(("cli",))

    first = both()
    assert first[0] != first[1]
    (room / "cli" / "a.py").write_text("x = 2")
    second = both()
    assert second[0] != first[0] and second[1] == first[1]
    (room / "disk" / "a.py").rename(room / "disk" / "b.py")
    assert both()[1] != first[1], "a file's name counts"
    origin.code_sha256.cache_clear()


def test_a_package_that_is_not_there_has_the_version_that_one_says() -> None:
    assert origin.version_of("numpy")[0].isdigit()
    assert origin.version_of("no-such-package", "none") == "none"


def test_what_can_be_computed_again_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[int] = []
    monkeypatch.setattr(disk.os, "fsync", settled.append)
    disk.write_text(tmp_path / "a", "lasting")
    disk.write_text(tmp_path / "b", "kept", kept=True)
    assert len(settled) == 1
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "lasting", "b": "kept"}
