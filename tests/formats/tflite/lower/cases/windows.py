"""Convolutions and pooling."""

from __future__ import annotations

from tests.formats.tflite.lower.cases.base import OpCase, drawn_f


def conv(
    name: str, attrs: str, x: str, out: str, *w: int, bias: bool = True, op: str = "Conv"
) -> OpCase:
    size = int(out.split(",")[1])
    text = (
        f"(float[{x}] x) => (float[{out}] y) {{ y = {op}<{attrs}>(x, w{', b' if bias else ''}) }}"
    )
    constants = {"w": drawn_f("w", *w)} | ({"b": drawn_f("b", size)} if bias else {})
    return OpCase(f"{op} {name}", text, constants)


WINDOWS = [
    conv("plain", "kernel_shape=[3,2]", "1,3,6,7", "1,4,4,6", 4, 3, 3, 2, bias=False),
    conv("same", "pads=[1,1,1,1]", "2,3,5,7", "2,4,5,7", 4, 3, 3, 3),
    conv("even kernel", "pads=[0,1,1,0]", "1,3,5,7", "1,4,5,7", 4, 3, 2, 2),
    conv("stride 2 of even", "pads=[1,1,1,1], strides=[2,2]", "1,3,6,8", "1,4,3,4", 4, 3, 3, 3),
    conv("stride 2 of odd", "pads=[1,1,1,1], strides=[2,2]", "1,3,5,7", "1,4,3,4", 4, 3, 3, 3),
    conv("stride as TensorFlow", "pads=[0,0,1,1], strides=[2,2]", "1,3,6,8", "1,4,3,4", 4, 3, 3, 3),
    conv("uneven strides", "pads=[2,0,1,3], strides=[3,2]", "1,3,8,9", "1,4,3,5", 4, 3, 3, 4),
    conv("too much padding", "pads=[3,2,2,3]", "1,2,3,4", "1,3,6,7", 3, 2, 3, 3),
    conv("dilated", "pads=[2,1,2,1], dilations=[2,1]", "1,3,7,8", "1,4,7,8", 4, 3, 3, 3),
    conv("dilated stride", "dilations=[2,3], strides=[2,1]", "1,2,9,9", "1,3,3,3", 3, 2, 3, 3),
    conv("auto upper", 'auto_pad="SAME_UPPER", strides=[2,3]', "1,3,7,8", "1,4,4,3", 4, 3, 4, 3),
    conv("auto lower", 'auto_pad="SAME_LOWER", strides=[2,3]', "1,3,7,8", "1,4,4,3", 4, 3, 4, 3),
    conv("depthwise", "group=4, pads=[1,1,1,1]", "1,4,5,7", "1,4,5,7", 4, 1, 3, 3),
    conv(
        "depthwise twice",
        "group=3, pads=[1,1,1,1], strides=[2,2]",
        "1,3,5,7",
        "1,6,3,4",
        6,
        1,
        3,
        3,
    ),
    conv(
        "depthwise dilated",
        "group=3, pads=[2,2,2,2], dilations=[2,2]",
        "1,3,6,7",
        "1,3,6,7",
        3,
        1,
        3,
        3,
    ),
    conv("grouped", "group=2, pads=[1,1,1,1]", "2,6,5,7", "2,4,5,7", 4, 3, 3, 3),
    conv("one channel", "pads=[1,1,1,1]", "1,1,5,7", "1,3,5,7", 3, 1, 3, 3),
    conv("1-D", "pads=[1,0], strides=[2]", "2,3,9", "2,4,4", 4, 3, 3),
    conv("1-D depthwise", "group=3", "2,3,9", "2,3,7", 3, 1, 3),
    conv("plain", "kernel_shape=[3,2]", "1,3,4,5", "1,2,6,6", 3, 2, 3, 2, op="ConvTranspose"),
    conv(
        "strided",
        "strides=[2,3]",
        "2,3,4,5",
        "2,2,9,15",
        3,
        2,
        3,
        3,
        op="ConvTranspose",
        bias=False,
    ),
    conv(
        "cropped",
        "strides=[2,2], pads=[1,0,1,1]",
        "1,3,4,5",
        "1,2,7,10",
        3,
        2,
        3,
        3,
        op="ConvTranspose",
    ),
    conv(
        "output padding",
        "strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]",
        "1,3,4,5",
        "1,2,8,10",
        3,
        2,
        3,
        3,
        op="ConvTranspose",
    ),
    conv(
        "output beyond",
        "strides=[3,3], output_padding=[2,1]",
        "1,3,2,3",
        "1,2,6,8",
        3,
        2,
        1,
        1,
        op="ConvTranspose",
    ),
    conv(
        "stride beyond kernel",
        "strides=[3,3]",
        "1,2,2,3",
        "1,2,5,8",
        2,
        2,
        2,
        2,
        op="ConvTranspose",
    ),
    conv(
        "depthwise",
        "strides=[2,2], group=3, pads=[1,1,1,1]",
        "1,3,4,5",
        "1,3,8,10",
        3,
        1,
        4,
        4,
        op="ConvTranspose",
    ),
    conv("grouped", "strides=[2,1], group=2", "1,4,3,5", "1,6,7,7", 4, 3, 3, 3, op="ConvTranspose"),
    conv("dilated", "dilations=[2,1]", "1,3,4,5", "1,2,8,7", 3, 2, 3, 3, op="ConvTranspose"),
    conv("1-D", "strides=[2]", "1,3,5", "1,2,11", 3, 2, 3, op="ConvTranspose"),
    conv(
        "auto",
        'strides=[2,3], auto_pad="SAME_UPPER"',
        "1,3,4,5",
        "1,2,8,15",
        3,
        2,
        3,
        3,
        op="ConvTranspose",
    ),
    *(
        OpCase(f"{op} {name}", f"(float[{x}] x) => (float[{out}] y) {{ y = {op}<{attrs}>(x) }}")
        for op in ("MaxPool", "AveragePool", "LpPool")
        for name, attrs, x, out in (
            ("plain", "kernel_shape=[2,3]", "1,3,5,7", "1,3,4,5"),
            ("strided", "kernel_shape=[2,2], strides=[2,2]", "2,3,5,7", "2,3,2,3"),
            ("same", "kernel_shape=[3,3], pads=[1,1,1,1], strides=[1,1]", "1,3,5,7", "1,3,5,7"),
            ("uneven", "kernel_shape=[3,2], pads=[1,0,0,1], strides=[2,1]", "1,3,6,7", "1,3,3,7"),
            ("stride 2", "kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2]", "1,3,6,8", "1,3,3,4"),
            ("1-D", "kernel_shape=[3], pads=[1,1], strides=[2]", "2,3,7", "2,3,4"),
        )
    ),
    *(
        OpCase(
            f"{op} {name}",
            f"(float[1,3,6,7] x) => (float[{out}] y) {{ y = {op}<{attrs}>(x) }}",
            opset=opset,
        )
        for op, opset, name, attrs, out in (
            ("MaxPool", 18, "ceil", "kernel_shape=[3,3], strides=[2,2], ceil_mode=1", "1,3,3,3"),
            (
                "MaxPool",
                18,
                "dilated",
                "kernel_shape=[2,3], dilations=[2,2], pads=[1,0,1,2], strides=[1,2]",
                "1,3,6,3",
            ),
            (
                "AveragePool",
                19,
                "ceil",
                "kernel_shape=[3,3], strides=[2,2], ceil_mode=1",
                "1,3,3,3",
            ),
            (
                "AveragePool",
                19,
                "counting pads",
                "kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1",
                "1,3,6,7",
            ),
            (
                "AveragePool",
                19,
                "counting pads, ceil",
                "kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], ceil_mode=1,"
                " count_include_pad=1",
                "1,3,4,4",
            ),
            (
                "AveragePool",
                19,
                "dilated",
                "kernel_shape=[2,2], dilations=[2,3], pads=[1,1,0,0]",
                "1,3,5,5",
            ),
        )
    ),
]
