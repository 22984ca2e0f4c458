package mobilecat.kit

/** Any JSON, so that a reader can name every key that is missing, not only the first. */
sealed class Json {
    object Null : Json()
    data class Bool(val value: Boolean) : Json()
    data class Number(val value: Double) : Json()
    data class Text(val value: String) : Json()
    data class Items(val value: List<Json>) : Json()
    data class Fields(val value: Map<String, Json>) : Json()

    /** What it is, for a message: "text", "a number". */
    val noun: String
        get() = when (this) {
            is Null -> "null"
            is Bool -> "true or false"
            is Number -> "a number"
            is Text -> "text"
            is Items -> "a list"
            is Fields -> "an object"
        }

    val number: Double? get() = (this as? Number)?.value
    val whole: Long? get() = number?.let { n -> n.toLong().takeIf { it.toDouble() == n } }
    val bool: Boolean? get() = (this as? Bool)?.value
    val text: String? get() = (this as? Text)?.value
    val items: List<Json>? get() = (this as? Items)?.value
    val fields: Map<String, Json>? get() = (this as? Fields)?.value

    /** A list whose items can all be read. */
    fun <T : Any> itemsAs(read: (Json) -> T?): List<T>? = items?.let { all ->
        val values = all.mapNotNull(read)
        if (values.size == all.size) values else null
    }

    companion object {
        /** Throws MobileCatError (BUNDLE) for what is no JSON; `called` is the file's name. */
        fun parse(text: String, called: String): Json = JsonReader(text, called).document()
    }
}

/** RFC 8259, up to 64 levels deep: a stranger's file must not end the app by its depth. */
private class JsonReader(private val text: String, private val called: String) {
    private var at = 0

    fun document(): Json {
        val value = value(0)
        space()
        if (at < text.length) fail("there is more after its end")
        return value
    }

    private fun fail(why: String): Nothing = throw MobileCatError(
        MobileCatError.Kind.BUNDLE,
        "$called is damaged",
        Problem("$why, at character $at", fix = "export the bundle again")
    )

    private fun space() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun next(): Char {
        if (at >= text.length) fail("it ends too early")
        return text[at++]
    }

    private fun expect(wanted: String) {
        if (!text.startsWith(wanted, at)) fail("\"$wanted\" is missing")
        at += wanted.length
    }

    private fun value(depth: Int): Json {
        if (depth > 64) fail("it is nested too deeply")
        space()
        if (at >= text.length) fail("it ends too early")
        return when (text[at]) {
            '{' -> fields(depth)
            '[' -> items(depth)
            '"' -> Json.Text(string())
            't' -> Json.Bool(true).also { expect("true") }
            'f' -> Json.Bool(false).also { expect("false") }
            'n' -> Json.Null.also { expect("null") }
            else -> number()
        }
    }

    private fun fields(depth: Int): Json {
        expect("{")
        val found = LinkedHashMap<String, Json>()
        space()
        if (text.startsWith("}", at)) return Json.Fields(found).also { at++ }
        while (true) {
            space()
            val key = string()
            space()
            expect(":")
            found[key] = value(depth + 1)
            space()
            when (next()) {
                ',' -> Unit
                '}' -> return Json.Fields(found)
                else -> fail("a comma or a brace is missing")
            }
        }
    }

    private fun items(depth: Int): Json {
        expect("[")
        val found = mutableListOf<Json>()
        space()
        if (text.startsWith("]", at)) return Json.Items(found).also { at++ }
        while (true) {
            found += value(depth + 1)
            space()
            when (next()) {
                ',' -> Unit
                ']' -> return Json.Items(found)
                else -> fail("a comma or a bracket is missing")
            }
        }
    }

    private fun string(): String {
        expect("\"")
        val out = StringBuilder()
        while (true) {
            val c = next()
            when {
                c == '"' -> return out.toString()
                c == '\\' -> out.append(escaped())
                c < ' ' -> fail("a text has a control character")
                else -> out.append(c)
            }
        }
    }

    private fun escaped(): Char = when (val c = next()) {
        '"', '\\', '/' -> c
        'b' -> '\b'
        'f' -> '\u000c'
        'n' -> '\n'
        'r' -> '\r'
        't' -> '\t'
        'u' -> {
            val digits = (1..4).map { next() }.joinToString("")
            val code = if (digits.all { it in "0123456789abcdefABCDEF" }) digits.toInt(16) else -1
            if (code < 0) fail("a text has \\u without four digits")
            code.toChar()
        }
        else -> fail("a text has \\$c")
    }

    private fun number(): Json {
        val found = NUMBER.find(text.subSequence(at, minOf(at + 400, text.length)))
        if (found == null) fail("this is no value")
        at += found.value.length
        return Json.Number(found.value.toDouble())
    }

    private companion object {
        val NUMBER = Regex("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?")
    }
}

/**
 * An object's keys, read by name; what is missing or of another kind is noted with its path.
 *
 * Unknown keys are ignored: a newer mobilecat may write more.
 */
internal class JsonFields(
    val path: String,
    private val fields: Map<String, Json>,
    val problems: MutableList<Problem>
) {
    fun has(key: String): Boolean = fields.containsKey(key)

    fun note(key: String, what: String, fix: String = "") {
        problems += Problem(what, path + key, fix)
    }

    /** A key that must be there. `otherwise` only fills the value that is then never returned. */
    private fun <T : Any> value(key: String, kind: String, otherwise: T, read: (Json) -> T?): T {
        val found = fields[key]
        if (found == null) {
            note(key, "is missing")
            return otherwise
        }
        return checked(found, key, kind, read) ?: otherwise
    }

    /** A key that may be left out or null. */
    fun <T : Any> optional(key: String, kind: String, read: (Json) -> T?): T? {
        val found = fields[key]
        return if (found == null || found == Json.Null) null else checked(found, key, kind, read)
    }

    private fun <T : Any> checked(found: Json, key: String, kind: String, read: (Json) -> T?): T? {
        val value = read(found)
        if (value == null) note(key, "is ${found.noun}, not $kind")
        return value
    }

    fun string(key: String): String = value(key, "text", "") { it.text }
    fun number(key: String): Double = value(key, "a number", 0.0) { it.number }
    fun bool(key: String): Boolean = value(key, "true or false", false) { it.bool }

    fun whole(key: String): Int = value(key, "a whole number", 0) { int(it) }

    fun wholes(key: String): List<Int> =
        value(key, "a list of whole numbers", emptyList()) { json -> json.itemsAs { int(it) } }

    fun strings(key: String): List<String> =
        value(key, "a list of texts", emptyList()) { json -> json.itemsAs { it.text } }

    fun texts(key: String): Map<String, String> =
        value(key, "an object of texts", emptyMap()) { json ->
            json.fields?.let { all ->
                val texts = all.mapNotNull { (name, it) -> it.text?.let { text -> name to text } }
                if (texts.size == all.size) texts.toMap() else null
            }
        }

    private fun int(json: Json): Int? =
        json.whole?.takeIf { it in Int.MIN_VALUE..Int.MAX_VALUE }?.toInt()

    inline fun <reified T> named(key: String, otherwise: T): T where T : Enum<T>, T : Named {
        val text = string(key)
        val found = namedOrNull<T>(text)
        if (found == null && isText(key)) {
            note(key, "\"$text\" is not known", "one of ${enumValues<T>().joinToString { it.raw }}")
        }
        return found ?: otherwise
    }

    fun isText(key: String): Boolean = fields[key] is Json.Text

    /** The object under `key`; an empty one, noted, where there is none. */
    fun fields(key: String): JsonFields =
        nested(value(key, "an object", emptyMap()) { it.fields }, key)

    fun optionalFields(key: String): JsonFields? =
        optional(key, "an object") { it.fields }?.let { nested(it, key) }

    fun <T : Any> list(key: String, read: (JsonFields) -> T): List<T> {
        val items = value(key, "a list", emptyList()) { it.items }
        return items.withIndex().mapNotNull { (i, item) ->
            val found = item.fields
            if (found == null) {
                note("$key[$i]", "is ${item.noun}, not an object")
                null
            } else {
                read(nested(found, "$key[$i]"))
            }
        }
    }

    private fun nested(found: Map<String, Json>, key: String) =
        JsonFields("$path$key.", found, problems)
}
