package mobilecat.kit

/**
 * Where a resize reads: source index of destination index k, with s = in/out.
 *
 * Source: coremltools' MIL reference (resize_bilinear), onnx Resize, tf.raw_ops.ResizeBilinear.
 */
enum class ResizeSampling(override val raw: String) : Named {
    /** (k + .5)·s − .5 */
    HALF_PIXEL("half-pixel"),
    /** k·s */
    LEGACY("legacy"),
    /** k·(in − 1)/(out − 1); the only pixel reads 0 */
    ALIGN_CORNERS("align-corners"),
    /** the same; the only pixel reads the middle */
    ALIGN_CORNERS_CENTER("align-corners-center"),
    /** (k + .5)·max(1, in − 1)/out */
    OFFSET("offset");

    override val noun: String get() = "resize convention"

    private class IndexMap(val step: Double, val first: Double)

    /** Source index = step·k + first, before clamping. */
    private fun indexMap(nIn: Int, nOut: Int): IndexMap {
        if (nIn < 1 || nOut < 1) {
            throw geometryError("A resize needs pixels", "$nIn to $nOut")
        }
        val pixels = nIn.toDouble()
        val out = nOut.toDouble()
        val s = pixels / out
        return when (this) {
            HALF_PIXEL -> IndexMap(s, 0.5 * s - 0.5)
            LEGACY -> IndexMap(s, 0.0)
            OFFSET -> {
                val delta = maxOf(1.0, pixels - 1) / out
                IndexMap(delta, 0.5 * delta)
            }
            ALIGN_CORNERS ->
                if (nOut == 1) IndexMap(0.0, 0.0) else IndexMap((pixels - 1) / (out - 1), 0.0)
            ALIGN_CORNERS_CENTER ->
                if (nOut == 1) IndexMap(0.0, (pixels - 1) / 2)
                else IndexMap((pixels - 1) / (out - 1), 0.0)
        }
    }

    /**
     * The fractional source index of each of `nOut` pixels.
     *
     * clamp: keep them within [0, nIn − 1], as every engine does before it reads.
     * Throws for less than one pixel.
     */
    fun sourceIndices(nIn: Int, nOut: Int, clamp: Boolean = true): List<Double> {
        val map = indexMap(nIn, nOut)
        return (0 until nOut).map { k ->
            val index = map.step * k + map.first
            if (clamp) minOf(maxOf(index, 0.0), nIn.toDouble() - 1) else index
        }
    }

    /**
     * The map that a resize applies to coordinates, both pixel edges with top-left origin.
     *
     * Throws for fractional sides, and where only one source pixel is read.
     */
    fun resizedFromSource(src: SizeWH, dst: SizeWH): Affine {
        val from = src.wholePixels()
        val to = dst.wholePixels()
        val x = axis(from.w, to.w)
        val y = axis(from.h, to.h)
        return Affine.scaleThenMove(x.step, y.step, x.first, y.first)
    }

    private fun axis(nIn: Int, nOut: Int): IndexMap {
        val map = indexMap(nIn, nOut)
        if (map.step == 0.0) {
            throw geometryError(
                "This resize has no coordinate map", "$nIn to $nOut pixels, $raw: one pixel is read"
            )
        }
        // centres: source k·step + first + .5 ↔ destination k + .5
        return IndexMap(1 / map.step, 0.5 - (map.first + 0.5) / map.step)
    }

    companion object {
        /** MIL's `resize_bilinear` sampling_mode. Throws for an unknown mode. */
        fun ofMil(mode: String): ResizeSampling = when (mode) {
            "DEFAULT" -> LEGACY
            "STRICT_ALIGN_CORNERS" -> ALIGN_CORNERS
            "ALIGN_CORNERS" -> ALIGN_CORNERS_CENTER
            "UNALIGN_CORNERS" -> HALF_PIXEL
            "OFFSET_CORNERS" -> OFFSET
            else -> throw geometryError("Unknown sampling mode", "\"$mode\"")
        }
    }
}
