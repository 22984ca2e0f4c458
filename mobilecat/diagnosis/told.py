"""What a re-run found, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mobilecat.camera.request import AppResize
from mobilecat.diagnosis.facts import Engine
from mobilecat.diagnosis.machine import Chain, Trial
from mobilecat.diagnosis.memory import Layout
from mobilecat.geometry.orientation import Orientation

if TYPE_CHECKING:
    from mobilecat.diagnosis.rerun import Chance, Rerun

COLOUR_TOLD = 0.06
"""A model that swapping red and blue costs less than this says nothing of colours."""
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
    others_find: bool,
) -> tuple[tuple[str, ...], str]:
    """Return the rows of the catalogue and the sentence.

    others_find: whether the model finds something in another direction, though no more than chance.
    """
    if not changes:
        if not len(best.found):
            if others_find:
                return (), (
                    "The model finds nothing in this frame as it was handed over, and what it "
                    "finds in it otherwise is no more than chance gives."
                )
            return (), "The model finds nothing in this frame, whichever way it is handed over."
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


def _objects(t: Trial) -> str:
    return f"{len(t.found)} object{'s' if len(t.found) != 1 else ''}"


def wrong_spec(
    odd: Sequence[str], best: Trial, changes: Sequence[str], ids: tuple[str, ...]
) -> tuple[tuple[str, ...], str]:
    """Return what to say where the bundle as it is gives what no detector gives."""
    said = f"As handed over the model gives what no detector gives: {'; '.join(odd)}"
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
    if field == "values":
        return "28", (
            f"The pixel values had the wrong range: the model finds its objects when they are "
            f"{chain.values}."
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


def cannot_be_told(chance: Chance | None, changes: Sequence[str], ids: Sequence[str]) -> str:
    """Return the sentence on what this model cannot say of this frame; else nothing."""
    blind = chance is not None and chance.colour is not None and chance.colour > -COLOUR_TOLD
    if not blind or "swapped" in changes or "spec" in ids:
        return ""
    return "Whether red and blue are swapped cannot be told with this model and frame."


def chance_notes(chance: Chance | None) -> list[str]:
    """Return what chance gives, as notes for a reader."""
    if chance is None:
        return []
    said = (
        f"what chance gives: over {chance.looks} harmless changes of the picture its score lies at "
        f"{chance.handed:.2f} ± {chance.spread:.2f}"
    )
    if chance.other is not None and chance.turned is not None:
        said += f"; the best other direction, .{chance.turned.cg_name}, at {chance.other:.2f}"
    notes = [said]
    if chance.colour is not None:
        notes.append(f"with red and blue swapped the score changes by {chance.colour:+.2f}")
    return notes


def rerun_json(result: Rerun) -> dict[str, Any]:
    """Return the re-run as JSON values."""
    chance = result.chance
    return {
        "sentence": result.sentence,
        "ids": list(result.ids),
        "engine": result.engine,
        "restored_by": result.restored.chain.words() if result.changes else None,
        "orientation": int(result.restored.chain.orientation),
        "chance": None
        if chance is None
        else {
            "looks": chance.looks,
            "handed": round(chance.handed, 4),
            "spread": round(chance.spread, 4),
            "other": None if chance.other is None else round(chance.other, 4),
            "other_orientation": None if chance.turned is None else int(chance.turned),
            "colour": None if chance.colour is None else round(chance.colour, 4),
        },
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
