"""From captured frames, or two lists of detections, to pairs of true and observed boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

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


def pair_boxes(
    true: Sequence[CapturedBox], observed: Sequence[CapturedBox]
) -> tuple[list[Pair], str]:
    """Return pairs of one object, and how they were found: by id, order, or class and score.

    A bug in coordinates moves boxes and leaves their scores: the nearest score is the partner.
    """
    ids = [b.id for b in (*true, *observed)]
    if ids and all(i is not None for i in ids):
        by_id = {b.id: b for b in observed}
        return [(t, by_id[t.id]) for t in true if t.id in by_id], "id"
    if any(b.score is None for b in (*true, *observed)):
        if len(true) == len(observed):
            return list(zip(true, observed, strict=True)), "order"
        raise MobileCatError(
            "True and observed boxes cannot be paired",
            [
                Problem(
                    f"{len(true)} true and {len(observed)} observed boxes, and not all have scores",
                    fix="give every box an id or a score, or as many boxes on both sides",
                )
            ],
        )
    options = sorted(
        (abs((t.score or 0) - (o.score or 0)), i, j)
        for i, t in enumerate(true)
        for j, o in enumerate(observed)
        if t.class_id == o.class_id
    )
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in options:
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    return [(true[i], observed[j]) for i, j in sorted(partner.items())], "score"


def scene_of(
    facts: Facts,
    true: Sequence[CapturedBox],
    true_in: Space,
    observed: Sequence[CapturedBox],
    observed_in: Space,
) -> tuple[Scene, list[Pair], str]:
    """Return one frame's scene, its pairs, and how they were found."""
    pairs, how = pair_boxes(true, observed)
    left, right = norm_from(true_in, facts), norm_from(observed_in, facts)
    t, o = [a for a, _ in pairs], [b for _, b in pairs]
    marks = bool(pairs) and all(len(a.points) == len(b.points) > 0 for a, b in pairs)
    scored = bool(pairs) and all(b.score is not None for b in (*t, *o))
    evidence = Evidence(
        left.boxes_xyxy(_boxes(t)),
        # A box with its corners swapped is drawn as the same rectangle: sorting loses nothing.
        right.boxes_xyxy(_boxes(o)),
        left.points(np.array([b.points for b in t])) if marks else None,
        right.points(np.array([b.points for b in o])) if marks else None,
        np.array([b.score for b in t], dtype=np.float64) if scored else None,
        np.array([b.score for b in o], dtype=np.float64) if scored else None,
        missing=len(true) - len(pairs),
        extra=len(observed) - len(pairs),
    )
    return Scene(facts, evidence), pairs, how


def _boxes(boxes: Sequence[CapturedBox]) -> F64:
    return np.array([b.box_xyxy for b in boxes], dtype=np.float64).reshape(-1, 4)


def setting_of(
    capture: Capture, found: Mapping[int, Sequence[CapturedBox]] | None = None
) -> Setting:
    """Return the scenes of a capture. found: true boxes (upright pixels) by frame, from a model.

    Errors: MobileCatError naming each frame that has no true boxes, or cannot be paired.
    """
    problems, notes = [], []
    made: list[tuple[CapturedFrame, Scene, list[Pair]]] = []
    for k, frame in enumerate(capture.frames):
        truth = _truth(frame, (found or {}).get(k))
        if truth is None:
            problems.append(
                Problem(
                    "has neither true boxes nor model outputs",
                    f"frames.{k}",
                    "write `outputs`, or give --image FILE --bundle DIR",
                )
            )
            continue
        true, space = truth
        try:
            scene, pairs, how = scene_of(frame.facts, true, space, frame.drawn, frame.drawn_in)
        except MobileCatError as e:
            problems += [Problem(p.what, f"frames.{k}", p.fix) for p in e.problems]
            continue
        if how == "score" and _ties(true):
            notes.append(f"frames.{k}: two boxes have nearly one score; give ids to pair them")
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


def _ties(boxes: Sequence[CapturedBox]) -> bool:
    scores = sorted((b.class_id, b.score or 0.0) for b in boxes)
    return any(a[0] == b[0] and b[1] - a[1] < 0.02 for a, b in pairwise(scores))


def _with_history(made: Sequence[tuple[CapturedFrame, Scene, list[Pair]]]) -> list[Scene]:
    """Give each scene the true boxes of the same objects some frames before.

    An object is known by its id, or by being the only one of every frame.
    """
    lone = len(made) > max(DELAYS) and all(len(p) == 1 for _, _, p in made)
    names: list[list[object]] = [["lone"] if lone else [t.id for t, _ in p] for _, _, p in made]
    if len(made) <= max(DELAYS) or any(n is None for row in names for n in row):
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
