"""What a phone may do with a .tflite that its author did not think of, read from the file."""

from __future__ import annotations

from collections import Counter

DETECTION = "TFLite_Detection_PostProcess"
NMS = ("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", DETECTION)

# What LiteRT's GPU delegate takes, given types and shapes that it likes (`NewOperationParser`):
# https://github.com/google-ai-edge/LiteRT/blob/main/tflite/delegates/gpu/common/model_builder.cc
_GPU = """
ABS ADD ADD_N AVERAGE_POOL_2D BATCH_MATMUL CAST CONCATENATION CONV_2D COS CUMSUM DENSIFY
DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV EQUAL ELU EXP FLOOR FLOOR_DIV FLOOR_MOD
FULLY_CONNECTED GATHER GELU GREATER GREATER_EQUAL HARD_SWISH LESS LESS_EQUAL LOGISTIC LOG
LOGICAL_AND LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD
PADV2 POW REDUCE_MAX REDUCE_MIN REDUCE_PROD QUANTIZE RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1
LEAKY_RELU PRELU RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SIGN SIN
SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM
TANH TILE TRANSPOSE TRANSPOSE_CONV UNPACK Convolution2DTransposeBias MaxPoolingWithArgmax2D
MaxUnpooling2D Resampler
"""
GPU = frozenset(_GPU.split())


def lints(ops: list[str], channels: int | None, has_metadata: bool) -> tuple[str, ...]:
    """Return facts that a user should know. ops: the operators' names, in order."""
    return (*_gpu(ops), *_detection(ops, channels, has_metadata))


def _gpu(ops: list[str]) -> list[str]:
    unknown = Counter(op for op in ops if op not in GPU)
    if not unknown:
        return []
    listed = ", ".join(f"{n}× {op}" if n > 1 else op for op, n in unknown.items())
    first = next(i for i, op in enumerate(ops) if op in unknown)
    behind = f"{first} of {len(ops)} operators are before the first of them"
    what = ": the baked NMS runs" if unknown.keys() & set(NMS) else ", which the model runs"
    return [f"a GPU delegate has no {listed}{what} on the CPU ({behind})"]


def _detection(ops: list[str], channels: int | None, has_metadata: bool) -> list[str]:
    if DETECTION not in ops:
        return []
    said = [
        "rows from the number of detections on are not written and hold anything: read "
        f"{DETECTION}:3"
    ]
    if has_metadata and channels == 1:
        said.append("MediaPipe Tasks takes colour pictures, and this input has one channel")
    return said
