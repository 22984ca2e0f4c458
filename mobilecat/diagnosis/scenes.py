"""From captured frames, or two lists of detections, to pairs of true and observed boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.capture import Capture, CapturedBox, CapturedFrame, Space
from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.diagnosis.search import DELAYS
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.affine import F64, Affine
from mobilecat.geometry.orientation import upright_from_stored
from mobilecat.geometry.vision import image_from_vision

Pair = tuple[CapturedBox, CapturedBox]


@dataclass(frozen=True)
class Setting:
    """Scenes to diagnose, and what a reader should know of how they were made."""

    scenes: tuple[Scene, ...]
    notes: tuple[str, ...] = ()


def norm_from(space: Space, facts: Facts) -> Affine:
    """Return the map from a space to normalised on the upright picture, top-left origin."""
    w, h = facts.image_wh
    norm = Affine.scale_then_move(1 / w, 1 / h)
    if space == "normalized":
        return Affine.identity()
    if space == "vision":
        return image_from_vision((1, 1))
    if space == "image":
        return norm
    if space == "frame":
        return norm @ upright_from_stored(facts.orientation, facts.frame_wh)
    if space == "model":
        return norm @ facts.request.image_from_model
    if facts.view is None:
        raise MobileCatError(
            "Boxes in view points need the view",
            [Problem("no view is given", fix="--view 390x844 --gravity resizeAspectFill")],
        )
    return norm @ facts.view.view_from_image(facts.image_wh).inverse()


def pair_boxes(true: Sequence[CapturedBox], observed: Sequence[CapturedBox]) -> list[Pair] | None:
    """Return the pairs that are known before any hypothesis, by id; None where none is known.

    One box alone on both sides is one object. All else is paired by the hypothesis under test.
    """
    ids = [b.id for b in (*true, *observed)]
    if ids and all(i is not None for i in ids):
        by_id = {b.id: b for b in observed}
        return [(t, by_id[t.id]) for t in true if t.id in by_id]
    if len(true) == len(observed) == 1:
        return [(true[0], observed[0])]
    return None


def _partners(
    true: Sequence[CapturedBox], observed: Sequence[CapturedBox]
) -> npt.NDArray[np.bool_]:
    """Which boxes may be one object: those of one class, where both sides tell classes."""
    left, right = np.array([b.class_id for b in true]), np.array([b.class_id for b in observed])
    told = left.any() and right.any()
    same = left[:, None] == right[None, :]
    return same if told else np.ones_like(same)


def scene_of(
    facts: Facts,
    true: Sequence[CapturedBox],
    true_in: Space,
    observed: Sequence[CapturedBox],
    observed_in: Space,
) -> tuple[Scene, list[Pair] | None]:
    """Return one frame's scene, and the pairs that are known already."""
    pairs = pair_boxes(true, observed)
    left, right = norm_from(true_in, facts), norm_from(observed_in, facts)
    t = list(true) if pairs is None else [a for a, _ in pairs]
    o = list(observed) if pairs is None else [b for _, b in pairs]
    counts = {len(b.points) for b in (*t, *o)}
    marks = bool(t) and bool(o) and len(counts) == 1 and counts != {0}
    scored = bool(t) and bool(o) and all(b.score is not None for b in (*t, *o))
    evidence = Evidence(
        left.boxes_xyxy(_boxes(t)),
        # A box with its corners swapped is drawn as the same rectangle: sorting loses nothing.
        right.boxes_xyxy(_boxes(o)),
        left.points(np.array([b.points for b in t])) if marks else None,
        right.points(np.array([b.points for b in o])) if marks else None,
        np.array([b.score for b in t], dtype=np.float64) if scored else None,
        np.array([b.score for b in o], dtype=np.float64) if scored else None,
        missing=len(true) - len(t),
        extra=len(observed) - len(o),
        partners=None if pairs is not None else _partners(t, o),
        edges=_edges(facts, observed_in),
    )
    return Scene(facts, evidence), pairs


def _edges(facts: Facts, drawn_in: Space) -> F64:
    """The rectangles in which what was drawn may have been cut off, normalised. (E, 4)."""
    edges = [np.array([0.0, 0.0, 1.0, 1.0])]
    size = None
    if drawn_in == "view" and facts.view is not None:
        size = facts.view.size
    elif drawn_in == "model":
        size = facts.model_wh
    if size is not None:
        edges.append(norm_from(drawn_in, facts).boxes_xyxy(np.array([0.0, 0.0, *size])))
    return np.stack(edges)


def _boxes(boxes: Sequence[CapturedBox]) -> F64:
    return np.array([b.box_xyxy for b in boxes], dtype=np.float64).reshape(-1, 4)


def setting_of(
    capture: Capture, found: Mapping[int, Sequence[CapturedBox]] | None = None
) -> Setting:
    """Return the scenes of a capture. found: true boxes (upright pixels) by frame, from a model.

    Errors: MobileCatError naming each frame that has no true boxes, or cannot be paired.
    """
    problems, notes = [], []
    made: list[tuple[CapturedFrame, Scene, list[Pair] | None]] = []
    for k, frame in enumerate(capture.frames):
        truth = _truth(frame, (found or {}).get(k))
        if truth is None:
            problems.append(
                Problem(
                    "has neither true boxes nor model outputs",
                    f"frames.{k}",
                    "name the bundle, which then runs on its `image`"
                    if frame.image
                    else "write `outputs`, or give DIR --image FILE",
                )
            )
            continue
        true, space = truth
        try:
            scene, pairs = scene_of(frame.facts, true, space, frame.drawn, frame.drawn_in)
        except MobileCatError as e:
            problems += [Problem(p.what, f"frames.{k}", p.fix) for p in e.problems]
            continue
        notes += [f"frames.{k}: {text}" for text in frame.contradictions]
        made.append((frame, scene, pairs))
    if problems:
        raise MobileCatError("These frames cannot be diagnosed", problems)
    return Setting(tuple(_with_history(made)), tuple(dict.fromkeys(notes)))


def _truth(
    frame: CapturedFrame, found: Sequence[CapturedBox] | None
) -> tuple[Sequence[CapturedBox], Space] | None:
    if frame.true is not None and not (frame.app_drew and found is not None):
        return frame.true, frame.true_in
    if found is not None:
        return found, "image"
    return (frame.outputs, "model") if frame.outputs is not None else None


def _with_history(made: Sequence[tuple[CapturedFrame, Scene, list[Pair] | None]]) -> list[Scene]:
    """Give each scene the true boxes of the same objects some frames before.

    An object is known by its id, or by being the only one of every frame.
    """
    if len(made) <= max(DELAYS) or any(p is None for _, _, p in made):
        return [scene for _, scene, _ in made]
    known = [p or [] for _, _, p in made]
    lone = all(len(p) == 1 for p in known)
    names: list[list[object]] = [["lone"] if lone else [t.id for t, _ in p] for p in known]
    if any(n is None for row in names for n in row):
        return [scene for _, scene, _ in made]
    scenes = []
    for k, (_, scene, _) in enumerate(made):
        earlier = {}
        for d in DELAYS:
            rows = np.full((len(names[k]), 4), np.nan)
            if k >= d:
                before = dict(zip(names[k - d], made[k - d][1].evidence.true, strict=True))
                for i, name in enumerate(names[k]):
                    rows[i] = before.get(name, rows[i])
            earlier[d] = rows
        scenes.append(Scene(scene.facts, replace(scene.evidence, earlier=earlier)))
    return scenes
