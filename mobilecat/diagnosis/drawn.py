"""The same bugs where the app draws the model's input itself: what is said of an `.aimodel`.

No Vision request takes one. Whatever else moves a box is told in the catalogue's own words.
"""
# ruff: noqa: E501  (a table: one sentence a line)

from __future__ import annotations

_TURN = "FrameRequest(orientation: …, fit: .app(…)).drawing(pad:).coreImageFromFrame turns and fits in one map: no .oriented() beside it"
_LYING = "The frame was drawn into the model's input lying on its side{more}: turn it by .{{needed}} (EXIF {{exif}})."

# fmt: off
WORDS: dict[str, tuple[str, str]] = {
    "1": ("The boxes are upside down: an .aimodel's count from the top left, so they need no flip; or else its input was drawn upside down.",
          "use request.imageFromModel.box(b) as it is: 1 − y − height is Vision's; draw by Drawing.coreImageFromFrame, which has Core Image's flip"),
    "2": ("Every box sits one box-height too low: an .aimodel's count from the top left, so they need no flip.",
          "use request.imageFromModel.box(b) as it is: 1 − y is for what counts from the lower edge"),
    "4": (_LYING.format(more=""), _TURN),
    "4b": (_LYING.format(more=" (the other one)"), _TURN),
    "4c": (_LYING.format(more=" and mirrored"), _TURN),
    "4d": (_LYING.format(more=" and mirrored"), _TURN),
    "4e": ("The frame came upright and was turned all the same, so it was drawn into the model's input lying on its side: turn it by .{needed} (EXIF {exif}).", _TURN),
    "5": ("The picture was drawn upside down, or turned twice: turn it by .{needed} (EXIF {exif}), once.",
          "after connection.videoRotationAngle draw with .up; coreImageFromFrame takes the unturned CIImage"),
    "8": ("Boxes are squeezed towards the middle: take off the padding that the app drew before scaling back.",
          "request.imageFromModel of the request that was drawn: x = (X − left)·W/newWidth"),
    "9": ("Boxes are pushed away from the middle: padding was taken off that was never drawn.",
          "undo exactly the resize that was drawn, once: request.imageFromModel; Core AI undoes none"),
    "10": ("Everything is off by half the padding: it was drawn on both sides, or else only right and below.",
           "draw and undo by one ResizePlan: left and top are its own"),
    "11": ("The model saw only the middle of the frame, and its boxes were spread over the whole: draw all of it, or undo the crop.",
           "fit: .app(.letterbox, nil) draws the whole picture; for a crop undo CropPlan.imageFromModel"),
    "27": ("The boxes are right but their scores fell: red and blue are probably swapped.",
           "render into a buffer of kCVPixelFormatType_32BGRA, and copy no bytes by hand"),
    "28": ("Scores collapsed: pixel values were scaled before the model, which does it inside, or drawn in another colour space.",
           "CIContext.render(_:to:bounds:colorSpace:) with CGColorSpace.sRGB; bytes 0–255, nothing divided"),
}
# fmt: on
