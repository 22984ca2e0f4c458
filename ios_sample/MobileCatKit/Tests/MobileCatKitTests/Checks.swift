import XCTest

@testable import MobileCatKit

/// Fails unless `call` is refused with a message that holds every one of `parts`.
func assertRefused<T>(
    _ kind: MobileCatError.Kind, _ parts: String..., file: StaticString = #filePath,
    line: UInt = #line, _ call: () throws -> T
) {
    do {
        let got = try call()
        XCTFail("must be refused, gave \(got)", file: file, line: line)
    } catch let error as MobileCatError {
        XCTAssertEqual(error.kind, kind, file: file, line: line)
        for part in parts where !error.description.contains(part) {
            XCTFail("\(part) is not in: \(error)", file: file, line: line)
        }
        XCTAssertEqual(error.localizedDescription, error.description, file: file, line: line)
    } catch {
        XCTFail("refused with another error: \(error)", file: file, line: line)
    }
}

func assertClose(
    _ got: [Double], _ expected: [Double], within atol: Double = 1e-9,
    file: StaticString = #filePath, line: UInt = #line
) {
    let wrong = differences(got.json, expected.json, atol)
    XCTAssertEqual(wrong, [], file: file, line: line)
}
