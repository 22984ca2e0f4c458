"""The faults that tools/mutate_android.py plants in the Android kit: what people get wrong there.

Each is one replacement in one file; the old text must occur exactly once.
"""
# ruff: noqa: E501  (a table: one fault a line)

from __future__ import annotations

from geometry_mutants import Mutant, _in

# fmt: off
MUTANTS: list[Mutant] = [
    *_in(
        "geometry/Affine.kt",
        ("composition keeps the first move", "a * first.tx + b * first.ty + tx", "a * first.tx + b * first.ty + first.tx"),
        ("inverse keeps the sign of b", "val ib = -b / det", "val ib = b / det"),
        ("turned anticlockwise", "Affine(cos(radians), -sin(radians), 0.0, sin(radians), cos(radians), 0.0)", "Affine(cos(radians), sin(radians), 0.0, -sin(radians), cos(radians), 0.0)"),
        ("boxes are mapped by two corners", "point(PointXY(box.x1, box.y1)), point(PointXY(box.x2, box.y1)),\n            point(PointXY(box.x2, box.y2)), point(PointXY(box.x1, box.y2))", "point(PointXY(box.x1, box.y1)), point(PointXY(box.x2, box.y2))"),
        ("Vision's y is not flipped", "scaleThenMove(imageWH.w, -imageWH.h, 0.0, imageWH.h)", "scaleThenMove(imageWH.w, imageWH.h, 0.0, 0.0)"),
    ),
    *_in(
        "geometry/Boxes.kt",
        ("centre read as corner", "BoxXYXY(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)", "BoxXYXY(cx, cy, cx + w, cy + h)"),
        ("yxyx read as xyxy", "YXYX -> BoxYXYX(row[0], row[1], row[2], row[3])", "YXYX -> BoxYXYX(row[1], row[0], row[3], row[2])"),
        ("the overlap counts twice in the union", "val union = area + other.area - w * h", "val union = area + other.area"),
    ),
    *_in(
        "geometry/Orientation.kt",
        ("90 degrees turn the other way", "90 -> RIGHT", "90 -> LEFT"),
        ("a quarter turn keeps the size", "if (transpose) storedWH.swapped else storedWH", "storedWH"),
        ("left undoes itself", "if (transpose) of(true, flipY, flipX) else this", "this"),
        ("composition flips the wrong axis", "flipX != (if (transpose) first.flipY else first.flipX)", "flipX != first.flipX"),
    ),
    *_in(
        "geometry/PictureView.kt",
        ("fill fits", "if (mode.fills) maxOf(sx, sy) else minOf(sx, sy)", "minOf(sx, sy)"),
        ("FIT_START is centred", "FIT_START, FILL_START -> 0.0", "FILL_START -> 0.0"),
        ("mirroring forgets the width", "Affine.scaleThenMove(-1.0, 1.0, imageWH.w, 0.0)", "Affine.scaleThenMove(-1.0, 1.0)"),
        ("right to left swaps top and bottom", "(size.h - sy * imageWH.h) * shareY", "(size.h - sy * imageWH.h) * shareX"),
    ),
    *_in(
        "geometry/ResizePlan.kt",
        ("letterbox rounds half away", "STRETCH, LETTERBOX -> Rounding.HALF_EVEN", "STRETCH, LETTERBOX -> Rounding.HALF_AWAY"),
        ("ceil for floor", "TRUNCATE -> floor(value)", "TRUNCATE -> kotlin.math.ceil(value)"),
        ("one common ratio", "resizedWH.w.toDouble() / srcWH.w, resizedWH.h.toDouble() / srcWH.h,", "resizedWH.w.toDouble() / srcWH.w, resizedWH.w.toDouble() / srcWH.w,"),
        ("the picture lies top left", "val centred = mode == ResizeMode.LETTERBOX || mode == ResizeMode.FIT_PAD", "val centred = mode == ResizeMode.FIT_PAD"),
    ),
    *_in(
        "geometry/CropPlan.kt",
        ("sign of the crop's angle", "Affine.turn(-angle) * toCentre", "Affine.turn(angle) * toCentre"),
        ("square takes the shorter side", "halfW = maxOf(halfW, halfH)", "halfW = minOf(halfW, halfH)"),
        ("outward rounds inward", "BoxXYXY(floor(r.x1), floor(r.y1), ceil(r.x2), ceil(r.y2))", "BoxXYXY(ceil(r.x1), ceil(r.y1), floor(r.x2), floor(r.y2))"),
    ),
    *_in(
        "geometry/CropRotation.kt",
        ("y points up", "atan2(-(b.y - a.y), b.x - a.x)", "atan2(b.y - a.y, b.x - a.x)"),
    ),
    *_in(
        "geometry/FrameRequest.kt",
        ("the buffer's crop is ignored", "orientation.uprightFromStored(cropWH) * Affine.move(-crop.x1, -crop.y1)", "orientation.uprightFromStored(cropWH)"),
        ("the crop is taken for the upright image's", "imageWH = orientation.uprightSize(cropWH)", "imageWH = cropWH"),
    ),
    *_in(
        "buffers/PixelLayout.kt",
        ("width for stride", "y * rowStride + x * pixelStride", "y.toLong() * cols + x * pixelStride"),
        ("pixel stride ignored", "y * rowStride + x * pixelStride", "y * rowStride + x * sampleBytes"),
        ("chroma of odd pictures rounded down", "val cols = if (spec.isChroma) (width + 1) / 2 else width", "val cols = if (spec.isChroma) width / 2 else width"),
        ("whole rows are asked of Android", "this == YUV_420_888 || this == RGBA_8888", "false"),
    ),
    *_in(
        "buffers/PixelBuffer.kt",
        ("signed bytes", "planes[plane][at].toInt() and 0xff", "planes[plane][at].toInt()"),
        ("U and V swapped", "byte(0, first), byte(1, at(1, x, y)), byte(2, at(2, x, y)), isFullRange", "byte(0, first), byte(2, at(2, x, y)), byte(1, at(1, x, y)), isFullRange"),
        ("RGBA read as BGRA", "RGB(byte(0, first), byte(0, first + 1), byte(0, first + 2))", "RGB(byte(0, first + 2), byte(0, first + 1), byte(0, first))"),
        ("chroma of the full grid", "layout.planes[plane].address(x / 2, y / 2)", "layout.planes[plane].address(x / 2, y)"),
    ),
    *_in(
        "buffers/YCbCr.kt",
        ("halves are cut", "minOf(maxOf(value, 0.0), 255.0) + 0.5", "minOf(maxOf(value, 0.0), 255.0)"),
        ("video range read as full", "val offset = if (fullRange) 0.0 else 16.0", "val offset = 0.0"),
    ),
    *_in(
        "buffers/Bilinear.kt",
        ("half a pixel off", "val x = Tap(at.x - 0.5, picture.x1, picture.x2)", "val x = Tap(at.x, picture.x1, picture.x2)"),
        ("the crop's edge reads the buffer's next pixel", "high = minOf(low + 1, to.toInt() - 1)", "high = low + 1"),
    ),
    *_in(
        "outputs/DetectionTensors.kt",
        ("all rows count", "(0 until n).filter { scoreRows[it, 0] > scoreThreshold }", "(0 until boxRows.count).filter { scoreRows[it, 0] > scoreThreshold }"),
        ("a score at the threshold stays", "scoreRows[it, 0] > scoreThreshold", "scoreRows[it, 0] >= scoreThreshold"),
        ("boxes stay in the model's pixels", "imageFromModel.box(boxRows.box(row)), scoreRows[row, 0]", "boxRows.box(row), scoreRows[row, 0]"),
        ("TFLite's boxes read as xyxy", "BoxYXYX(rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3])", "BoxXYXY(rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3])"),
    ),
    *_in(
        "outputs/Suppression.kt",
        ("classes suppress each other", "(!perClass || other.classId == one.classId)", "(true)"),
        ("compared in double", "val limit = iouThreshold.toFloat()", "val limit = iouThreshold"),
        ("a box at the threshold is suppressed", "corners[a].iou(corners[b]) > limit", "corners[a].iou(corners[b]) >= limit"),
        ("ties by falling row", ".thenBy { it.row }", ".thenByDescending { it.row }"),
        ("the last class on ties", "if (values[k] > values[best]) k else best", "if (values[k] >= values[best]) k else best"),
        ("angles are left out", "(box, angle) -> TurnedBox(box, angle) }", "(box, _) -> TurnedBox(box, 0.0) }"),
    ),
    *_in(
        "outputs/Mask.kt",
        ("masks are not cut to their box", "if (inside) 1 / (1 + exp(-sums[k])) else 0.0", "1 / (1 + exp(-sums[k]))"),
        ("the grid is enlarged from its corners", "val at = (k + 0.5) * size / count - 0.5", "val at = k.toDouble() * size / count"),
    ),
]
# fmt: on
