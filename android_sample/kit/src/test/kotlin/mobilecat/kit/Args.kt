package mobilecat.kit

/** A vector that cannot be read: never counted as a refusal. */
class VectorError(message: String) : Exception(message)

/** One case's arguments, read by name. */
class Args(val fields: Map<String, Json>) {
    constructor(json: Json) : this(
        json.fields ?: throw VectorError("args is ${json.noun}")
    )

    fun json(key: String): Json = fields[key] ?: throw VectorError("no argument $key")

    private fun <T : Any> read(key: String, read: (Json) -> T?): T =
        read(json(key)) ?: throw VectorError("$key is ${json(key).noun}")

    fun number(key: String): Double = read(key) { it.number }
    fun long(key: String): Long = read(key) { it.whole }
    fun int(key: String): Int = Math.toIntExact(long(key))
    fun bool(key: String): Boolean = read(key) { it.bool }
    fun text(key: String): String = read(key) { it.text }
    fun items(key: String): List<Json> = read(key) { it.items }
    fun args(key: String): Args = Args(json(key))
    fun numbers(key: String): List<Double> = read(key) { all -> all.itemsAs { it.number } }
    fun longs(key: String): List<Long> = read(key) { all -> all.itemsAs { it.whole } }
    fun rows(key: String): List<List<Double>> =
        read(key) { all -> all.itemsAs { row -> row.itemsAs { it.number } } }

    /** null for null. */
    fun <T> optional(key: String, get: (String) -> T): T? =
        if (json(key) == Json.Null) null else get(key)

    private fun exactly(values: List<Double>, count: Int, key: String): List<Double> {
        if (values.size != count) {
            throw VectorError("$key has ${values.size} numbers, not $count")
        }
        return values
    }

    fun size(key: String): SizeWH = exactly(numbers(key), 2, key).let { SizeWH(it[0], it[1]) }
    fun point(key: String): PointXY = exactly(numbers(key), 2, key).let { PointXY(it[0], it[1]) }
    fun points(key: String): List<PointXY> =
        rows(key).map { row -> exactly(row, 2, key).let { PointXY(it[0], it[1]) } }

    fun map(key: String): Affine =
        exactly(numbers(key), 6, key).let { Affine(it[0], it[1], it[2], it[3], it[4], it[5]) }

    fun xyxy(key: String): BoxXYXY = BoxFormat.XYXY.box(numbers(key)).xyxy
    fun boxesXYXY(key: String): List<BoxXYXY> = rows(key).map { BoxFormat.XYXY.box(it).xyxy }
    fun xywh(key: String): BoxXYWH = BoxFormat.XYWH.box(numbers(key)) as BoxXYWH
    fun boxesXYWH(key: String): List<BoxXYWH> = rows(key).map { BoxFormat.XYWH.box(it) as BoxXYWH }

    inline fun <reified T> name(key: String): T where T : Enum<T>, T : Named = named<T>(text(key))

    fun orientation(key: String = "orientation"): Orientation = Orientation.ofExif(int(key))

    fun region(): VisionRegion =
        exactly(numbers("region"), 4, "region").let { VisionRegion(it[0], it[1], it[2], it[3]) }

    /** Nested lists as a tensor; `[]` has the shape [0]. */
    fun tensor(key: String): Tensor {
        val values = mutableListOf<Double>()
        return Tensor(flatten(json(key), key, values), values.toDoubleArray())
    }

    private fun flatten(json: Json, key: String, into: MutableList<Double>): List<Int> {
        // Within a tensor, null is JSON's only way to write a NaN.
        if (json is Json.Number || json == Json.Null) {
            into += json.number ?: Double.NaN
            return emptyList()
        }
        val items = json.items ?: throw VectorError("$key holds ${json.noun}")
        val shapes = items.map { flatten(it, key, into) }
        if (shapes.toSet().size > 1) throw VectorError("$key is ragged")
        return listOf(items.size) + (shapes.firstOrNull() ?: emptyList())
    }
}

/** A result as JSON. */
fun jsonOf(value: Any?): Json = when (value) {
    null -> Json.Null
    is Json -> value
    is Boolean -> Json.Bool(value)
    is Number -> Json.Number(value.toDouble())
    is String -> Json.Text(value)
    is List<*> -> Json.Items(value.map { jsonOf(it) })
    is DoubleArray -> Json.Items(value.map { jsonOf(it) })
    is BooleanArray -> Json.Items(value.map { jsonOf(it) })
    is Map<*, *> -> Json.Fields(value.entries.associate { "${it.key}" to jsonOf(it.value) })
    is Named -> Json.Text(value.raw)
    is Orientation -> jsonOf(value.exif)
    is PointXY -> jsonOf(listOf(value.x, value.y))
    is SizeWH -> jsonOf(listOf(value.w, value.h))
    is PixelsWH -> jsonOf(listOf(value.w, value.h))
    is RGB -> jsonOf(listOf(value.r, value.g, value.b))
    is Affine -> jsonOf(value.values)
    is BoxCoordinates -> jsonOf(value.values)
    is PlaneLayout -> jsonOf(
        mapOf(
            "name" to value.name, "cols" to value.cols, "rows" to value.rows,
            "sample_bytes" to value.sampleBytes, "pixel_stride" to value.pixelStride,
            "row_stride" to value.rowStride, "min_bytes" to value.minBytes,
            "full_bytes" to value.fullBytes
        )
    )
    is Detection -> jsonOf(
        mapOf(
            "box_xyxy" to value.box, "score" to value.score, "class_id" to value.classId,
            "landmarks_xy" to value.landmarks
        )
    )
    else -> throw VectorError("no JSON of $value")
}

/** Where `got` is not `expected`: exact keys, lengths and words, numbers within `atol`. */
fun differences(got: Json, expected: Json, atol: Double, at: String = ""): List<String> {
    if (got is Json.Number && expected is Json.Number) {
        val near = Math.abs(got.value - expected.value) <= atol
        return if (near) emptyList() else listOf("$at: ${got.value} is not ${expected.value} ± $atol")
    }
    if (got is Json.Items && expected is Json.Items && got.value.size == expected.value.size) {
        return got.value.indices.flatMap { i ->
            differences(got.value[i], expected.value[i], atol, "$at[$i]")
        }
    }
    if (got is Json.Fields && expected is Json.Fields && got.value.keys == expected.value.keys) {
        return got.value.keys.sorted().flatMap { key ->
            differences(got.value.getValue(key), expected.value.getValue(key), atol, "$at.$key")
        }
    }
    return if (got == expected) emptyList() else listOf("$at: $got is not $expected")
}
