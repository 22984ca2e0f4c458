"""ONNX files, Keras files, TensorFlow graphs and SavedModels, each with something in it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tools.fuzz_inputs.mutate import NASTY, NASTY_TEXTS, flip, json_value
from tools.fuzz_inputs.texts import Words

# --- ONNX -----------------------------------------------------------------------------------------


def onnx_file(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Change a small network; export or inspect it."""
    import onnx
    from onnx import TensorProto

    proto = onnx.load(sound / "tiny.onnx")
    for _ in range(rng.randint(1, 3)):
        node = rng.choice(proto.graph.node)
        tensor = rng.choice(proto.graph.initializer)
        what = rng.randrange(12)
        if what == 0:
            node.op_type = rng.choice((*_ONNX_OPS, *NASTY_TEXTS[:6]))
        elif what == 1 and node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice(_names(proto))
        elif what == 2:
            tensor.dims[:] = [rng.choice((-1, 0, 1, 3, 2**31, 2**62)) for _ in range(4)]
        elif what == 3:
            tensor.raw_data = tensor.raw_data[: rng.randrange(64)]
        elif what == 4:
            tensor.data_type = rng.randrange(40)
        elif what == 5:
            for key, value in (
                ("location", rng.choice(("../x", "/etc/hostname", "link", "w.bin", "a\0b", "."))),
                ("offset", rng.choice(("-1", "x", "1" * 60, "0", "99999"))),
                ("length", rng.choice(("-5", "1e9", "0", "64", ""))),
            ):
                tensor.external_data.add(key=key, value=value)
            tensor.data_location = TensorProto.EXTERNAL
            tensor.ClearField("raw_data")
        elif what == 6 and node.attribute:
            a = rng.choice(node.attribute)
            a.i = rng.choice((-(2**63), -1, 0, 2**40))
            a.ints[:] = [rng.choice((-1, 0, 1, 2**31, 2**62)) for _ in range(rng.randrange(5))]
            a.type = rng.randrange(1, 12)
        elif what == 7:
            name = rng.choice(("f", "g"))
            proto.functions.append(_function(rng, name))
            node.op_type, node.domain = name, "own"
            proto.opset_import.add(domain="own", version=1)
        elif what == 8:
            shape = proto.graph.input[0].type.tensor_type.shape
            for dim in shape.dim:
                dim.dim_value = rng.choice((-1, 0, 1, 3, 2**31, 2**62))
        elif what == 9:
            proto.opset_import[0].version = rng.choice((-1, 0, 7, 9, 12, 99, 2**62))
        elif what == 10:
            node.name = rng.choice(NASTY_TEXTS[:5]).encode("utf-8", "ignore").decode()
            node.output[0] = rng.choice(("x\x1b[2J", "", "input", node.output[0]))
        else:
            del proto.graph.node[rng.randrange(len(proto.graph.node))]
            if not proto.graph.node:
                break
    data = proto.SerializeToString()
    (folder / "m.onnx").write_bytes(flip(data, rng) if rng.random() < 0.2 else data)
    (folder / "w.bin").write_bytes(bytes(128))
    (folder / "link").symlink_to("/etc/hostname")
    if rng.random() < 0.3:
        return ("inspect", str(folder / "m.onnx"))
    text = 'source = "m.onnx"\n[targets.onnx]\n'
    (folder / "mobilecat.toml").write_text(text)
    return ("export", str(folder / "mobilecat.toml"), "-o", str(folder / "out"))


_ONNX_OPS = (
    *("Range", "Tile", "Expand", "ConstantOfShape", "Loop", "If", "Scan", "Resize", "Gather"),
    *("Reshape", "Transpose", "Concat", "Split", "TopK", "NonMaxSuppression", "Einsum", "Pad"),
    *("Slice", "Conv", "MatMul", "ReduceSum", "SequenceAt", "StringSplit", "LSTM", "Where"),
)


def _names(proto: Any) -> list[str]:
    return [
        *(o for n in proto.graph.node for o in n.output),
        *(i.name for i in proto.graph.initializer),
        *("", "nowhere"),
    ]


def _function(rng: random.Random, name: str) -> Any:
    from onnx import helper

    calls = [helper.make_node(rng.choice(("f", "g", "Relu")), ["x"], [f"y{i}"]) for i in range(3)]
    for node in calls:
        node.domain = "own" if node.op_type in ("f", "g") else ""
    return helper.make_function(
        "own", name, ["x"], ["y2"], calls,
        [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)],
    )  # fmt: skip


# --- Keras ----------------------------------------------------------------------------------------


def keras_file(rng: random.Random, folder: Path, sound: Path) -> Path:
    """Write a Keras file of either format whose configuration was changed."""
    from tests.formats.importing.hostile import KERAS, conv_model
    from tests.formats.importing.hostile import keras_file as write

    config: Any = conv_model()
    if rng.random() < 0.5:
        KERAS[rng.choice(list(KERAS))][0](config, folder / "sentinel")
    nasty = (*NASTY, *_acting(folder))
    if rng.random() < 0.85:
        config = json_value(config, rng, nasty)
    path = folder / rng.choice(("m.keras", "m.h5", "m.hdf5"))
    made = folder / f"made{'.keras' if path.suffix == '.keras' else '.h5'}"
    try:
        write(made, config)
    except (OSError, ValueError, RuntimeError):  # more than HDF5 holds in an attribute
        write(made, json.dumps(conv_model()))
    made.rename(path)
    if rng.random() < 0.15:
        path.write_bytes(flip(path.read_bytes(), rng))
    return path


def _acting(folder: Path) -> tuple[Any, ...]:
    """Return objects that would act, were they built."""
    mark = str(folder / "sentinel")
    called = ["_CONSTANT_VALUE", -1, mark, {"contents": "x"}]
    return (
        {"class_name": "Lambda", "config": {"name": "l", "function": ["4wAAAA==", None, None]}},
        {"class_name": "TFOpLambda", "config": {"name": "w", "function": "io.write_file"},
         "name": "w", "inbound_nodes": [called]},
        {"module": "builtins", "class_name": "function", "config": "exec"},
        {"module": "os", "class_name": "system", "config": {"command": f"touch {mark}"}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"fname": mark}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": mark}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": mark}},
        {"class_name": "__lambda__", "config": {"value": "4wAAAA=="}},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", mark]}},
        {"module": "keras.saving", "class_name": "load_model", "config": {"filepath": mark}},
        "get_file", "io.write_file", "load_op_library", "eval",
    )  # fmt: skip


# --- TensorFlow -----------------------------------------------------------------------------------


def tensorflow_graph(rng: random.Random, folder: Path, sound: Path) -> Path:
    """Write a frozen graph or a SavedModel with other ops put into it."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    saved = rng.random() < 0.5
    if saved:
        path = folder / "saved"
        (path / "variables").mkdir(parents=True)
        model = saved_model_pb2.SavedModel.FromString((sound / "saved.pb").read_bytes())
        graph = model.meta_graphs[0].graph_def
        for file in (sound / "variables").iterdir():
            (path / "variables" / file.name).write_bytes(file.read_bytes())
    else:
        path = folder / "m.pb"
        graph = tf.compat.v1.GraphDef.FromString((sound / "graph.pb").read_bytes())
    lists = [graph.node, *(f.node_def for f in graph.library.function)]
    for _ in range(rng.randint(1, 3)):
        _change(rng, rng.choice([x for x in lists if x] or [graph.node]), folder)
    if saved and rng.random() < 0.3:
        meta = model.meta_graphs[0]
        meta.saver_def.restore_op_name = rng.choice([n.name for n in graph.node])
        meta.collection_def["saved_model_main_op"].node_list.value.append(
            rng.choice(graph.node).name
        )
    data = (model if saved else graph).SerializeToString()
    data = flip(data, rng) if rng.random() < 0.15 else data
    (path / "saved_model.pb" if saved else path).write_bytes(data)
    return path


def _change(rng: random.Random, nodes: Any, folder: Path) -> None:
    import tensorflow as tf

    mark = str(folder / "sentinel")
    what = rng.randrange(4)
    node = rng.choice(nodes)
    if what == 0:
        node.op = rng.choice(_tensorflow_ops())
    elif what == 1:
        node.input[:] = [rng.choice(nodes).name for _ in node.input]
    elif what == 2:
        for key in list(node.attr)[:2]:
            node.attr[key].i = rng.choice((-1, 0, 2**31, 2**62))
    if rng.random() < 0.6:
        return
    name = tf.make_tensor_proto(mark)
    given = nodes.add(name="given_name", op="Const")
    given.attr["dtype"].type = tf.string.as_datatype_enum
    given.attr["value"].tensor.CopyFrom(name)
    acting = nodes.add(name="acts", op=rng.choice(_ACTING), input=["given_name", "given_name"])
    acting.attr["T"].type = tf.string.as_datatype_enum
    if what == 3:
        node.input.append("^acts")


_ACTING = (
    *("WriteFile", "ReadFile", "MatchingFiles", "PyFunc", "EagerPyFunc", "PrintV2", "SaveV2"),
    *("RestoreV2", "DebugIdentityV2", "TFRecordDataset", "RpcCall", "ImmutableConst", "Print"),
)


def _tensorflow_ops() -> list[str]:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session as c

    if not _OPS:
        known = op_def_pb2.OpList.FromString(c.TF_GetBuffer(c.TF_GetAllOpList()))
        _OPS.extend(o.name for o in known.op)
    return _OPS


_OPS: list[str] = []


def sound_networks(folder: Path) -> None:
    """Write a sound graph and SavedModel to change."""
    import tensorflow as tf

    with tf.Graph().as_default() as g:
        x = tf.compat.v1.placeholder(tf.float32, [1, 4, 6, 3], "x")
        y = tf.nn.relu(tf.nn.conv2d(x, tf.ones([3, 3, 3, 4]), 1, "SAME"), name="a")
        tf.identity(tf.nn.softmax(y * 2.0), name="y")
    (folder / "graph.pb").write_bytes(g.as_graph_def().SerializeToString())

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(tf.ones([5, 3]))

        @tf.function(input_signature=[tf.TensorSpec((1, 5), tf.float32, "x")])
        def serve(self, x: Any) -> Any:
            return tf.nn.softmax(tf.matmul(x, self.w))

    module = Module()
    tf.saved_model.save(module, str(folder / "m"), signatures={"serving_default": module.serve})
    (folder / "m" / "saved_model.pb").rename(folder / "saved.pb")
    (folder / "m" / "variables").rename(folder / "variables")
