import Foundation
import XCTest

@testable import MobileCatKit

/// The library against golden/vectors: the same files that Python's tests read.
final class VectorTests: XCTestCase {
    /// Both sides count: a file that is lost, or a case that is skipped, must not pass in silence.
    static let total = 1522

    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent()
        .appendingPathComponent("../../../../golden/vectors").standardizedFileURL

    func load(_ file: String) throws -> Args {
        let data = try Data(contentsOf: Self.folder.appendingPathComponent(file))
        return try Args(JSONDecoder().decode(JSONValue.self, from: data))
    }

    func testEveryCase() throws {
        let index = try load("index.json")
        XCTAssertEqual(try index.whole("schema"), 1)
        var exercised: [String: Int] = [:]
        for (fn, entry) in try index.args("functions").object.sorted(by: { $0.key < $1.key }) {
            guard let function = vectorFunctions[fn] else {
                XCTFail("golden/vectors has \(fn), which this test does not know")
                continue
            }
            let entry = try Args(entry)
            exercised[fn] = try run(fn, function, file: entry.string("file"))
            XCTAssertEqual(exercised[fn], try entry.whole("cases"), "\(fn): number of cases")
        }
        XCTAssertEqual(Set(exercised.keys), Set(vectorFunctions.keys))
        let ran = exercised.values.reduce(0, +)
        XCTAssertEqual(ran, try index.whole("total"), "cases run, and the index's total")
        XCTAssertEqual(ran, Self.total, "cases run, and this test's own total")
        print("golden/vectors: \(ran) cases of \(exercised.count) functions")
    }

    /// Runs one file's cases; returns how many.
    private func run(_ fn: String, _ function: VectorFunction, file: String) throws -> Int {
        let document = try load(file)
        XCTAssertEqual(try document.whole("schema"), 1, file)
        XCTAssertEqual(try document.string("fn"), fn, file)
        let cases = try document.array("cases").map(Args.init)
        for one in cases {
            XCTAssertEqual(Set(one.object.keys), ["name", "args", "expect", "atol"], file)
            let at = try "\(fn) [\(one.string("name"))]"
            let expected = try one.json("expect")
            let refused = expected == .object(["refused": .bool(true)])
            do {
                let got = try function(one.args("args")).json
                if refused {
                    XCTFail("\(at) must be refused, gave \(got)")
                } else {
                    let wrong = try differences(got, expected, one.number("atol"))
                    if !wrong.isEmpty { XCTFail("\(at)\(wrong.prefix(3).joined(separator: "; "))") }
                }
            } catch let error as MobileCatError {
                if !refused { XCTFail("\(at) was refused: \(error)") }
                XCTAssertFalse(error.problems.isEmpty, at)
            }
        }
        return cases.count
    }

    func testIndexListsEveryFile() throws {
        let functions = try load("index.json").args("functions").object.values
        let listed = try Set(functions.map { try Args($0).string("file") })
        let there = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        XCTAssertEqual(Set(there.filter { $0.hasSuffix(".json") }), listed.union(["index.json"]))
    }

    func testTheComparisonCanFail() throws {
        let unlike: [(JSONValue, JSONValue)] = [
            ([1.0, 2.1].json, [1, 2].json),
            ([1].json, [1, 2].json),
            ([1, 2].json, [1].json),
            (.object(["a": 1.json]), .object(["a": 1.json, "b": 2.json])),
            (.object(["a": 1.json, "b": 2.json]), .object(["a": 1.json])),
            ("up".json, "down".json),
            (1.json, true.json),
            (true.json, 1.json),
            (Double.nan.json, 0.json),
            (.null, 0.json),
        ]
        for (got, expected) in unlike {
            XCTAssertNotEqual(differences(got, expected, 0.01), [], "\(got) against \(expected)")
        }
        XCTAssertEqual(differences([1.009].json, [1].json, 0.01), [])
    }
}

/// Where `got` is not `expected`: exact keys, lengths and words, numbers within `atol`.
func differences(
    _ got: JSONValue, _ expected: JSONValue, _ atol: Double, at: String = ""
) -> [String] {
    switch (got, expected) {
    case (.number(let a), .number(let b)):
        return abs(a - b) <= atol ? [] : ["\(at): \(a) is not \(b) ± \(atol)"]
    case (.array(let a), .array(let b)) where a.count == b.count:
        return a.indices.flatMap { differences(a[$0], b[$0], atol, at: "\(at)[\($0)]") }
    case (.object(let a), .object(let b)) where Set(a.keys) == Set(b.keys):
        return a.keys.sorted().flatMap { key in
            differences(a[key] ?? .null, b[key] ?? .null, atol, at: "\(at).\(key)")
        }
    default:
        return got == expected ? [] : ["\(at): \(got) is not \(expected)"]
    }
}
