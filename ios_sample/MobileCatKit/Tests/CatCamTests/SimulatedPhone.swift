#if !os(iOS)
import Foundation
import MobileCatKit
import XCTest

// The bridges' tests hear the same phone.
#if canImport(CatCam)
@testable import CatCam
#else
@testable import CatCamPipeline
#endif

/// tools/simulated_phone.py at the other end of a pipe: a camera that looks at drawn cats, and
/// Vision with the cat models. One question at a time: a JSON line and its bytes, each way.
final class SimulatedPhone: @unchecked Sendable {
    struct Answer: Decodable {
        struct Seen: Decodable {
            let boxXywh: [Double]
            let label: String
            let score: Double
        }
        struct Numbers: Decodable {
            let shape: [Int]
            let values: [Double]
        }
        var scenes: [CatScene]?
        var sizeWh: [Int]?
        var rowStrides: [Int]?
        var planeBytes: [Int]?
        var observations: [Seen]?
        var tensors: [String: Numbers]?
    }

    private struct Described: Decodable { let bundle: ModelBundle }

    /// What an observation's box is relative to: "region", or "whole", the whole picture.
    var observations = "region"
    /// Whether a connection that turns and mirrors begins with mirroring.
    var mirrorsFirst = false
    let python: URL
    /// The exported cascade.
    let folder: URL
    private let process = Process()
    private let questions = Pipe()
    private let answers = Pipe()
    private var unread = Data()

    /// Errors: XCTSkip where tools/swift_test.sh has not said where Python and the models are.
    init() throws {
        let environment = ProcessInfo.processInfo.environment
        guard let python = environment["MOBILECAT_PYTHON"], let cats = environment["MOBILECAT_CATS"]
        else { throw XCTSkip("NOT_RUN: it needs Python with mobilecat; run tools/swift_test.sh") }
        self.python = URL(fileURLWithPath: python)
        folder = URL(fileURLWithPath: cats)
        let tool = URL(fileURLWithPath: #filePath).appendingPathComponent(
            "../../../../../tools/simulated_phone.py"
        ).standardized
        process.executableURL = self.python
        process.arguments = [tool.path, folder.path]
        process.standardInput = questions
        process.standardOutput = answers
        // A phone that died is an error of the next question, not the end of all tests.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
    }

    func hangUp() {
        try? questions.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func ask(_ question: [String: Any], _ data: Data = Data()) throws -> (Answer, Data) {
        let (line, payload) = try exchange(question, data)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return (try decoder.decode(Answer.self, from: line), payload)
    }

    /// The answer's own line, and the bytes that it announces.
    private func exchange(_ question: [String: Any], _ data: Data) throws -> (Data, Data) {
        let asked = question.merging(["bytes": data.count]) { $1 }
        let line = try JSONSerialization.data(withJSONObject: asked) + Data("\n".utf8)
        try questions.fileHandleForWriting.write(contentsOf: line + data)
        while !unread.contains(UInt8(ascii: "\n")) { try hear() }
        let end = try XCTUnwrap(unread.firstIndex(of: UInt8(ascii: "\n")))
        let answer = Data(unread[..<end])
        unread = Data(unread[(end + 1)...])
        let count = try JSONDecoder().decode(Announced.self, from: answer).bytes
        while unread.count < count { try hear() }
        let payload = Data(unread.prefix(count))
        unread = Data(unread.dropFirst(count))
        return (answer, payload)
    }

    private struct Announced: Decodable { let bytes: Int }

    private func hear() throws {
        // read(upToCount:) waits for the whole count; this takes what has come.
        let more = answers.fileHandleForReading.availableData
        guard !more.isEmpty else {
            throw MobileCatError(.outputs, "The simulated phone hung up", [])
        }
        unread += more
    }

    /// What a connection in this state, or a photo's file, holds of a drawn picture.
    func frame(
        of scene: CatScene, _ source: FrameOrigin, _ format: PixelFormat, time: Double = 0
    ) throws -> CameraFrame<PixelBuffer> {
        var question: [String: Any] = [
            "do": "camera", "picture": scene.file, "format": format.rawValue,
        ]
        switch source {
        case .photo(let orientation): question["exif"] = orientation.rawValue
        case .camera(let state):
            question["applied"] = state.appliedAngle
            question["upright"] = state.uprightAngle
            question["mirrored"] = state.mirrored
            question["mirrors_first"] = mirrorsFirst
        }
        var (answer, data) = try ask(question)
        let wh = try XCTUnwrap(answer.sizeWh)
        let planes = try XCTUnwrap(answer.planeBytes).map { count in
            defer { data = Data(data.dropFirst(count)) }
            return [UInt8](data.prefix(count))
        }
        let layout = try PixelLayout(
            format, width: wh[0], height: wh[1], rowStrides: try XCTUnwrap(answer.rowStrides))
        return CameraFrame(
            pixels: try PixelBuffer(layout, planes: planes),
            bufferWH: try SizeWH(Double(wh[0]), Double(wh[1])), source: source, time: time)
    }

    /// The cascade as the app puts it together, on one of the detector's files.
    func cats(file: String) throws -> FramePipeline<PixelBuffer> {
        func model(_ part: String, _ file: String?) throws -> RunnableModel<PixelBuffer> {
            let bundle = try ModelBundle(json: read("\(part)/bundle.json"))
            let name = try XCTUnwrap(file ?? bundle.artifacts.first { $0.kind == "coreml" }?.file)
            return try RunnableModel(
                bundle: bundle, file: name, runner: PipedVision(phone: self, file: name))
        }
        return FramePipeline(
            cascade: try CascadeContract(json: read("bundle.json")),
            detector: try model("detector", file), landmarker: try model("landmarks", nil))
    }

    /// The same cascade as `.aimodel`s, whose input the app draws.
    func catsByCoreAI() throws -> FramePipeline<PixelBuffer> {
        func model(_ part: String) throws -> RunnableModel<PixelBuffer> {
            let (line, _) = try exchange(["do": "bundle", "part": part], Data())
            let bundle = try JSONDecoder().decode(Described.self, from: line).bundle
            let file = try XCTUnwrap(bundle.artifacts(for: [.coreAI, .coreML]).first).file
            return try RunnableModel(
                bundle: bundle, file: file, runner: PipedCoreAI(phone: self, file: file))
        }
        return FramePipeline(
            cascade: try CascadeContract(json: read("bundle.json")),
            detector: try model("detector"), landmarker: try model("landmarks"))
    }

    private func read(_ name: String) throws -> Data {
        try Data(contentsOf: folder.appendingPathComponent(name))
    }

    /// What `mobilecat diagnose --json` says of a capture, and its exit code.
    ///
    /// again: the detector is run on the kept frames.
    func diagnose(_ capture: URL, again: Bool) throws -> (code: Int32, answer: Diagnosis) {
        let diagnose = Process()
        let said = Pipe()
        diagnose.executableURL = python
        diagnose.arguments = ["-m", "mobilecat", "diagnose", capture.path, "--json"]
        if again {
            diagnose.arguments? += ["--bundle", folder.appendingPathComponent("detector").path]
        }
        diagnose.standardOutput = said
        try diagnose.run()
        let data = try said.fileHandleForReading.readToEnd() ?? Data()
        diagnose.waitUntilExit()
        return (
            diagnose.terminationStatus, try JSONDecoder().decode(Diagnosis.self, from: data)
        )
    }
}

struct Diagnosis: Decodable {
    struct First: Decodable { let ids: [String] }
    let verdict: String
    let sentence: String
    let first: First?
}

/// A drawn picture and where its cats are: upright pixels, top-left.
struct CatScene: Decodable {
    struct Cat: Decodable {
        let boxXyxy: [Double]
        /// Left eye, right eye, mouth, left ear 1–3, right ear 1–3; left is the picture's.
        let landmarks: [[Double]]
    }
    let file: String
    let sizeWh: [Double]
    let cats: [Cat]
}

/// The simulated phone's Vision with one file of the cascade.
struct PipedVision: ModelRunner {
    let phone: SimulatedPhone
    let file: String

    func run(_ pixels: PixelBuffer, as sight: Sight) throws -> ModelOutput {
        let (layout, region) = (pixels.layout, sight.region)
        let (answer, _) = try phone.ask(
            [
                "do": "vision", "file": file, "format": layout.format.rawValue,
                "size_wh": [layout.width, layout.height],
                "row_strides": layout.planes.map(\.rowStride),
                "orientation": sight.orientation.rawValue,
                "region": [region.x, region.y, region.w, region.h],
                "crop_and_scale": sight.fit.name,
                "observations": phone.observations,
            ], pixels.data)
        if let tensors = answer.tensors {
            return .tensors(
                try tensors.mapValues { try Tensor(shape: $0.shape, values: $0.values) })
        }
        return .observations(
            try XCTUnwrap(answer.observations).map { seen in
                let b = seen.boxXywh
                return Observation(
                    box: BoxXYWH(b[0], b[1], b[2], b[3]), labels: [.init(seen.label, 1)],
                    confidence: seen.score)
            })
    }
}

/// The simulated phone's Core Image and Core AI with one file of the cascade.
struct PipedCoreAI: ModelRunner {
    let phone: SimulatedPhone
    let file: String

    func run(_ pixels: PixelBuffer, as sight: Sight) throws -> ModelOutput {
        let (layout, drawing) = (pixels.layout, try XCTUnwrap(sight.drawing))
        let (map, (w, h)) = (drawing.coreImageFromFrame, try drawing.modelWH.wholePixels())
        let (answer, _) = try phone.ask(
            [
                "do": "coreai", "file": file, "format": layout.format.rawValue,
                "size_wh": [layout.width, layout.height],
                "row_strides": layout.planes.map(\.rowStride),
                "core_image_from_frame": [map.a, map.b, map.tx, map.c, map.d, map.ty],
                "picture_ci": drawing.coreImagePictureRect.values, "pad": drawing.pad,
                "model_wh": [w, h],
            ], pixels.data)
        return .tensors(
            try XCTUnwrap(answer.tensors).mapValues {
                try Tensor(shape: $0.shape, values: $0.values)
            })
    }
}
#endif
