import CoreAI
import CoreImage
import MobileCatKit
import XCTest

@testable import CatCam

private final class Answer: @unchecked Sendable { var result: Result<CoreAIRunner, any Error>? }

/// What the app draws for Core AI, and what it reads back.
final class CoreAITests: BridgeCase {
    private func artifact() throws -> ModelBundle.Artifact {
        let folder = Installed.sources.appendingPathComponent("Model/Bundle/bundle.json")
        return try ModelBundle(json: Data(contentsOf: folder)).artifact("cat_faces.aimodel")
    }

    private func runner(_ made: AIModels.Made, modelH: Double = 100) throws -> CoreAIRunner {
        AIModels.of = { _ in made }
        let (answer, artifact) = (Answer(), try artifact())
        Task {
            do {
                answer.result = .success(
                    try await CoreAIRunner(
                        file: URL(fileURLWithPath: "/some.aimodel"), artifact: artifact,
                        inputWH: SizeWH(128, modelH)))
            } catch { answer.result = .failure(error) }
        }
        wait("the model loads") { answer.result != nil }
        return try XCTUnwrap(answer.result).get()
    }

    /// Whole bytes of a drawn input, and zeros for its outputs.
    private func made(
        input: String = "image", w: Int = 128, h: Int = 100, format: UInt32 = 0x4247_5241,
        outputs: [String] = ["candidate_boxes", "candidate_scores"],
        _ type: NDArray.ScalarType = .float32, contiguous: Bool = true,
        _ saw: @escaping @Sendable ([[RGB]]) -> Void = { _ in }
    ) -> AIModels.Made {
        AIModels.Made(input: input, w: w, h: h, format: format, outputs: outputs) { inputs in
            saw(Buffers.rows(of: inputs["image"]!))
            return [
                "candidate_boxes": NDArray(
                    type, shape: [1, 2, 4], [Float](arrayLiteral: 1, 2, 3, 4, 5, 6, 7, 8),
                    contiguous: contiguous),
                "candidate_scores": NDArray(.int32, shape: [1, 2, 1], [Int32(7), -2]),
            ]
        }
    }

    private func sight(
        _ orientation: Orientation, _ wh: SizeWH, pad: Int, modelH: Double = 100
    ) throws -> Sight {
        let request = try FrameRequest(
            bufferWH: wh, modelWH: SizeWH(128, modelH), orientation: orientation,
            fit: .app(.letterbox, nil), view: nil)
        return Sight(
            orientation: orientation, region: .full, fit: .app(.letterbox, nil),
            drawing: request.drawing(pad: pad))
    }

    private final class Seen: @unchecked Sendable { var rows: [[RGB]] = [] }

    /// All eight orientations, into 128 × 100: the world is 60 × 100, so that it goes in pixel by pixel
    /// from column 34 on.
    func testTheInputIsTheUprightPicture() throws {
        let seen = Seen()
        let runner = try runner(made { seen.rows = $0 })
        let grey = [RGB](repeating: RGB(114, 114, 114), count: 34)
        let wanted = World.rows.map { grey + $0 + grey }
        for exif in 1...8 {
            for asPhoto in [false, true] {
                let rows = Stored.rows(exif: exif)
                let wh = try SizeWH(Double(rows[0].count), Double(rows.count))
                let pixels: Picture =
                    asPhoto
                    ? .photo(CGImage(rows), file: Data()) : .buffer(try Buffers.of(rows, .bgra32))
                let orientation = try XCTUnwrap(Orientation(rawValue: exif))
                _ = try runner.run(pixels, as: sight(orientation, wh, pad: 114))
                XCTAssertTrue(seen.rows == wanted, "\(orientation) \(asPhoto)")
            }
        }
    }

    /// A white picture twice as large is white to its edges, where nothing is mixed in.
    func testTheEdgeIsThePicturesOwn() throws {
        let seen = Seen()
        let runner = try runner(made(h: 200) { seen.rows = $0 }, modelH: 200)
        let white = [[RGB]](repeating: [RGB](repeating: RGB(255, 255, 255), count: 60), count: 100)
        _ = try runner.run(
            .photo(CGImage(white), file: Data()),
            as: sight(.up, SizeWH(60, 100), pad: 0, modelH: 200))
        let black = RGB(0, 0, 0)
        for row in seen.rows {
            XCTAssertEqual(Set(row), [RGB(255, 255, 255), black])
            XCTAssertEqual(row.filter { $0 != black }.count, 120)
        }
    }

    func testOutputsByName() throws {
        let wh = try SizeWH(60, 100)
        let output = try runner(made()).run(
            .buffer(Buffers.of(World.rows, .yuv420v)), as: sight(.up, wh, pad: 0))
        XCTAssertEqual(
            output,
            .tensors([
                "candidate_boxes": try Tensor(
                    shape: [1, 2, 4], values: [1.0, 2, 3, 4, 5, 6, 7, 8]),
                "candidate_scores": try Tensor(shape: [1, 2, 1], values: [7.0, -2]),
            ]))
    }

    func testOutputsThatAreNoContract() throws {
        let wh = try SizeWH(60, 100)
        for (made, word) in [
            (made(.float16), "float16"), (made(contiguous: false), "lie apart"),
        ] {
            XCTAssertThrowsError(
                try runner(made).run(
                    .buffer(Buffers.of(World.rows, .bgra32)), as: sight(.up, wh, pad: 0))
            ) { XCTAssertTrue("\($0)".contains(word), "\($0)") }
        }
    }

    func testAModelThatTheBundleDoesNotDescribe() throws {
        for (made, word) in [
            (made(w: 100, h: 128), "128 × 100"), (made(format: 0x3432_3076), "32BGRA"),
            (made(input: "picture"), "\"image\" is no"),
            (made(outputs: ["candidate_boxes"]), "it lacks candidate_scores"),
        ] {
            XCTAssertThrowsError(try runner(made)) {
                XCTAssertTrue("\($0)".contains(word), "\($0)")
            }
        }
    }

    func testNoMemoryAndNoDrawing() throws {
        let runner = try runner(made())
        let pixels = Picture.buffer(try Buffers.of(World.rows, .bgra32))
        let wh = try SizeWH(60, 100)
        CVPixelBufferPool.isEmpty = true
        XCTAssertThrowsError(try runner.run(pixels, as: sight(.up, wh, pad: 0))) {
            XCTAssertTrue("\($0)".contains("a buffer was refused (-6680)"), "\($0)")
        }
        let vision = Sight(orientation: .up, region: .full, fit: .vision(.scaleFit), drawing: nil)
        XCTAssertThrowsError(try runner.run(pixels, as: vision))
    }
}
