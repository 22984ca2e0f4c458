"""Damaged, foreign, linked and huge folders: one error that says what is wrong, never an abort."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import ArtifactError
from tests.formats.coreai.build import F, Net, d, save

from mobilecat.formats.coreai import apple  # isort: skip
from mobilecat.formats.coreai.read import decode  # isort: skip
from mobilecat.formats.coreai.read.bytecode import _sections  # isort: skip
from mobilecat.formats.coreai.read.package import read_package  # isort: skip

OPS = 4
"""The section of ops."""
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def model(tmp_path):
    def body(v):
        return d.sigmoid(d.broadcasting_add(v, np.arange(64, dtype=F)))

    return save(tmp_path / "a.aimodel", {"main": Net({"x": np.ones(64, F)}, body)})


def said(path):
    with pytest.raises(ArtifactError) as e:
        decode(path)
    return str(e.value)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.7])
def test_a_program_cut_short(model, share):
    program = model / "main.mlirb"
    data = program.read_bytes()
    program.write_bytes(data[: int(len(data) * share)])
    assert "main.mlirb is" in said(model)


def test_the_last_hundredth_is_missed(model):
    """Apple's reader would end the process over it."""
    program = model / "main.mlirb"
    data = program.read_bytes()
    program.write_bytes(data[: int(len(data) * 0.99)])
    assert "main.mlirb is cut short" in said(model)


def test_bytes_that_end_apples_process(model):
    """Ops that are none, in sections that are whole: they end the child, and are an error here."""
    program = model / "main.mlirb"
    with program.open("r+b") as file:
        at, length = _sections(file, program.stat().st_size)[OPS]
        file.seek(at + 8)
        file.write(b"\xff" * (length - 8))
    words = said(model)
    assert "Apple's coreai-core does not read this Core AI model" in words
    assert "its process ended with SIG" in words


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"", "it begins with b''"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(50), "no MLIR bytecode"),
        (b"ML\xefR", "cut short"),
        (b"ML\xefR\x0dMLIR22\x00" + b"\xff" * 60, "cut short"),
    ],
)
def test_foreign_bytes(model, bad, words):
    (model / "main.mlirb").write_bytes(bad)
    assert words in said(model)


def test_links_leave_the_folder_for_nothing(model, tmp_path):
    outside = tmp_path / "outside"
    for name in ("main.mlirb", "metadata.json", "main.hash"):
        file = model / name
        kept = file.read_bytes()
        outside.write_bytes(kept)
        file.unlink()
        file.symlink_to(outside)
        assert f"{name} is a link" in said(model)
        file.unlink()
        file.write_bytes(kept)
    decode(model)


def test_a_file_of_five_gigabytes_is_not_read(model):
    with (model / "main.mlirb").open("ab") as f:
        f.truncate(5 << 30)
    assert "5,368,709,120 bytes" in said(model)


def test_missing_parts(model, tmp_path):
    (model / "metadata.json").write_text("[1, 2")
    assert "metadata.json is no JSON" in said(model)
    (model / "metadata.json").write_text("[" * 200_000)
    assert "metadata.json is no JSON" in said(model)
    (model / "metadata.json").unlink()
    decode(model)  # Apple's runtime does without it too
    (model / "main.mlirb").unlink()
    assert "has no main.mlirb" in said(model)
    (tmp_path / "file.aimodel").write_text("x")
    assert "is a file" in said(tmp_path / "file.aimodel")
    assert "not found" in said(tmp_path / "none.aimodel")


def test_the_hash_is_held_where_the_file_is_ours(model):
    assert read_package(model).hash_held
    (model / "main.hash").write_bytes(bytes(32))
    assert not read_package(model).hash_held
    decode(model)
    with pytest.raises(ArtifactError, match="damaged") as e:
        decode(model, strict=True)
    assert "main.hash is not the SHA-256" in str(e.value)


def test_a_run_past_its_time_is_ended(model):
    with pytest.raises(ArtifactError, match="does not read") as e:
        apple.run_graphs(model, [("main", {"x": np.ones(64, F)})], seconds=0.001)
    assert "more than 0 s" in str(e.value)


def test_a_sample_of_damaged_files():
    """The whole count is docs/coreai.md's; each must end in a result or an error."""
    command = [sys.executable, str(ROOT / "tools" / "fuzz_runtime.py"), "--format", "coreai"]
    command += ["--count", "12", "--megabytes", "8000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "12 damaged files from 2 models" in done.stdout
