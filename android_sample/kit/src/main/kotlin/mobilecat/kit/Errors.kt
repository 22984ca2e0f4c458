package mobilecat.kit

/**
 * One thing that is wrong.
 *
 * @property what the fact, one sentence without a full stop
 * @property place plane, key path or argument; empty where there is no place to name
 * @property fix what the developer can do; empty where there is nothing to say
 */
data class Problem(val what: String, val place: String = "", val fix: String = "") {
    override fun toString(): String {
        val head = if (place == "") what else "$place: $what"
        return if (fix == "") head else "$head\n    → $fix"
    }
}

/** Unusable input: carries every problem found, not only the first. */
class MobileCatError(val kind: Kind, val summary: String, val problems: List<Problem>) :
    RuntimeException((listOf(summary) + problems.map { "  $it" }).joinToString("\n")) {

    enum class Kind {
        /** A size, box, frame, mode or map cannot be what it claims to be. */
        GEOMETRY,
        /** A pixel buffer or tensor has a size, stride or byte count that cannot be right. */
        BUFFER,
        /** A model's outputs contradict their contract. */
        OUTPUTS,
        /** bundle.json does not say what this version reads. */
        BUNDLE
    }

    constructor(kind: Kind, summary: String, vararg problems: Problem) :
        this(kind, summary, problems.toList())
}

internal fun geometryError(summary: String, what: String, fix: String = "") =
    MobileCatError(MobileCatError.Kind.GEOMETRY, summary, Problem(what, fix = fix))

internal fun bufferError(summary: String, what: String, fix: String = "") =
    MobileCatError(MobileCatError.Kind.BUFFER, summary, Problem(what, fix = fix))

internal fun outputsError(summary: String, what: String, fix: String = "") =
    MobileCatError(MobileCatError.Kind.OUTPUTS, summary, Problem(what, fix = fix))

/** An enumeration whose `raw` values are the names that Python, JSON and the platforms use. */
interface Named {
    val raw: String
    /** What a case is called in a sentence: "view mode". */
    val noun: String
    val errorKind: MobileCatError.Kind get() = MobileCatError.Kind.GEOMETRY
}

/** The case of that name, or null. */
inline fun <reified T> namedOrNull(name: String): T? where T : Enum<T>, T : Named =
    enumValues<T>().firstOrNull { it.raw == name }

/** The case of that name. Throws MobileCatError for an unknown one, with the list of those known. */
inline fun <reified T> named(name: String): T where T : Enum<T>, T : Named {
    val cases = enumValues<T>()
    return cases.firstOrNull { it.raw == name } ?: throw MobileCatError(
        cases[0].errorKind,
        "Unknown ${cases[0].noun}",
        Problem("\"$name\"", fix = "one of ${cases.joinToString { it.raw }}")
    )
}
