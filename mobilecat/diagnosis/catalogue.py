"""The known bugs, one row each: what happened, how to fix it, and what it does to boxes."""
# ruff: noqa: E501  (a table: one sentence a line)

from __future__ import annotations

from dataclasses import dataclass

from mobilecat.diagnosis import maps
from mobilecat.diagnosis.drawn import WORDS
from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.maps import Ways
from mobilecat.geometry.orientation import Orientation


@dataclass(frozen=True)
class Bug:
    """A row of the table.

    id:       its number in the catalogue. stage: where in the chain it happens, for pairs.
    happened: one sentence; {needed} and {exif} are the orientation to hand over.
    evidence: "boxes" where a map tells; else what does: "scores", "frames".
    """

    id: str
    name: str
    happened: str
    swift: str
    kotlin: str
    ways: Ways
    stage: int
    evidence: str = "boxes"

    def sentence(self, facts: Facts) -> str:
        """Return `happened` for these facts: what a tired person reads first."""
        needed = facts.orientation
        if self.turns and needed == Orientation.UP:
            needed = NEEDS[self.id] if facts.handed in (None, Orientation.UP) else needed
        happened = WORDS[self.id][0] if self._drawn(facts) else self.happened
        return happened.format(needed=needed.cg_name, exif=int(needed))

    def in_swift(self, facts: Facts) -> str:
        """Return the fix in Swift for these facts."""
        return WORDS[self.id][1] if self._drawn(facts) else self.swift

    def _drawn(self, facts: Facts) -> bool:
        return facts.engine == "coreai" and self.id in WORDS

    @property
    def turns(self) -> bool:
        """Whether the frame went in turned or mirrored."""
        return self.id in NEEDS


NEEDS = {
    "4": Orientation.RIGHT,
    "4b": Orientation.LEFT,
    "4c": Orientation.LEFT_MIRRORED,
    "4d": Orientation.RIGHT_MIRRORED,
    "5": Orientation.DOWN,
}
FRAME, MODEL, FORMAT, VISION, VIEW, LAST = range(6)

_HAND_OVER = "VNImageRequestHandler(cvPixelBuffer: b, orientation: .right) for a back camera held upright; table: docs/coordinates.md"
_HAND_OVER_LEFT = "VNImageRequestHandler(cvPixelBuffer: b, orientation: .left) for a back camera held upside down; table: docs/coordinates.md"
_ROTATE = "turn by imageProxy.imageInfo.rotationDegrees before the model, or ImageProcessingOptions.setOrientation"

# fmt: off
BUGS: tuple[Bug, ...] = (
    Bug("1", "y not flipped",
        "The boxes are upside down: Vision counts y from the lower edge, so draw at 1 − y − height.",
        "r.origin.y = 1 − r.minY − r.height; VNImageRectForNormalizedRect does not flip",
        "leave y as it is: TFLite and ML Kit count from the top", maps.y_not_flipped, VISION),
    Bug("2", "y flipped, height not subtracted",
        "Every box sits one box-height too low: flip with 1 − y − height, not with 1 − y.",
        "y: 1 − box.minY − box.height (that is 1 − box.maxY)",
        "top = 1 − (y + height)", maps.height_not_subtracted, VISION),
    Bug("3", "x mirrored",
        "Left and right are swapped: mirror the boxes exactly when the preview is mirrored.",
        "if connection.isVideoMirrored, draw at 1 − x − width, and hand over a …Mirrored orientation only once",
        "front camera: PreviewView mirrors, ImageAnalysis does not: x' = width − x",
        maps.ignored(Orientation.UP_MIRRORED), VIEW),
    Bug("4", "rotation ignored (needs .right)",
        "The frame was handed over lying on its side: tell Vision the orientation is .{needed} (EXIF {exif}).",
        _HAND_OVER, _ROTATE, maps.ignored(Orientation.RIGHT), FRAME),
    Bug("4b", "rotation ignored (needs .left)",
        "The frame was handed over lying on its other side: tell Vision the orientation is .{needed} (EXIF {exif}).",
        _HAND_OVER_LEFT, _ROTATE, maps.ignored(Orientation.LEFT), FRAME),
    Bug("4c", "rotation and mirror ignored (needs .leftMirrored)",
        "The frame was handed over lying on its side and mirrored: tell Vision the orientation is .{needed} (EXIF {exif}).",
        ".leftMirrored for the front camera held upright, if results are to be mirrored as the preview is",
        "turn by rotationDegrees, then mirror, for the front camera", maps.ignored(Orientation.LEFT_MIRRORED), FRAME),
    Bug("4d", "rotation and mirror ignored (needs .rightMirrored)",
        "The frame was handed over lying on its side and mirrored: tell Vision the orientation is .{needed} (EXIF {exif}).",
        ".rightMirrored for the front camera held upside down, if results are to be mirrored",
        "turn by rotationDegrees, then mirror, for the front camera", maps.ignored(Orientation.RIGHT_MIRRORED), FRAME),
    Bug("5", "half a turn too much: corrected twice",
        "The picture is upside down: either the frame was, or its rotation was corrected twice; hand over .{needed} (EXIF {exif}), once.",
        "after connection.videoRotationAngle or videoOrientation hand over .up; do not rotate again",
        "ML Kit's InputImage takes rotationDegrees: do not rotate the bitmap as well",
        maps.ignored(Orientation.DOWN), FRAME),
    Bug("6", "width and height swapped",
        "Boxes were scaled by height where it should be width: a turned frame's sides are swapped.",
        "scale with the upright size: for .right, width = CVPixelBufferGetHeight(b)",
        "with rotationDegrees 90 or 270 the upright width is imageProxy.height", maps.sides_swapped, VIEW),
    Bug("7", "the view's scale or offset ignored",
        "The preview shows the picture with another scale and offset than the boxes were drawn with.",
        "previewLayer.layerRectConverted(fromMetadataOutputRect:), or s·W·u + (Vw − s·W)/2 with s = max(Vw/W, Vh/H) for resizeAspectFill",
        "PreviewView's getOutputTransform(), or the scale type's own scale and offset", maps.view_misplaced, VIEW),
    Bug("8", "scaleFit's padding not undone",
        "Boxes are squeezed towards the middle: take the padding off before scaling back.",
        "x = (X − (Sw − g·W)/2)/g, g = min(Sw/W, Sh/H); recognised objects have this done by Vision",
        "subtract the letterbox offset, then divide by its scale", maps.padding_kept, MODEL),
    Bug("9", "padding undone twice, or a stretch read as a letterbox",
        "Boxes are pushed away from the middle: padding was taken off that is not there.",
        "VNRecognizedObjectObservation is undone by Vision already; with scaleFill there is no padding",
        "undo a letterbox only if the input was made by one", maps.padding_undone_twice, MODEL),
    Bug("10", "padding on the wrong side",
        "Everything is off by half the padding: it lies on both sides, or else only right and below.",
        "Vision's scaleFit is taken to centre (measure it on a device); subtract (Sw − g·W)/2",
        "letterboxes centre; YOLOX and some ports pad right and below only", maps.padding_elsewhere, MODEL),
    Bug("11", "centerCrop not undone",
        "The model saw only the middle of the frame, and its boxes were spread over the whole: set imageCropAndScaleOption, or undo the crop.",
        "request.imageCropAndScaleOption = .scaleFit or .scaleFill (the default is .centerCrop), or x = (X + (g·W − Sw)/2)/g",
        "the analysis crop (imageProxy.cropRect) must be added back", maps.crop_kept, MODEL),
    Bug("12", "points taken for pixels, or pixels for points",
        "Boxes are too large or too small by the screen's scale: views count in points, buffers in pixels.",
        "divide pixels by view.contentScaleFactor; CALayer frames are points",
        "multiply dp by resources.displayMetrics.density", maps.points_for_pixels, VIEW),
    Bug("13", "region of interest not mapped back",
        "Boxes are relative to the region of interest, but were used as if it were the whole picture.",
        "x = roi.minX + roi.width · box.minX, y likewise; once only",
        "add the crop's origin and multiply by its size, once", maps.region_for_full, VISION),
    Bug("14", "region of interest upside down",
        "The region of interest was given with y from the top; Vision counts it from the lower edge.",
        "roi.origin.y = 1 − y − height",
        "crop rectangles count from the top: no flip", maps.region_not_flipped, VISION),
    Bug("15", "CIImage's extent ignored",
        "Everything is off by the same amount: a cropped CIImage does not begin at (0, 0).",
        "add image.extent.origin, or image.transformed(by: .init(translationX: −e.minX, y: −e.minY)) first",
        "no such type; check the crop's left and top", maps.extent_ignored, FRAME),
    Bug("16", "[y, x, y, x] read as [x, y, x, y]",
        "x and y are swapped: TensorFlow's boxes are [ymin, xmin, ymax, xmax].",
        "CGRect(x: b[1], y: b[0], width: b[3] − b[1], height: b[2] − b[0])",
        "RectF(b[1], b[0], b[3], b[2])", maps.yx_for_xy, FORMAT),
    Bug("17", "[x, y, w, h] read as corners",
        "Width and height were read as the second corner.",
        "CGRect(x: b[0], y: b[1], width: b[2], height: b[3])",
        "RectF(b[0], b[1], b[0] + b[2], b[1] + b[3])", maps.xywh_for_xyxy, FORMAT),
    Bug("18", "corners read as [x, y, w, h]",
        "The second corner was read as width and height: boxes reach too far right and down.",
        "CGRect(x: b[0], y: b[1], width: b[2] − b[0], height: b[3] − b[1])",
        "RectF(b[0], b[1], b[2], b[3])", maps.xyxy_for_xywh, FORMAT),
    Bug("19", "centre read as corner",
        "Every box is off by half its size to the right and down: x and y are its centre.",
        "CGRect(x: b[0] − b[2]/2, y: b[1] − b[3]/2, width: b[2], height: b[3])",
        "RectF(cx − w/2, cy − h/2, cx + w/2, cy + h/2)", maps.centre_for_corner, FORMAT),
    Bug("20", "corner read as centre",
        "Every box is off by half its size to the left and up: x and y are its corner already.",
        "CGRect(x: b[0], y: b[1], width: b[2], height: b[3])",
        "RectF(x, y, x + w, y + h)", maps.corner_for_centre, FORMAT),
    Bug("21", "centre and size read as corners",
        "[cx, cy, w, h] was read as two corners.",
        "CGRect(x: b[0] − b[2]/2, y: b[1] − b[3]/2, width: b[2], height: b[3])",
        "RectF(cx − w/2, cy − h/2, cx + w/2, cy + h/2)", maps.centre_for_xyxy, FORMAT),
    Bug("22", "normalised taken for pixels, or pixels for normalised",
        "Boxes are too large or too small by the picture's whole size: one side counts 0 to 1, the other pixels.",
        "multiply a normalised box by the size exactly once: VNImageRectForNormalizedRect",
        "multiply by the bitmap's width and height exactly once", maps.wrong_unit, FORMAT),
    Bug("22b", "one picture's pixels used on another",
        "Boxes were drawn in the model's or the picture's own pixels, without scaling to where they are drawn.",
        "scale from the model's input to the picture, then to the view",
        "multiply by bitmap size / input size, then by the view's scale", maps.model_for_image, VIEW),
    Bug("23", "landmarks relative to the box",
        "The landmarks are relative to the face's box, but were used as the picture's.",
        "VNImagePointForFaceLandmarkPoint, or box.minX + box.width · p.x; then flip y",
        "add the box's left and top, after multiplying by its size", maps.box_relative_marks, VISION),
    Bug("24", "inclusive corner",
        "Boxes are one pixel too small or too large: the last pixel was counted in on one side only.",
        "width = x2 − x1, with edges; + 1 only for indices of pixels",
        "RectF edges are exclusive: right = last pixel + 1", maps.inclusive_pixels, FORMAT),
    Bug("25", "half a pixel, or a padding rounded otherwise",
        "Everything is off by up to half a pixel of the model's input: another rounding of padding or resize.",
        "Swift's .rounded() rounds .5 away from zero, Python's round to even; invert with (X − left)·W/newWidth",
        "Math.round differs from Python's round at .5; use half-pixel centres", maps.half_pixel, MODEL),
    Bug("26", "row stride ignored",
        "The picture is sheared: its rows are longer in memory than its width.",
        "address = base + y·CVPixelBufferGetBytesPerRow(b) + x·4; never width·4",
        "plane.rowStride and plane.pixelStride, never width", maps.stride_ignored, FRAME),
    Bug("27", "red and blue swapped",
        "The boxes are right but their scores fell: red and blue are probably swapped.",
        "32BGRA buffers are blue first; hand the CVPixelBuffer over, or swap when copying bytes",
        "ARGB_8888 ints are not RGB bytes: take them apart", maps.nothing, LAST, "scores"),
    Bug("28", "wrong range of pixel values",
        "Scores collapsed: pixel values were scaled twice, or not at all ([0, 1], [−1, 1] and 0 to 255 mixed up).",
        "the artifact takes bytes 0–255 and scales inside: hand the buffer over as it is",
        "feed bytes (or 0–255 floats): no NormalizeOp in front of the baked model", maps.nothing, LAST, "scores"),
    Bug("29", "stale frame",
        "Boxes lag behind what moves: they were drawn on a later frame than they belong to.",
        "draw with the frame's own CMSampleBuffer time; alwaysDiscardsLateVideoFrames = true",
        "STRATEGY_KEEP_ONLY_LATEST, and draw by imageInfo.timestamp", maps.nothing, LAST, "frames"),
)
# fmt: on
BY_ID = {bug.id: bug for bug in BUGS}
