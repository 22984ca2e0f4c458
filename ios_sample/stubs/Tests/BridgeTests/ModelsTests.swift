import CoreAI
import CoreML
import CryptoKit
import MobileCatKit
import Vision
import XCTest

@testable import CatCam

private final class Answer: @unchecked Sendable {
    var result: Result<FramePipeline<Picture>, any Error>?
}

/// Which models load, in which order, and that each is compiled once.
final class ModelsTests: BridgeCase {
    override func tearDown() {
        Installed.remove()
        super.tearDown()
    }

    @discardableResult
    private func load(_ file: String? = nil) throws -> FramePipeline<Picture> {
        let answer = Answer()
        Task {
            do { answer.result = .success(try await Models.load(file: file)) } catch {
                answer.result = .failure(error)
            }
        }
        wait("the models load") { answer.result != nil }
        return try XCTUnwrap(answer.result).get()
    }

    private func compiled() -> [String] { Compiler.taken().map(\.lastPathComponent) }

    /// FIPS 180-4's own examples.
    func testTheHashItself() {
        func hash(_ text: String) -> String {
            SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
        }
        XCTAssertEqual(
            hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        XCTAssertEqual(
            hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    }

    func testTheCascade() throws {
        try Installed.put()
        let pipeline = try load()
        XCTAssertEqual(pipeline.detector.artifact.file, "cat_faces.mlmodel")
        XCTAssertEqual(pipeline.detector.engine, .coreML)
        XCTAssertEqual(pipeline.landmarker?.artifact.file, "cat_landmarks.mlpackage")
        XCTAssertEqual(pipeline.cropRule.grow, 0.25)
        XCTAssertEqual(pipeline.notes, [])
    }

    func testWithoutACascadeThereIsNoLandmarker() throws {
        try Installed.put(cascade: false)
        XCTAssertNil(try load().landmarker)
    }

    func testCompiledOnceForBothScreensAndEveryLaunch() throws {
        try Installed.put()
        let answers = [Answer(), Answer()]
        for answer in answers {
            Task {
                do { answer.result = .success(try await Models.load()) } catch {
                    answer.result = .failure(error)
                }
            }
        }
        wait("both load") { answers.allSatisfy { $0.result != nil } }
        for answer in answers { _ = try XCTUnwrap(answer.result).get() }
        XCTAssertEqual(compiled().sorted(), ["cat_faces.mlmodel", "cat_landmarks.mlpackage"])
        try load()
        XCTAssertEqual(compiled(), [])
        // What was compiled lies where systems leave it.
        let support = try FileManager.default.url(
            for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil,
            create: false)
        let kept = try XCTUnwrap(FileManager.default.subpaths(atPath: support.path))
        XCTAssertEqual(kept.filter { $0.hasSuffix(".mlmodelc") }.count, 2, "\(kept)")
    }

    func testAnotherExportIsCompiledAndTheOldOneGoes() throws {
        try Installed.put()
        try load()
        XCTAssertEqual(compiled().count, 2)
        let detector = Installed.app.appendingPathComponent("Model/Bundle/cat_faces.mlmodel")
        try Installed.write("of the other export", to: detector)
        try load()
        XCTAssertEqual(compiled(), ["cat_faces.mlmodel"])
        let package = Installed.app.appendingPathComponent(
            "LandmarkModel/Bundle/cat_landmarks.mlpackage")
        try Installed.write("of the other export", to: package)
        try load()
        XCTAssertEqual(compiled(), ["cat_landmarks.mlpackage"])
        let kept = try XCTUnwrap(FileManager.default.subpaths(atPath: home.path))
        XCTAssertEqual(kept.filter { $0.hasSuffix(".mlmodelc") }.count, 2, "\(kept)")
    }

    func testWhatDoesNotLoadAnyMoreIsCompiledAgain() throws {
        try Installed.put()
        try load()
        XCTAssertEqual(compiled().count, 2)
        for path in FileManager.default.subpaths(atPath: home.path) ?? []
        where path.hasSuffix("coremldata.bin") {
            try Data("of another system".utf8).write(to: home.appendingPathComponent(path))
        }
        try load()
        XCTAssertEqual(compiled().count, 2)
        try load()
        XCTAssertEqual(compiled().count, 0)
    }

    func testCoreAIComesFirstAndCoreMLWhereItRefuses() throws {
        try Installed.put(
            ["cat_faces.mlmodel", "cat_faces.aimodel"],
            landmarks: ["cat_landmarks.mlpackage", "cat_landmarks.aimodel"])
        AIModels.of = Installed.made
        let both = try load()
        XCTAssertEqual(both.detector.engine, .coreAI)
        XCTAssertEqual(both.landmarker?.engine, .coreAI)
        XCTAssertEqual(compiled(), [])
        AIModels.of = { _ in nil }
        let fallen = try load()
        XCTAssertEqual(fallen.detector.artifact.file, "cat_faces.mlmodel")
        XCTAssertEqual(fallen.notes.count, 2)
        XCTAssertTrue(fallen.notes[0].contains("cat_faces.mlmodel runs instead"), fallen.notes[0])
    }

    func testWhatIsCompiledForThisDeviceIsTaken() throws {
        try Installed.put([
            "cat_faces.aimodel", "cat_faces.h17p.aimodelc", "cat_faces.h16p.aimodelc",
        ])
        AIModels.of = Installed.made
        try load()
        XCTAssertEqual(AIModels.loaded.map(\.lastPathComponent), ["cat_faces.h17p.aimodelc"])
    }

    func testAFileByName() throws {
        try Installed.put(["cat_faces.mlmodel", "cat_faces.mlpackage"])
        XCTAssertEqual(
            try load("cat_faces.mlpackage").detector.artifact.file, "cat_faces.mlpackage")
        XCTAssertThrowsError(try load("dogs.mlmodel")) {
            XCTAssertTrue("\($0)".contains("dogs"), "\($0)")
        }
    }

    func testWhatIsMissing() throws {
        Installed.remove()
        XCTAssertThrowsError(try load()) { XCTAssertTrue("\($0)".contains("make ios"), "\($0)") }
        try Installed.put([])
        XCTAssertThrowsError(try load()) {
            XCTAssertTrue("\($0)".contains("cat_faces.aimodel is not"), "\($0)")
        }
    }

    func testFoldersOfTwoExports() throws {
        for part in ["Model", "LandmarkModel"] {
            try Installed.put()
            let file = Installed.app.appendingPathComponent("\(part)/Bundle/bundle.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data((text + "\n").utf8).write(to: file)
            XCTAssertThrowsError(try load(), part) {
                XCTAssertTrue("\($0)".contains("of two exports"), "\($0)")
            }
        }
    }

    func testAModelThatDoesNotCompile() throws {
        try Installed.put(["cat_faces.mlmodel", "cat_faces.mlpackage"])
        Compiler.refuses = { $0.pathExtension == "mlmodel" }
        let pipeline = try load()
        XCTAssertEqual(pipeline.detector.artifact.file, "cat_faces.mlpackage")
        XCTAssertEqual(pipeline.notes.count, 1)
    }
}
