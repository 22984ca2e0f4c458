"""The known bugs, one row each: what happened, and what it does to boxes. Their fixes: fixes.py."""
# ruff: noqa: E501  (a table: one sentence a line)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mobilecat.diagnosis import anchors, families, maps
from mobilecat.diagnosis.drawn import WORDS
from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.families import Families, Family
from mobilecat.diagnosis.fixes import FIXES, Fix
from mobilecat.diagnosis.maps import Ways
from mobilecat.diagnosis.turning import NEEDS, TURNED_ELSEWHERE, as_if, denied, to_hand_over
from mobilecat.geometry.orientation import Orientation


def _none(f: Facts) -> Iterator[Family]:
    yield from ()


@dataclass(frozen=True)
class Bug:
    """A row of the table.

    id:       its number in the catalogue. stage: where in the chain it happens, for pairs.
    happened: one sentence; {needed} and {exif} are the orientation to hand over, {label} is which
              way it showed, with the numbers that were fitted.
    evidence: "boxes" where a map tells; else what does: "scores", "frames", "picture".
    families: the ways that have numbers of their own, which are fitted.
    """

    id: str
    name: str
    happened: str
    ways: Ways
    stage: int
    evidence: str = "boxes"
    families: Families = _none

    def sentence(self, facts: Facts, label: str = "") -> str:
        """Return `happened` for these facts: what a tired person reads first."""
        if denied(self.id, facts):
            return as_if(self.id, facts)
        needed = to_hand_over(self.id, facts) if self.turns else facts.orientation
        happened = WORDS[self.id][0] if self._drawn(facts) else self.happened
        return happened.format(needed=needed.cg_name, exif=int(needed), label=label)

    def fix(self, facts: Facts) -> Fix:
        """Return the fix in each language for these facts."""
        if denied(self.id, facts):
            return TURNED_ELSEWHERE
        fix = FIXES[self.id]
        if self.turns and (needed := to_hand_over(self.id, facts)) != NEEDS[self.id]:
            fix = fix._replace(swift=_HAND_OVER.format(needed=needed.cg_name))
        return fix._replace(swift=WORDS[self.id][1]) if self._drawn(facts) else fix

    def _drawn(self, facts: Facts) -> bool:
        return facts.engine == "coreai" and self.id in WORDS

    def called(self, facts: Facts) -> str:
        """Return its name; of a turn, with the orientation that its sentence says as well."""
        if not self.turns or denied(self.id, facts):
            return self.name
        needed = to_hand_over(self.id, facts).cg_name
        return self.name.replace(f"needs .{NEEDS[self.id].cg_name}", f"needs .{needed}")

    @property
    def turns(self) -> bool:
        """Whether the frame went in turned or mirrored."""
        return self.id in NEEDS


_HAND_OVER = (
    "VNImageRequestHandler(cvPixelBuffer: b, orientation: .{needed}); table: docs/coordinates.md"
)
FRAME, MODEL, FORMAT, VISION, VIEW, LAST = range(6)

# fmt: off
BUGS: tuple[Bug, ...] = (
    Bug("1", "y not flipped",
        "The boxes are upside down: Vision counts y from the lower edge, so draw at 1 − y − height.",
        maps.y_not_flipped, VISION),
    Bug("2", "y flipped, height not subtracted",
        "Every box sits one box-height too low: flip with 1 − y − height, not with 1 − y.",
        maps.height_not_subtracted, VISION),
    Bug("3", "x mirrored",
        "Left and right are swapped: mirror the boxes exactly when the preview is mirrored.",
        maps.ignored(Orientation.UP_MIRRORED), VIEW),
    Bug("4", "rotation ignored (needs .right)",
        "The frame was handed over lying on its side: tell Vision the orientation is .{needed} (EXIF {exif}).",
        maps.ignored(Orientation.RIGHT), FRAME),
    Bug("4b", "rotation ignored (needs .left)",
        "The frame was handed over lying on its other side: tell Vision the orientation is .{needed} (EXIF {exif}).",
        maps.ignored(Orientation.LEFT), FRAME),
    Bug("4c", "rotation and mirror ignored (needs .leftMirrored)",
        "The frame was handed over lying on its side and mirrored: tell Vision the orientation is .{needed} (EXIF {exif}).",
        maps.ignored(Orientation.LEFT_MIRRORED), FRAME),
    Bug("4d", "rotation and mirror ignored (needs .rightMirrored)",
        "The frame was handed over lying on its side and mirrored: tell Vision the orientation is .{needed} (EXIF {exif}).",
        maps.ignored(Orientation.RIGHT_MIRRORED), FRAME),
    Bug("4e", "an upright frame was turned",
        "The frame came upright and was turned all the same, so the model saw it lying on its side: hand over .{needed} (EXIF {exif}).",
        maps.turned_though_upright, FRAME),
    Bug("5", "half a turn too much: corrected twice",
        "The picture is upside down: either the frame was, or its rotation was corrected twice; hand over .{needed} (EXIF {exif}), once.",
        maps.ignored(Orientation.DOWN), FRAME),
    Bug("6", "width and height swapped",
        "Boxes were scaled by height where it should be width: a turned frame's sides are swapped.",
        maps.sides_swapped, VIEW),
    Bug("7", "the view's scale or offset ignored",
        "The preview shows the picture with another scale and offset than the boxes were drawn with.",
        maps.view_misplaced, VIEW),
    Bug("8", "scaleFit's padding not undone",
        "Boxes are squeezed towards the middle: take the padding off before scaling back.",
        maps.padding_kept, MODEL),
    Bug("9", "padding undone twice, or a stretch read as a letterbox",
        "Boxes are pushed away from the middle: padding was taken off that is not there.",
        maps.padding_undone_twice, MODEL),
    Bug("10", "padding on the wrong side",
        "Everything is off by half the padding: it lies on both sides, or else only right and below.",
        maps.padding_elsewhere, MODEL),
    Bug("11", "centerCrop not undone",
        "The model saw only the middle of the frame, and its boxes were spread over the whole: set imageCropAndScaleOption, or undo the crop.",
        maps.crop_kept, MODEL),
    Bug("12", "points taken for pixels, or pixels for points",
        "Boxes are too large or too small by the screen's scale: views count in points, buffers in pixels.",
        maps.points_for_pixels, VIEW),
    Bug("13", "region of interest not mapped back",
        "Boxes are relative to the region of interest, but were used as if it were the whole picture.",
        maps.region_for_full, VISION),
    Bug("14", "region of interest upside down",
        "The region of interest was given with y from the top; Vision counts it from the lower edge.",
        maps.region_not_flipped, VISION),
    Bug("15", "CIImage's extent ignored",
        "Everything is off by the same amount: a cropped CIImage does not begin at (0, 0).",
        maps.extent_ignored, FRAME),
    Bug("16", "[y, x, y, x] read as [x, y, x, y]",
        "x and y are swapped: TensorFlow's boxes are [ymin, xmin, ymax, xmax].",
        maps.yx_for_xy, FORMAT),
    Bug("17", "[x, y, w, h] read as corners",
        "Width and height were read as the second corner.",
        maps.xywh_for_xyxy, FORMAT),
    Bug("18", "corners read as [x, y, w, h]",
        "The second corner was read as width and height: boxes reach too far right and down.",
        maps.xyxy_for_xywh, FORMAT),
    Bug("19", "centre read as corner",
        "Every box is off by half its size to the right and down: x and y are its centre.",
        maps.centre_for_corner, FORMAT),
    Bug("20", "corner read as centre",
        "Every box is off by half its size to the left and up: x and y are its corner already.",
        maps.corner_for_centre, FORMAT),
    Bug("21", "centre and size read as corners",
        "[cx, cy, w, h] was read as two corners.",
        maps.centre_for_xyxy, FORMAT),
    Bug("22", "normalised taken for pixels, or pixels for normalised",
        "Boxes are too large or too small by the picture's whole size: one side counts 0 to 1, the other pixels.",
        maps.wrong_unit, FORMAT),
    Bug("22b", "one picture's pixels used on another",
        "Boxes were drawn in the model's or the picture's own pixels, without scaling to where they are drawn.",
        maps.model_for_image, VIEW),
    Bug("23", "landmarks relative to the box",
        "The landmarks are relative to the face's box, but were used as the picture's.",
        maps.box_relative_marks, VISION),
    Bug("24", "inclusive corner",
        "Boxes are one pixel too small or too large: the last pixel was counted in on one side only.",
        maps.inclusive_pixels, FORMAT),
    Bug("25", "half a pixel, or a padding rounded otherwise",
        "Everything is off by up to half a pixel of the model's input: another rounding of padding or resize.",
        maps.half_pixel, MODEL),
    Bug("26", "row stride ignored",
        "The picture is sheared: its rows are longer in memory than its width.",
        maps.stride_ignored, FRAME),
    Bug("27", "red and blue swapped",
        "The boxes are right but their scores fell: red and blue are probably swapped.",
        maps.nothing, LAST, "scores"),
    Bug("28", "wrong range of pixel values",
        "Scores collapsed: pixel values were scaled twice, or not at all ([0, 1], [−1, 1] and 0 to 255 mixed up).",
        maps.nothing, LAST, "scores"),
    Bug("29", "stale frame",
        "Boxes lag behind what moves: they were drawn on a later frame than they belong to.",
        maps.nothing, LAST, "frames"),
    Bug("30", "offset",
        "Everything is drawn {label}: overlay and preview do not begin at the same place (a status bar, a safe area, a toolbar above one of them).",
        maps.nothing, VIEW, families=families.offset),
    Bug("31", "a zoom about the centre",
        "Boxes and preview differ by a zoom about the centre: boxes are drawn {label}, so one of the two is zoomed or cropped (stabilisation, pinch, another format).",
        maps.nothing, VIEW, families=families.zoom),
    Bug("32", "scaled by another size",
        "Boxes were scaled by another size than the one they are drawn in: {label}.",
        maps.nothing, VIEW, families=families.other_size),
    Bug("33", "one scale for both axes, from the other side",
        "One scale was taken for both axes, from the side that does not decide it ({label}).",
        anchors.scale_of_the_other_side, VIEW),
    Bug("34", "mirrored about a wrong axis",
        "Boxes are mirrored {label}: mirror about the middle of what is drawn.",
        maps.nothing, VIEW, families=families.wrong_axis),
    Bug("35", "hung up by another corner or edge",
        "Boxes are hung up by another point than their upper left corner: {label}.",
        anchors.other_anchor, VIEW),
    Bug("36", "squashed or fitted otherwise before the model",
        "The picture reached the model squashed, or fitted otherwise than it was trained on.",
        maps.nothing, LAST, "picture"),
    Bug("37", "bytes read in another layout",
        "The bytes are of another layout than they were read in: planar for interleaved, four bytes a pixel for three, or Y, Cb, Cr for red, green, blue.",
        maps.nothing, LAST, "picture"),
)
# fmt: on
BY_ID = {bug.id: bug for bug in BUGS}
