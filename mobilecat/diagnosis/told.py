"""What a re-run found, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mobilecat.camera.request import AppResize
from mobilecat.diagnosis.directions import CLEAR, FINE, NAMED, Directions
from mobilecat.diagnosis.facts import Engine
from mobilecat.diagnosis.machine import Chain, Trial, range_said
from mobilecat.diagnosis.memory import Layout
from mobilecat.geometry.orientation import Orientation
from mobilecat.shown import Column, Line, Table
from mobilecat.spec import ImageSpec
from mobilecat.spec.otherwise import said_of

if TYPE_CHECKING:
    from mobilecat.diagnosis.rerun import Rerun

COLOUR_TOLD = 0.06
"""A model that swapping red and blue costs less than this says nothing of colours."""
LIMITS = (
    "no detector tells a mirror image, and a negative, a squashed picture or another fit shows "
    "only where the model minds it"
)
NO_DIRECTION = "Which way up the frame is cannot be told with this model and this picture."
_LIES = {
    Orientation.RIGHT: ("4", "lying on its side"),
    Orientation.LEFT: ("4b", "lying on its side"),
    Orientation.LEFT_MIRRORED: ("4c", "lying on its side and mirrored"),
    Orientation.RIGHT_MIRRORED: ("4d", "lying on its side and mirrored"),
    Orientation.DOWN: ("5", "upside down"),
    Orientation.UP_MIRRORED: ("3", "mirrored"),
    Orientation.DOWN_MIRRORED: ("1", "upside down and mirrored"),
    Orientation.UP: ("5", "as if it were turned, but it is upright"),
}


def verdict_of(
    handed: Trial,
    best: Trial,
    changes: Sequence[str],
    layout: Layout | None,
    engine: Engine | None,
    directions: Directions | None,
) -> tuple[tuple[str, ...], str]:
    """Return the rows of the catalogue and the sentence."""
    if not changes:
        if not len(best.found):
            return (), _nothing_found(directions)
        if directions is not None and direction_untold(directions):
            return (), _which_way(best, directions)
        return (), (
            f"Nothing wrong with the frame: as it was handed over the model finds "
            f"{_objects(best)} (best score {best.best:.2f}), and no other way of handing it over "
            "finds more than chance gives."
        )
    ids, said = [], []
    for field in changes:
        bug, sentence = sentence_of(field, best.chain, handed.chain, layout, engine)
        ids.append(bug)
        said.append(sentence)
    return tuple(dict.fromkeys(ids)), " ".join(said)


_ANOTHER = (
    "Take another picture, in which the model is sure (one object, large, upright, well lit); or "
    "name another detector's bundle, which may tell what this one does not; or say where the "
    "objects are (--true boxes.json)."
)


def direction_untold(directions: Directions | None) -> bool:
    """Whether four directions were looked at and none stands out."""
    return directions is not None and not directions.told


def _nothing_found(directions: Directions | None) -> str:
    if directions is None or max(d.score for d in directions.each) < directions.threshold:
        return "The model finds nothing in this frame, whichever way it is handed over."
    score, threshold = directions.handed.score, directions.threshold
    return (
        f"The model finds nothing in this frame as it was handed over (mean score {score:.2f}, "
        f"threshold {threshold:.2f}), and what it finds in it otherwise is no more than chance "
        f"gives. {NO_DIRECTION} {_ANOTHER}"
    )


def _which_way(best: Trial, directions: Directions) -> str:
    handed, threshold = directions.handed, directions.threshold
    other = max(directions.each[1:], key=lambda d: d.probability)
    likeliest = directions.best
    turn = other.orientation.cg_name
    finds = f"As it was handed over it finds {_objects(best)} (best score {best.best:.2f})."
    means = (
        f"Over {directions.looks} harmless changes of the picture the mean score is "
        f"{handed.score:.2f}, and handed over as .{turn} {other.score:.2f}"
    )
    sure = f"so .{likeliest.orientation.cg_name} is upright with a probability of"
    if likeliest.score < threshold:
        why = f"; the likelier lies below the threshold of {threshold:.2f}."
    elif likeliest is handed:
        why = f", {sure} {likeliest.probability:.0%}; {FINE:.0%} would settle it."
    elif likeliest.score < threshold + CLEAR:
        why = f"; so near the threshold of {threshold:.2f} scores come and go by chance."
    else:
        why = f", {sure} {likeliest.probability:.0%}; {NAMED:.0%} would settle it."
    return f"{NO_DIRECTION} {finds} {means}{why} {_ANOTHER}"


def _objects(t: Trial) -> str:
    return f"{len(t.found)} object{'s' if len(t.found) != 1 else ''}"


def wrong_spec(
    odd: Sequence[str], best: Trial, changes: Sequence[str], ids: tuple[str, ...]
) -> tuple[tuple[str, ...], str]:
    """Return what to say where the bundle as it is gives what no detector gives."""
    said = f"As handed over the model gives what no detector gives: {'; '.join(odd)}"
    said += "" if said.endswith((".", "?")) else "."
    if "range" in changes:
        return ids, (
            f"{said} With range = {range_said(best.chain.values)} under [input] it finds "
            f"{_objects(best)} (best score {best.best:.2f}): write that, and export again."
        )
    if "values" not in changes:
        return ids or ("spec",), said
    return ids, (
        f"{said} With the values {best.chain.values} it finds {_objects(best)} (best score "
        f"{best.best:.2f}): the spec's `range`, `mean` or `std` is not what the network was "
        "trained on."
    )


def sentence_of(
    field: str, chain: Chain, handed: Chain, layout: Layout | None, engine: Engine | None
) -> tuple[str, str]:
    """Return a row of the catalogue and the sentence of one change that restores the frame."""
    o = chain.orientation
    if field == "layout" and layout is not None:
        return layout.bug, layout.said
    if field == "orientation":
        bug, how = _LIES[o]
        if engine == "coreai":
            return bug, (
                f"The frame was drawn into the model's input {how}: turn it by .{o.cg_name} "
                f"(EXIF {int(o)})."
            )
        return bug, (
            f"The frame was handed over {how}: tell Vision the orientation is "
            f".{o.cg_name} (EXIF {int(o)})."
        )
    if field == "swapped":
        return "27", (
            "Red and blue were swapped: the model takes RGB, and a 32BGRA buffer has blue first."
        )
    if field == "range":
        return "spec", (
            f"The spec's range is not what the network was trained on: with range = "
            f"{range_said(chain.values)} the model finds its objects. Write it under [input] (take "
            "mean and std away where it has them), and export again."
        )
    if field == "values":
        return "28", (
            f"The pixel values had the wrong range: the model finds its objects when they are "
            f"{chain.values}. Where the app hands over plain bytes, the spec's range is wrong."
        )
    if field == "aspect":
        return "36", (
            f"The frame was squashed on its way: stretched to {chain.aspect:.2f} : 1 the model "
            "finds clearly more."
        )
    return _fitted_otherwise(_name(chain), _name(handed))


def _name(chain: Chain) -> str:
    return chain.fit.mode if isinstance(chain.fit, AppResize) else chain.fit.value


def _fitted_otherwise(right: str, used: str) -> tuple[str, str]:
    if used == "centerCrop":
        why = "the model saw only the middle of the frame"
    elif right == "centerCrop":
        why = "the model was made for the middle of the frame, and saw all of it smaller"
    elif used in ("scaleFill", "stretch"):
        why = "the picture was stretched"
    else:
        why = "the picture was fitted otherwise than the model expects"
    row = "11" if "centerCrop" in (right, used) else "36"
    return row, f"{why[0].upper()}{why[1:]}: {right} finds what {used} loses."


def colours_untold(colour: float | None, changes: Sequence[str], ids: Sequence[str]) -> str:
    """Return the sentence on what this model cannot say of this frame; else nothing."""
    blind = colour is not None and colour > -COLOUR_TOLD
    if not blind or "swapped" in changes or "spec" in ids:
        return ""
    return "Whether red and blue are swapped cannot be told with this model and frame."


def ranges_untold(ranges: Sequence[str], image: ImageSpec) -> str:
    """Return the sentence on ranges with which the model is about as sure; "" without any."""
    if not ranges:
        return ""
    others = " and ".join(map(range_said, ranges))
    return (
        f"Nor does one picture without labels settle the spec's range: with {others} the model is "
        f"as sure as with {said_of(image, 'range')}, or surer; labelled pictures tell more "
        "(mobilecat evaluate --data)."
    )


def colour_note(colour: float | None) -> list[str]:
    if colour is None:
        return []
    return [f"with red and blue swapped the score changes by {colour:+.2f}"]


def direction_lines(directions: Directions) -> list[Line | Table]:
    """Return what the model finds in each direction, as a table for a reader."""
    seen = any(d.score >= directions.threshold for d in directions.each)
    rows = [
        (
            f"  .{d.orientation.cg_name} (EXIF {int(d.orientation)})"
            + (", as handed over" if d is directions.handed else ""),
            f"{d.score:.2f}" + ("" if d.score >= directions.threshold else ", no detection"),
            f"{d.agreement:.0%}",
            f"{d.probability:.0%}" if seen else "-",
        )
        for d in directions.each
    ]
    said = (
        f"  What the model finds in each direction, over {directions.looks} harmless changes of "
        "the picture (smaller, leaning to either side, in a mirror), and which is upright:"
    )
    first = Column("  direction", "word"), Column("mean score", "word")
    columns = [*first, Column("boxes agree"), Column("upright")]
    strong = [directions.each.index(directions.best)] if directions.told else []
    return [Line(said), Table(columns, rows, strong)]


def rerun_json(result: Rerun) -> dict[str, Any]:
    """Return the re-run as JSON values."""
    return {
        "verdict": result.verdict,
        "sentence": result.sentence,
        "ids": list(result.ids),
        "engine": result.engine,
        "restored_by": result.restored.chain.words() if result.changes else None,
        "orientation": int(result.restored.chain.orientation),
        "directions": None
        if result.directions is None
        else [
            {
                "orientation": int(d.orientation),
                "best_score": round(d.score, 4),
                "agreement": round(d.agreement, 4),
                "evidence": round(d.evidence, 4),
                "probability": round(d.probability, 4),
            }
            for d in result.directions.each
        ],
        "colour": None if result.colour is None else round(result.colour, 4),
        "trials": [
            {
                "chain": t.chain.words(),
                "found": len(t.found),
                "best_score": round(t.best, 4),
                "strength": round(t.strength, 4),
            }
            for t in result.trials
        ],
        "detections": result.restored.found.to_json(),
        "notes": list(result.notes),
    }
