"""TensorFlow's and Keras's files as a value: they are read, and never written."""

from mobilecat.formats.base.format import Format, late

_ROOM = "mobilecat.formats.tensorflow"

TENSORFLOW = Format(
    name="tensorflow",
    title="TensorFlow",
    suffixes=(".keras", ".h5", ".hdf5", ".pb"),
    inspect=late(_ROOM, "inspect:inspect_model"),
    sources=("keras", "keras-hdf5", "saved-model", "tf-graph"),
    dims=late(_ROOM, "read:tensorflow_dims"),
    read=late(_ROOM, "read:import_tensorflow"),
    reference=late(_ROOM, "run:reference"),
    changed=late(_ROOM, "run:changed"),
)
