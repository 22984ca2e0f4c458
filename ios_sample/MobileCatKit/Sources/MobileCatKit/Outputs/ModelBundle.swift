/// bundle.json: what `mobilecat export` leaves on disk, and what each file takes and gives.
///
/// Only what an app needs is kept; the rest of the file is not read.
public struct ModelBundle: Hashable, Sendable {
    /// One input or output, by the bundle's name; an artifact may have another for it.
    public struct TensorContract: Hashable, Sendable {
        public let name: String
        public let shape: [Int]
        public let dtype: String
        /// Coordinates, units and order, in words.
        public let meaning: String
    }

    /// How a picture is brought to the model's input. Everything after that is baked in.
    public struct ImageInput: Hashable, Sendable {
        /// The model's input in pixels.
        public let size: SizeWH
        public let resize: ResizeMode
        /// nil takes the mode's own.
        public let rounding: Rounding?
        /// Grey level of the padding, 0 to 255.
        public let pad: Int
    }

    /// The NMS that is baked in; where the contract is `candidates`, what the app is to do instead.
    public struct NMS: Hashable, Sendable {
        public let scoreThreshold: Double
        public let iouThreshold: Double
        public let maxDetections: Int
        public let perClass: Bool
        public let selection: Selection
        public let overlap: Overlap

        /// nms: suppression. best: every row for its best class. pairs: with each of its classes.
        public enum Selection: String, Named {
            case nms, best, pairs
            public static let noun = "selection"
            public static let errorKind = MobileCatError.Kind.bundle
        }

        /// iou: of upright boxes. Of turned ones: polygon, exact; probIoU, of their Gaussians.
        public enum Overlap: String, Named {
            case iou, polygon
            case probIoU = "probiou"
            public static let noun = "overlap"
            public static let errorKind = MobileCatError.Kind.bundle
        }

        public init(
            scoreThreshold: Double, iouThreshold: Double, maxDetections: Int, perClass: Bool,
            selection: Selection = .nms, overlap: Overlap = .iou
        ) {
            self.selection = selection
            self.overlap = overlap
            self.scoreThreshold = scoreThreshold
            self.iouThreshold = iouThreshold
            self.maxDetections = maxDetections
            self.perClass = perClass
        }
    }

    /// One compiled file.
    public struct Artifact: Hashable, Sendable {
        public let file: String
        /// `coreml`, `coreai`, `tflite` or `onnx`.
        public let kind: String
        /// `mlpackage`, `mlmodel`, `aimodel`, `tflite` or `onnx`.
        public let format: String
        /// `tensor`: `DetectionTensors`. `candidates`: `CandidateTensors`, to be suppressed by the
        /// app. `vision`: VNRecognizedObjectObservation.
        public let contract: String
        public let precision: String
        public let sha256: String
        /// What its picture input takes: `uint8` or `float32` [1,H,W,C] in RGB order, `pixels`, a
        /// Core ML image, or `bgra`, a 32BGRA buffer of the model's size.
        public let image: String?
        /// The bundle's names → the artifact's.
        public let inputs: [String: String]
        /// The bundle's names → the artifact's.
        public let outputs: [String: String]
        /// Outputs whose element type is not the contract's, by the bundle's name.
        public let outputDTypes: [String: String]
    }

    public let name: String
    /// Package → version, as the export recorded them.
    public let versions: [String: String]
    /// `raw`, `yunet`, `landmarks`, …
    public let headKind: String
    /// nil for a model that takes its network's own tensors.
    public let input: ImageInput?
    /// nil where there is none.
    public let nms: NMS?
    public let labels: [String]
    /// Landmark names, in the network's order.
    public let landmarkNames: [String]
    public let inputs: [TensorContract]
    public let outputs: [TensorContract]
    public let artifacts: [Artifact]

    /// Errors: `.bundle` with the list of those there are.
    public func artifact(_ file: String) throws -> Artifact {
        guard let found = artifacts.first(where: { $0.file == file }) else {
            let have = artifacts.map(\.file).joined(separator: ", ")
            throw MobileCatError(
                .bundle, "No such artifact",
                [Problem("the bundle has no \"\(file)\"", fix: "it has \(have)")])
        }
        return found
    }

    /// How a picture of `imageWH` goes into the model's input, as its training did.
    ///
    /// Errors: `.bundle` for a model without picture input; `.geometry` for fractional pixels.
    public func resizePlan(imageWH: SizeWH) throws -> ResizePlan {
        guard let input else {
            throw MobileCatError(
                .bundle, "This model takes no picture",
                [Problem("\(name) has no input", at: "spec.input")])
        }
        return try ResizePlan(
            src: imageWH, dst: input.size, mode: input.resize, rounding: input.rounding)
    }

    /// The class's label, or its number where the bundle has no label for it.
    public func label(_ classID: Int) -> String {
        labels.indices.contains(classID) ? labels[classID] : "\(classID)"
    }
}
