package mobilecat.kit

/** An element type by the name that bundle.json uses. */
enum class ElementType(override val raw: String, val bytes: Int) : Named {
    FLOAT32("float32", 4), FLOAT16("float16", 2), INT32("int32", 4), INT64("int64", 8),
    UINT8("uint8", 1), INT8("int8", 1);

    override val noun: String get() = "element type"
    override val errorKind: MobileCatError.Kind get() = MobileCatError.Kind.BUFFER

    /**
     * A dense tensor's bytes: [1, 640, 640, 3] float32 is 4,915,200.
     *
     * Throws for a side below zero, or a count that no memory holds.
     */
    fun tensorBytes(shape: List<Long>): Long = elementCount(shape + bytes.toLong())
}

internal fun elementCount(shape: List<Long>): Long = shape.fold(1L) { count, side ->
    if (side < 0) throw bufferError("No such tensor", "shape $shape")
    exactly("No such tensor", "shape $shape") { Math.multiplyExact(count, side) }
}

private fun exactly(summary: String, what: String, arithmetic: () -> Long): Long = try {
    arithmetic()
} catch (beyond: ArithmeticException) {
    throw bufferError(summary, what)
}

/**
 * A model's output: numbers row-major, the last index fastest.
 *
 * Throws where the shape needs another number of values.
 */
class Tensor(val shape: List<Int>, val values: DoubleArray) {
    init {
        val needed = elementCount(shape.map { it.toLong() })
        if (values.size.toLong() != needed) {
            throw bufferError(
                "A tensor's shape and values differ",
                "${values.size} values; shape $shape needs $needed"
            )
        }
    }

    /** From float32, as LiteRT and ONNX Runtime give them. */
    constructor(shape: List<Int>, values: FloatArray) :
        this(shape, DoubleArray(values.size) { values[it].toDouble() })

    /** From int32: class_ids, count. */
    constructor(shape: List<Int>, values: IntArray) :
        this(shape, DoubleArray(values.size) { values[it].toDouble() })

    companion object {
        /**
         * An element's offset, in elements: Σ index·stride; rows can be padded.
         *
         * Throws where the two differ in length, or beyond what a number holds.
         */
        fun offset(index: List<Long>, strides: List<Long>): Long {
            if (index.size != strides.size) {
                throw bufferError(
                    "Index and strides differ in length", "${index.size} and ${strides.size}"
                )
            }
            return exactly("No such element", "index $index, strides $strides") {
                index.zip(strides).fold(0L) { sum, (i, stride) ->
                    Math.addExact(sum, Math.multiplyExact(i, stride))
                }
            }
        }
    }
}
