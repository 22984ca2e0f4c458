"""The original model in onnxruntime or TensorFlow, all around it in numpy. The reference.

It shares nothing with the compiled path but the file: no opset conversion, no folding, no baked op.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.disk import sha256_of
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.base.source import Gradient, Reference
from mobilecat.formats.importing import (
    ImportOptions,
    Source,
    open_changed_reference,
    open_reference,
)
from mobilecat.graph import Array
from mobilecat.graph.anchors import anchors_from_metadata
from mobilecat.heads import ANCHORS, NETWORKS_OWN, Candidates, reference_decode
from mobilecat.heads.reference.masks import finished
from mobilecat.heads.reference.tensors import tensors_from_candidates
from mobilecat.rows import rows_among
from mobilecat.spec import ImageSpec, RawHead


class SourceRunner:
    def __init__(self, opened: Reference, bundle: Bundle) -> None:
        how = "its values rounded as the file says" if opened.rounds else "float32"
        self.note = f"the original model in {opened.engine}, {how}; decode and NMS in numpy"
        self.rounds = opened.rounds
        self._bundle = bundle
        anchors = anchors_from_metadata(opened.metadata)
        self._anchors = {} if anchors is None else {ANCHORS: anchors}
        self._model = opened.network
        self._ranked = opened.ranked
        self._gradients = opened.gradients
        self.engine = opened.engine
        self._dtypes = opened.dtypes

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        spec = self._bundle.spec
        raw = self._raw(inputs)
        if isinstance(spec.head, RawHead) or spec.input is None:
            return raw
        return self.results(raw, taps)

    def results(self, raw: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        """Return what follows from the network's own outputs, with the inner values `taps`."""
        bundle = self._bundle
        decoded = self._decoded(raw)
        results = suppressed(bundle, decoded)
        values = {**raw, **{f"{name}{NETWORKS_OWN}": value for name, value in raw.items()}}
        for contract, value in zip(bundle.candidates, decoded.all.values(), strict=True):
            values[contract.name] = np.asarray(value, dtype=contract.dtype)
        results.update((tap, values[tap]) for tap in taps if tap in values and tap not in results)
        return results

    def candidates(self, image: Array) -> Candidates:
        """Return what the head decodes of `image`, uint8 [H,W,C], before suppression: float64."""
        return self._decoded(self._raw({"image": image}))

    def for_bundle(self, bundle: Bundle) -> SourceRunner:
        """Return the same opened model with what another bundle says around it, such as other
        preprocessing."""
        other = copy.copy(self)
        other._bundle = bundle
        return other

    @property
    def takes_several(self) -> bool:
        """Whether several threads may run it at a time, as onnxruntime allows of its sessions."""
        return self.engine == "onnxruntime"

    @property
    def takes_whole_numbers(self) -> bool:
        """Whether pixels enter the network as they are, so that no range changes them."""
        return bool(np.issubdtype(self._dtypes[self._picture_input()], np.integer))

    def raw(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the network's own outputs."""
        return self._raw(inputs)

    def scores(self, raw: Mapping[str, Array]) -> Array:
        """Return what the head makes of them: a score a candidate and class, (N,C), float64."""
        found: Array = np.asarray(self._decoded(raw).scores, np.float64)
        return found.reshape(-1, found.shape[-1])

    @property
    def has_gradients(self) -> bool:
        """Whether the source's engine takes gradients of it."""
        return self._gradients is not None

    def gradient(
        self, inputs: Mapping[str, Array], maps: Sequence[Array], factors: Mapping[str, Array]
    ) -> Gradient:
        """Return the gradient of Σ factor · raw output at the first of `maps` (C,H,W) that the
        network computes. Errors: ModelError where it computes none."""
        assert self._gradients is not None
        return self._gradients(self._feeds(inputs), maps, factors)

    @property
    def sorts(self) -> bool:
        """Whether a TopK sorts rows of the network's outputs."""
        return self._ranked is not None

    def ranks(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return what each raw output's rows are sorted by, falling, [N]; none without a TopK."""
        if self._ranked is None:
            return {}
        found = self._ranked(self._feeds(inputs))
        return {n: v.reshape(-1) for n, v in found.items() if v.size == v.shape[-1]}

    def _raw(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self._model.run(self._feeds(inputs))

    def _feeds(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        image = self._bundle.spec.input
        if image is None:
            return inputs
        name = self._picture_input()
        picture = {name: self._tensor(inputs["image"], image).astype(self._dtypes[name])}
        others = {t.name: inputs[t.name] for t in self._bundle.inputs if t.name != "image"}
        return {**picture, **others}

    def _decoded(self, raw: Mapping[str, Array]) -> Candidates:
        spec = self._bundle.spec
        assert spec.input is not None
        return reference_decode(spec.head, {**self._anchors, **raw}, spec.input.size)

    def _picture_input(self) -> str:
        spec = self._bundle.spec.input
        assert spec is not None
        fitting = (spec.shape("NCHW"), spec.shape("NHWC"))
        shapes = self._bundle.source.shapes
        return spec.tensor or next(n for n, s in shapes.items() if s in fitting)

    def _tensor(self, pixels: Array, spec: ImageSpec) -> Array:
        x = pixels[..., ::-1] if spec.color == "BGR" else pixels
        if spec.transposed:
            x = x.transpose(1, 0, 2)
        first = self._bundle.source.shapes[self._picture_input()] == spec.shape("NCHW")
        if x.dtype != np.uint8:  # `diagnose` tries ranges that no byte holds
            tensor = _normalised(x, spec)
            return np.ascontiguousarray(tensor.transpose(2, 0, 1) if first else tensor)[None]
        # Of each channel the 256 values that a byte can become, in float64, looked up. Every byte
        # is within the table: "clip" only spares a check that takes three times as long.
        table = _normalised(np.arange(256)[:, None], spec).T
        height, width, channels = x.shape
        found = np.empty((channels, height, width) if first else x.shape, np.float32)
        for c in range(channels):
            np.take(table[c], x[..., c], out=found[c] if first else found[..., c], mode="clip")
        return found[None]


def _normalised(pixels: Array, spec: ImageSpec) -> Array:
    """Return pixels [..., C] or [..., 1] of 0..255 as the network takes them, [..., C] float32."""
    low, high = spec.range
    x = low + pixels.astype(np.float64) / 255.0 * (high - low)
    x = (x - np.array(spec.per_channel(spec.mean))) / np.array(spec.per_channel(spec.std))
    return np.asarray(x, dtype=np.float32)


def source_in(runner: object) -> SourceRunner | None:
    """Return the source's own runner, also from inside one that only writes down what it gives."""
    inner = getattr(runner, "inner", runner)
    return inner if isinstance(inner, SourceRunner) else None


def suppressed(bundle: Bundle, decoded: Candidates) -> dict[str, Array]:
    """Return the tensor contract that follows from what a head decodes."""
    spec, nms = bundle.spec, bundle.spec.effective_nms
    if nms is None or spec.input is None:
        return _one_result(decoded)
    return finished(spec.head, tensors_from_candidates(decoded, nms), spec.input.size)


def _one_result(decoded: Candidates) -> dict[str, Array]:
    """Return the tensor contract of a head that gives one result a picture."""
    rows = {
        row.name: row.rows(decoded.rows[row.name], 1)[None].astype(np.float32)
        for row in rows_among(decoded.rows)
    }
    return {
        "boxes": decoded.boxes.astype(np.float32),
        "scores": decoded.scores.max(axis=2).astype(np.float32),
        "class_ids": decoded.scores.argmax(axis=2).astype(np.int32),
        **rows,
        "count": np.array([1], np.int32),
    }


def open_source(folder: Path, bundle: Bundle, override: Path | None = None) -> Runner:
    """Load the source model; NotRun where it is not there, or not the one that was compiled."""
    path = source_file(folder, bundle, override)
    return SourceRunner(open_reference(_source(path, bundle), bundle.source.shapes), bundle)


def source_file(folder: Path, bundle: Bundle, override: Path | None = None) -> Path:
    """Return the source model's file; NotRun where it is not there, or another one."""
    path = override or folder / bundle.source.path
    if not path.exists():
        raise NotRun(f"the source model is not at {path}: commit it, or name it with --source FILE")
    if sha256_of(path) != bundle.source.sha256:
        raise NotRun(f"{path} is not the model that was compiled: its SHA-256 differs")
    return path


def _source(path: Path, bundle: Bundle) -> Source:
    said = bundle.spec.import_
    options = ImportOptions(signature=said.signature, inputs=said.inputs, outputs=said.outputs)
    return Source(path, bundle.source.format, options)


Change = Callable[[str, Array], Array]
"""(name of a weight, its values) → its changed values."""


def open_changed(
    folder: Path, bundle: Bundle, change: Change, override: Path | None = None
) -> Runner:
    """Load the source with each weight changed, preprocessing's too. NotRun as `open_source`."""
    path = source_file(folder, bundle, override)
    opened = open_changed_reference(_source(path, bundle), bundle.source.shapes, change)
    return _Changed(opened, bundle, change)


class _Changed(SourceRunner):
    """Preprocessing as one factor and one bias a channel, each changed like a weight."""

    def __init__(self, opened: Reference, bundle: Bundle, change: Change) -> None:
        super().__init__(opened, bundle)
        self._change = change

    def _tensor(self, pixels: Array, spec: ImageSpec) -> Array:
        low, high = spec.range
        std = np.array(spec.per_channel(spec.std), np.float64)
        scale = (high - low) / 255 / std
        bias = (low - np.array(spec.per_channel(spec.mean))) / std
        plain = spec.model_copy(update={"range": (0.0, 255.0), "mean": 0.0, "std": 1.0})
        x = super()._tensor(pixels, plain).astype(np.float64)
        shape = [1] * 4
        shape[1 if x.shape == spec.shape("NCHW") else 3] = -1
        # float32 first: what is exact there stays so
        factor, shift = (
            self._change(n, v.astype(np.float32)).astype(np.float64).reshape(shape)
            for n, v in (("preprocess/scale", scale), ("preprocess/bias", bias))
        )
        return np.ascontiguousarray(x * factor + shift, dtype=np.float32)
