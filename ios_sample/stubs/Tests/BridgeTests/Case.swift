import AVFoundation
import CoreAI
import CoreImage
import MobileCatKit
import UIKit
import Vision
import XCTest

@testable import CatCam

/// Fakes as they are out of the box, a home folder of one's own, and no rule broken at the end.
class BridgeCase: XCTestCase {
    private(set) var home = URL(fileURLWithPath: "/")

    override func setUpWithError() throws {
        home = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bridges-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        setenv("CFFIXED_USER_HOME", home.path, 1)
        setenv("HOME", home.path, 1)
        setenv("XDG_DATA_HOME", home.appendingPathComponent("data").path, 1)
        Cameras.all = [.back: AVCaptureDevice(.back), .front: AVCaptureDevice(.front)]
        (Cameras.permission, Cameras.asked, Cameras.see) = (
            .authorized, { true }, { _, _, _, _ in nil }
        )
        (Cameras.mirrors, Cameras.sharesScreen, Cameras.readsFrames) = (true, true, true)
        Cameras.angles = [0, 90, 180, 270]
        (Asked.answer, Compiler.refuses, AIModels.of) = ({ _ in [] }, { _ in false }, { _ in nil })
        (AIModels.loaded, CVPixelBufferPool.isEmpty, CIContext.points) = ([], false, 1)
        Colours.of = { buffer in
            Buffers.rows(of: buffer).map { row in row.map { [$0.r, $0.g, $0.b] } }
        }
        ProcessInfo.heat = .nominal
        (_, _, _) = (Asked.taken(), Compiler.taken(), Misuse.taken())
    }

    override func tearDown() {
        XCTAssertEqual(Misuse.taken(), [], "a documented rule was broken")
        try? FileManager.default.removeItem(at: home)
    }

    /// Let the main queue run until something holds.
    func wait(
        _ what: String, upTo seconds: Double = 5, file: StaticString = #filePath,
        line: UInt = #line, until holds: () -> Bool
    ) {
        let end = Date().addingTimeInterval(seconds)
        while !holds(), Date() < end {
            RunLoop.main.run(until: Date().addingTimeInterval(0.002))
        }
        XCTAssertTrue(holds(), "in vain: \(what)", file: file, line: line)
    }

    /// UIKit's part. XCTest on Linux finds no test that is the main actor's, but runs them all there.
    func onMain<T>(_ body: @MainActor () throws -> T) rethrows -> T {
        try MainActor.assumeIsolated(body)
    }

    /// Let what was started come to an end.
    func settle(_ seconds: Double = 0.03) {
        RunLoop.main.run(until: Date().addingTimeInterval(seconds))
    }
}
