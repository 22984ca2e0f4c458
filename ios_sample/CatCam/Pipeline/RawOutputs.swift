import Foundation
import MobileCatKit

/// What the models gave for a frame, as it was handed over: nothing turned back, nothing dropped.
struct RawOutputs: Encodable {
    /// One model's answer, and what its engine was told.
    struct Answer: Encodable {
        struct Object: Encodable {
            /// Vision's own: normalised, origin lower left.
            let boxXywh: [Double]
            let confidence: Double
            let labels: [String: Double]
        }
        struct Numbers: Encodable {
            let shape: [Int]
            let values: [Double]
        }
        let file: String
        let engine: String
        let orientation: Int
        let regionOfInterest: [Double]
        let cropAndScale: String
        /// Where the app drew the input itself: how.
        let drawing: Drawn?
        let observations: [Object]?
        /// By the file's own names.
        let tensors: [String: Numbers]?
    }
    /// Buffer pixels → model pixels, top-left, and which of the model's the picture covers.
    struct Drawn: Encodable {
        let modelFromFrame: [Double]
        let pictureXyxy: [Double]
        let pad: Int

        init(_ drawing: Drawing) {
            let map = drawing.modelFromFrame
            modelFromFrame = [map.a, map.b, map.tx, map.c, map.d, map.ty]
            pictureXyxy = drawing.pictureBox.values
            pad = drawing.pad
        }
    }
    let detector: Answer
    /// The landmark model's, a box each.
    let crops: [Answer]

    init(_ result: FrameResult) {
        detector = Answer(result.look)
        crops = result.crops.map(Answer.init)
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = .sortedKeys
        // A model that went wrong gives these, and they are what one looks for.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(self)
    }
}

extension RawOutputs.Answer {
    init(_ look: Look) {
        let (sight, region) = (look.sight, look.sight.region)
        file = look.artifact.file
        engine = look.engine.rawValue
        orientation = sight.orientation.rawValue
        regionOfInterest = [region.x, region.y, region.w, region.h]
        cropAndScale = sight.fit.name
        drawing = sight.drawing.map(RawOutputs.Drawn.init)
        switch look.output {
        case .tensors(let all):
            observations = nil
            tensors = all.mapValues { Numbers(shape: $0.shape, values: $0.values) }
        case .observations(let seen):
            tensors = nil
            observations = seen.map { one in
                Object(
                    boxXywh: one.box.values, confidence: one.confidence,
                    labels: Dictionary(
                        one.labels.map { ($0.identifier, $0.confidence) },
                        uniquingKeysWith: { first, _ in first }))
            }
        }
    }
}
