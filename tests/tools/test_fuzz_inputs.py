"""A sample of the fuzzed inputs: no traceback, no act. The whole: `make fuzz`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilecat.confined import Confinement, start
from tests.formats.importing.tensorflow import needs_tensorflow
from tools.fuzz_inputs.__main__ import WHOLE, run
from tools.fuzz_inputs.child import NETWORKS

SAMPLE = {"spec": 30, "onnx": 15, "tflite": 20, "mlmodel": 10, "labels": 6, "bundle": 12,
          "capture": 10, "coco": 8, "voc": 6, "yolo": 6, "boxes": 5, "arrays": 5,
          "golden": 3}  # fmt: skip


def held(wanted: dict[str, int]) -> None:
    # Each run takes other cases than those at the start, of which most are looked at by hand.
    counts, failed = run({k: range(WHOLE[k], WHOLE[k] + n) for k, n in wanted.items()})
    assert failed == []
    assert sum(counts.values()) == sum(wanted.values())


def test_a_sample() -> None:
    held(SAMPLE)


@needs_tensorflow
def test_a_sample_of_networks() -> None:
    held(dict.fromkeys(NETWORKS, 60))


ACTS = """
import json, os, socket, subprocess, sys
from pathlib import Path
from tools.fuzz_inputs.child import Watch

def tried(act):
    with watch() as seen:
        try:
            act()
        except OSError:
            pass
        return list(seen)

watch = Watch(Path.cwd())
print(json.dumps([
    tried(lambda: open("/tmp/not-ours", "w")),
    tried(lambda: os.mkdir("/tmp/not-ours")),
    tried(lambda: subprocess.run(["true"])),
    tried(lambda: os.system("true")),
    tried(lambda: socket.create_connection(("127.0.0.1", 9), 1)),
    tried(lambda: open("ours", "w").close()),
    tried(lambda: open("/proc/cpuinfo").close()),
]))
"""


def test_the_watch_sees_what_it_is_there_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "acts.py").write_text(ACTS)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    with start("acts", Confinement(tmp_path / "scratch")) as child:
        out, _ = child.communicate(timeout=60)
    written, made, ran, shell, connected, ours, read = json.loads(out)
    assert written == ["open /tmp/not-ours"] and made == ["os.mkdir /tmp/not-ours"]
    assert any("subprocess.Popen" in s for s in ran) and shell and connected
    assert ours == read == []
