"""Every format, one line each. To add one: its folder, and its line here."""

from __future__ import annotations

from mobilecat.formats.base.format import Format
from mobilecat.formats.coreai.format import COREAI
from mobilecat.formats.coreml.format import COREML
from mobilecat.formats.onnx.format import ONNX
from mobilecat.formats.tensorflow.format import TENSORFLOW
from mobilecat.formats.tflite.format import TFLITE
from mobilecat.formats.torch.format import TORCH

FORMATS: dict[str, Format] = {f.name: f for f in (COREML, COREAI, TFLITE, ONNX, TENSORFLOW, TORCH)}
