"""The shortcut for weights writes the very message that coremltools would."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.formats.coreml import neural_network
from tests.formats.coreml.lower.harness import (
    case,
    compiled,
    frozen,
    proto_of,
    reference,
    runtime_inputs,
    tensor,
)

X = tensor(1, 4, 7, 9)
CASES = [
    case("Conv", X, tensor(6, 4, 3, 5), tensor(6, seed=1), const=[1, 2], pads=[2, 0, 1, 3]),
    case("Conv", X, tensor(6, 2, 3, 1), const=[1], group=2),
    case("Conv", tensor(1, 4, 11), tensor(6, 4, 3), const=[1]),
    case("Conv", X, tensor(6, 4, 3, 5), note="dynamic weight"),
    case("ConvTranspose", X, tensor(4, 3, 3, 2), const=[1], strides=[2, 3]),
    case("Gemm", tensor(3, 5), tensor(5, 7), tensor(7), const=[1, 2]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_same_bytes(case: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto = proto_of(case)  # type: ignore[arg-type]
    want = reference(proto, runtime_inputs(case))  # type: ignore[arg-type]
    written = []
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        if folder == "theirs":
            monkeypatch.setattr(
                neural_network, "_weights_as_bytes", neural_network._no_progress_bar
            )
        artifact = compiled(frozen(proto, want, tmp_path), tmp_path / folder, "mlmodel")
        written.append(artifact.path.read_bytes())
    assert written[0] == written[1]
    assert len(written[0]) > 4 * 6 * 4


def test_lengths_past_one_byte() -> None:
    """Base-128 varints of protobuf's encoding page: 150 is 96 01, 2¹⁴ is 80 80 01."""
    assert neural_network._varint(150) == b"\x96\x01"
    assert neural_network._varint(127) == b"\x7f"
    assert neural_network._varint(1 << 14) == b"\x80\x80\x01"
