package mobilecat.kit

import java.io.File
import kotlin.system.exitProcess

/** Both sides count: a file that is lost, or a case that is skipped, must not pass in silence. */
const val TOTAL = 1522

private val failures = mutableListOf<String>()

fun check(holds: Boolean, what: () -> String) {
    if (!holds) failures += what()
}

fun same(got: Any?, expected: Any?, what: String) =
    check(got == expected) { "$what: $got is not $expected" }

/** Fails unless `call` is refused with a message that holds every one of `parts`. */
fun refused(kind: MobileCatError.Kind, vararg parts: String, call: () -> Any?) {
    try {
        val got = call()
        check(false) { "must be refused (${parts.joinToString()}), gave $got" }
    } catch (error: MobileCatError) {
        same(error.kind, kind, "kind of $error")
        for (part in parts) check(part in "${error.message}") { "$part is not in: $error" }
    }
}

/** The kit against golden/vectors: the same files that Python's and Swift's tests read. */
private fun vectors(folder: File): Int {
    fun load(file: String) = Args(Json.parse(File(folder, file).readText(), file))
    val index = load("index.json")
    same(index.int("schema"), 1, "index's schema")
    val functions = index.args("functions").fields
    same(functions.keys, vectorFunctions.keys, "functions of the index")
    val there = folder.list().orEmpty().filter { it.endsWith(".json") }.toSet()
    same(there, functions.values.map { Args(it).text("file") }.toSet() + "index.json", "files")
    var ran = 0
    for ((fn, entry) in functions) {
        val document = load(Args(entry).text("file"))
        same(document.text("fn"), fn, "$fn: its file's own name")
        val cases = document.items("cases").map { Args(it) }
        same(cases.size, Args(entry).int("cases"), "$fn: number of cases")
        val call = vectorFunctions[fn] ?: continue
        for (case in cases) oneCase(fn, call, case)
        ran += cases.size
    }
    same(ran, index.int("total"), "cases run, and the index's total")
    same(ran, TOTAL, "cases run, and this test's own total")
    return ran
}

private fun oneCase(fn: String, call: VectorFunction, case: Args) {
    val at = "$fn [${case.text("name")}]"
    same(case.fields.keys, setOf("name", "args", "expect", "atol"), "$at: keys")
    val expected = case.json("expect")
    val refused = expected == Json.Fields(mapOf("refused" to Json.Bool(true)))
    try {
        val got = jsonOf(call(case.args("args")))
        check(!refused) { "$at must be refused, gave $got" }
        if (!refused) {
            val wrong = differences(got, expected, case.number("atol"))
            check(wrong.isEmpty()) { "$at${wrong.take(3).joinToString("; ")}" }
        }
    } catch (error: MobileCatError) {
        check(refused) { "$at was refused: ${error.message}" }
        check(error.problems.isNotEmpty()) { "$at: a refusal without a problem" }
    } catch (error: Exception) {
        check(false) { "$at: $error" }
    }
}

fun main(args: Array<String>) {
    val ran = vectors(File(args[0]))
    println("golden/vectors: $ran cases of ${vectorFunctions.size} functions")
    val tests = ownTests(File(args[1]))
    for ((name, test) in tests) {
        val before = failures.size
        try {
            test()
        } catch (error: Exception) {
            failures += "$name: $error"
        }
        if (failures.size > before) println("FAIL  $name")
    }
    failures.take(40).forEach { println("FAILED $it") }
    println("android kit: ${tests.size} tests and $ran vectors, ${failures.size} failures")
    if (failures.isNotEmpty()) exitProcess(1)
}
