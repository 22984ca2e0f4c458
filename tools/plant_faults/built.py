"""Models of seeded networks: those of docs/systems.md that are built, on the demo's pictures."""

from __future__ import annotations

import sys
from pathlib import Path

from mobilecat.demo import FOLDER
from mobilecat.formats.coreai.dialect import missing
from mobilecat.spec import spec_from_text
from tools.plant_faults.workshop import Model, make_model

TOOLS = Path(__file__).resolve().parents[1]
PICTURES = ("one_at_night", "two_on_a_sofa", "three_in_a_meadow")
TARGETS = {
    "mlpackage": '[[targets.coreml]]\nprecision = "float32"',
    "half.mlpackage": '[[targets.coreml]]\nname = "{}.half"',
    "mlmodel": '[[targets.coreml]]\nformat = "mlmodel"\nprecision = "float32"',
    "tflite": "[targets.tflite]",
    "onnx": "[targets.onnx]",
    "aimodel": "[targets.coreai]",
}
"""By format; `half` is float16, its decode in float32."""


def formats_here() -> tuple[str, ...]:
    """Return every format that this machine writes."""
    return tuple(f for f in TARGETS if f != "aimodel" or not missing())


def built(builder: str, root: Path, formats: tuple[str, ...]) -> Model:
    """Build the network, export it to these formats, and approve what its source gives.

    builder: its name in tools/systems_nets.py. The last layer is scaled on the pictures that are
    approved, so that none needs test data.
    """
    if str(TOOLS) not in sys.path:
        sys.path.insert(0, str(TOOLS))
    from systems_list import SYSTEMS
    from systems_nets import build

    system = next(s for s in SYSTEMS if s.build == builder)
    text = system.toml(TOOLS.parent / "examples").replace('name = "net"', f'name = "{builder}"')
    text += "\n".join(TARGETS[f].format(builder) for f in formats)
    spec = spec_from_text(text)
    assert spec.input is not None
    pictures = [FOLDER / "pictures" / f"{p}.png" for p in PICTURES]
    source = root / f"{builder}-source.onnx"
    build(builder, spec.input, pictures, source)
    return make_model(spec, source, pictures[:2], root, formats)
