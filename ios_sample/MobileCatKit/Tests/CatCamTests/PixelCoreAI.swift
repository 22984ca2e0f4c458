import Foundation
import MobileCatKit

@testable import CatCamPipeline

/// Core Image and an `.aimodel`, by pixels: draws the frame as it is told, counting y upwards on both
/// sides, then looks for colours in the model's input.
///
/// Its arithmetic is its own: nothing of Affine's, and nothing of FrameRequest.
struct PixelCoreAI: ModelRunner {
    enum Gives { case tensors, candidates }
    /// What an app gets wrong when it draws itself.
    enum Mistake { case none, flipForgotten }

    let modelW: Int
    let modelH: Int
    var gives = Gives.candidates
    var mistake = Mistake.none
    var settled = 1.0

    func run(_ pixels: PixelBuffer, as sight: Sight) throws -> ModelOutput {
        guard let drawing = sight.drawing else {
            throw MobileCatError(.outputs, "Core AI fits no pictures", [])
        }
        let (face, left, right) = PixelVision.found(in: drawn(pixels.rgbRows(), drawing))
        switch gives {
        case .tensors:
            var tensors = try PixelRunner.tensors(face, left, right)
            tensors["settled"] = try Tensor(shape: [1], values: [settled])
            return .tensors(tensors)
        case .candidates: return .tensors(try Self.candidates(face, left, right))
        }
    }

    /// The model's input, top row first.
    private func drawn(_ stored: [[RGB]], _ drawing: Drawing) -> [[RGB]] {
        let (w, h) = (stored[0].count, stored.count)
        // CIImage.transformed(by:): x' = a·x + c·y + tx, y' = b·x + d·y + ty in its own letters.
        let m = mistake == .flipForgotten ? drawing.modelFromFrame : drawing.coreImageFromFrame
        let (rect, det) = (drawing.coreImagePictureRect, m.a * m.d - m.b * m.c)
        let grey = RGB(UInt8(drawing.pad), UInt8(drawing.pad), UInt8(drawing.pad))
        return (0..<modelH).map { row in
            (0..<modelW).map { column -> RGB in
                let (X, Y) = (Double(column) + 0.5, Double(modelH - row) - 0.5)
                let inside =
                    rect.x < X && X < rect.x + rect.w && rect.y < Y && Y < rect.y + rect.h
                guard inside else { return grey }
                let (dx, dy) = (X - m.tx, Y - m.ty)
                let x = (m.d * dx - m.b * dy) / det
                let y = (m.a * dy - m.c * dx) / det
                // A turned picture is not clamped: around it lies what it is composited over.
                let there = 0 <= x && x < Double(w) && 0 < y && y <= Double(h)
                if drawing.isTurned && !there { return grey }
                // Clamped to the picture's edge; its first row lies at the top.
                let across = min(max(Int(x.rounded(.down)), 0), w - 1)
                let down = min(max(Int((Double(h) - y).rounded(.down)), 0), h - 1)
                return stored[down][across]
            }
        }
    }

    /// The face, the same a little aside and weaker, and something far below the threshold.
    private static func candidates(
        _ face: BoxXYXY?, _ left: PointXY?, _ right: PointXY?
    ) throws -> [String: Tensor] {
        let box = face?.values ?? [0, 0, 0, 0]
        let (seen, none) = (face != nil && left != nil && right != nil, PointXY(0, 0))
        let marks = [left ?? none, right ?? none].flatMap { [$0.x, $0.y] }
        return [
            "decode_candidate_boxes": try Tensor(
                shape: [1, 3, 4], values: box.map { $0 + 2 } + box + [1, 1, 9, 9]),
            "decode_candidate_scores": try Tensor(
                shape: [1, 3, 1], values: seen ? [0.6, 0.9, 0.05] : [0.0, 0, 0.05]),
            "decode_candidate_landmarks": try Tensor(
                shape: [1, 3, 4], values: marks.map { $0 + 2 } + marks + [0, 0, 0, 0]),
        ]
    }
}

/// A detector of the world's face as an `.aimodel`.
func coreAIModel(
    _ runner: PixelCoreAI, resize: String = "letterbox"
) throws -> RunnableModel<PixelBuffer> {
    let contract = runner.gives == .candidates ? "candidates" : "tensor"
    return try RunnableModel(
        bundle: bundle(contract: contract, w: runner.modelW, h: runner.modelH, resize: resize) {
            artifact in
            artifact["file"] = "yunet.aimodel"
            artifact["kind"] = "coreai"
            artifact["format"] = "aimodel"
            artifact["image"] = "bgra"
            if contract == "candidates" {
                let names = ["candidate_boxes", "candidate_scores", "candidate_landmarks"]
                artifact["outputs"] = Dictionary(
                    uniqueKeysWithValues: names.map { ($0, "decode_\($0)") })
            } else {
                var outputs = artifact["outputs"] as? [String: String] ?? [:]
                outputs["settled"] = "settled"
                artifact["outputs"] = outputs
            }
        }, file: "yunet.aimodel", runner: runner)
}
