package mobilecat.kit

/** The NMS that is baked in; where the contract is `candidates`, what the app is to do instead. */
data class NMS(
    val scoreThreshold: Double,
    val iouThreshold: Double,
    val maxDetections: Int,
    val perClass: Boolean,
    val selection: Selection = Selection.NMS,
    val overlap: Overlap = Overlap.IOU
) {
    /** nms: suppression. best: every row for its best class. pairs: with each of its classes. */
    enum class Selection(override val raw: String) : Named {
        NMS("nms"), BEST("best"), PAIRS("pairs");

        override val noun: String get() = "selection"
        override val errorKind: MobileCatError.Kind get() = MobileCatError.Kind.BUNDLE
    }

    /** iou: of upright boxes. Of turned ones: polygon, exact; probiou, of their Gaussians. */
    enum class Overlap(override val raw: String) : Named {
        IOU("iou"), POLYGON("polygon"), PROBIOU("probiou");

        override val noun: String get() = "overlap"
        override val errorKind: MobileCatError.Kind get() = MobileCatError.Kind.BUNDLE
    }

    /** A candidate that was kept. */
    data class Suppressed(val row: Int, val classId: Int, val score: Float)

    /**
     * What is left of candidates: their rows in the tensors, best first.
     *
     * The suppression that other contracts have baked in, with the same meaning: a box's class is its
     * argmax class (the first on ties), its score that maximum, kept where it is above
     * `scoreThreshold`; greedy by falling score, ties by rising row; suppressed where the IoU with a
     * kept box (perClass: of its own class) is above `iouThreshold`. With `selection` best or pairs
     * nothing is suppressed, and a row competes once, or with each class. A row with a NaN score is no
     * detection, and a box with a NaN overlaps nothing.
     *
     * boxes: xyxy in any one unit, x1 ≤ x2 and y1 ≤ y2. scores: one list a box, one value a class.
     * angles: one a box, where boxes are turned (`overlap` says how they are then measured).
     * Source: mobilecat/bake/nms.py. In Float: artifacts compare float32, and 0.3 is not 0.3f.
     */
    fun kept(
        boxes: List<BoxXYXY>,
        scores: List<List<Double>>,
        angles: List<Double>? = null
    ): List<Suppressed> {
        val ranked = competing(scores)
        if (selection != Selection.NMS) return ranked.take(maxDetections)
        val overlaps = overlapping(boxes, angles)
        val kept = mutableListOf<Suppressed>()
        for (one in ranked) {
            if (kept.size >= maxDetections) break
            val hidden = kept.any { other ->
                (!perClass || other.classId == one.classId) && overlaps(one.row, other.row)
            }
            if (!hidden) kept += one
        }
        return kept
    }

    /** Rows with their best class, or with each of their classes, best first. */
    private fun competing(scores: List<List<Double>>): List<Suppressed> {
        val least = scoreThreshold.toFloat()
        val every = scores.withIndex().flatMap { (row, perClass) ->
            if (selection == Selection.PAIRS) {
                perClass.mapIndexed { k, score -> Suppressed(row, k, score.toFloat()) }
            } else {
                listOfNotNull(best(row, perClass))
            }
        }
        return every.filter { it.score > least }.sortedWith(
            compareByDescending<Suppressed> { it.score }.thenBy { it.row }.thenBy { it.classId }
        )
    }

    private fun best(row: Int, scores: List<Double>): Suppressed? {
        if (scores.isEmpty() || scores.any { it.isNaN() }) return null
        val values = scores.map { it.toFloat() }
        val at = values.indices.fold(0) { best, k -> if (values[k] > values[best]) k else best }
        return Suppressed(row, at, values[at])
    }

    /**
     * Whether two boxes overlap by more than the threshold: upright ones in Float, as artifacts
     * compare, turned ones in Double.
     */
    private fun overlapping(boxes: List<BoxXYXY>, angles: List<Double>?): (Int, Int) -> Boolean {
        if (angles == null || overlap == Overlap.IOU) {
            val corners = boxes.map { Corners(it) }
            val limit = iouThreshold.toFloat()
            return { a, b -> corners[a].iou(corners[b]) > limit }
        }
        val turned = boxes.zip(angles).map { (box, angle) -> TurnedBox(box, angle) }
        return { a, b ->
            val measured =
                if (overlap == Overlap.PROBIOU) turned[a].probIoU(turned[b])
                else turned[a].iou(turned[b])
            measured > iouThreshold
        }
    }
}

/** A box as artifacts have it. */
private class Corners(box: BoxXYXY) {
    private val x1 = box.x1.toFloat()
    private val y1 = box.y1.toFloat()
    private val x2 = box.x2.toFloat()
    private val y2 = box.y2.toFloat()
    private val area = (x2 - x1) * (y2 - y1)

    /** 0 where the union is empty or not a number. */
    fun iou(other: Corners): Float {
        val w = maxOf(minOf(x2, other.x2) - maxOf(x1, other.x1), 0f)
        val h = maxOf(minOf(y2, other.y2) - maxOf(y1, other.y1), 0f)
        val shared = w * h
        val union = area + other.area - shared
        return if (union > 0) shared / union else 0f
    }
}

/**
 * The candidates contract: a head's decoded boxes, before a suppression that is the app's.
 *
 * Shapes: boxes [1,N,4] xyxy in model-input pixels, scores [1,N,C] without background, landmarks
 * [1,N,2·L] or [1,N,L,2], x before y, landmarkScores [1,N,L], angles [1,N,1] of turned boxes; a leading
 * 1 may be missing.
 */
class CandidateTensors(
    val boxes: Tensor,
    val scores: Tensor,
    val landmarks: Tensor? = null,
    val landmarkScores: Tensor? = null,
    val angles: Tensor? = null
) {
    /**
     * What the suppression leaves, best first. Units: model-input pixels → image pixels.
     *
     * Throws for shapes that contradict each other.
     */
    fun detections(nms: NMS, imageFromModel: Affine): List<Detection> {
        val problems = mutableListOf<Problem>()
        val boxRows = Rows.wide(boxes, 4, "candidate_boxes", problems)
        val scoreRows = Rows.scores(scores, boxRows.count, problems)
        val marks = Rows.landmarks(landmarks, boxRows.count, problems)
        val seen = Rows.landmarkScores(landmarkScores, boxRows.count, problems)
        val turns = angles?.let { Rows.wide(it, 1, "candidate_angles", problems) }
        if (turns != null && turns.count != boxRows.count && problems.isEmpty()) {
            problems += Problem("${turns.count} candidate_angles for ${boxRows.count} boxes")
        }
        if (problems.isNotEmpty()) {
            throw MobileCatError(
                MobileCatError.Kind.OUTPUTS, "These outputs are not the candidates contract",
                problems
            )
        }
        val rows = 0 until boxRows.count
        val kept = nms.kept(
            rows.map { boxRows.box(it) }, rows.map { scoreRows.row(it) },
            turns?.let { all -> rows.map { all[it, 0] } }
        )
        return kept.map { one ->
            val angle = turns?.get(one.row, 0) ?: 0.0
            val there = TurnedBox(boxRows.box(one.row), angle).mapped(imageFromModel)
            Detection(
                there.box, one.score.toDouble(), one.classId,
                marks.points(one.row).map(imageFromModel::point), seen.row(one.row),
                if (turns == null) null else there.angle
            )
        }
    }
}
