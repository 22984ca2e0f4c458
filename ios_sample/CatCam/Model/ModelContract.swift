// Made by `mobilecat export --ios` from bundle.json; export again instead of editing.
import MobileCatKit

/// What the artifacts of cat_faces take and give.
enum ModelContract {
    static let name = "cat_faces"
    /// Of the bundle.json that this was made from, and that lies beside the artifacts.
    static let bundleSHA256 =
        "368237247cf0a2f26f75826f8d96a7308325c9935c21233b7b7b9f97034d6c77"
    static let headKind = "ssd"

    /// The model's input, in pixels.
    static let inputWidth = 224
    static let inputHeight = 224
    /// How its training fitted pictures into it.
    static let resize = ResizeMode.letterbox
    /// Grey level of the padding, where the app draws the input itself. Vision's own is none of
    /// this: documented as transparent.
    static let padding: UInt8 = 0
    /// Vision's option for that; nil where Vision has none, and the app must draw the input itself.
    static let cropAndScale: CropAndScale? = .scaleFit

    /// What is baked into the artifacts, or the app's to do where the contract is `candidates`; nil
    /// where there is nothing to suppress.
    static let scoreThreshold: Double? = 0.4
    static let iouThreshold: Double? = 0.45
    static let maxDetections: Int? = 50
    static let perClass: Bool? = true

    static let labels: [String] = [
        "cat face",
    ]
    /// In the network's order.
    static let landmarkNames: [String] = []

    struct Output {
        let name: String
        let shape: [Int]
        let dtype: String
        /// Coordinates, units and order, in words.
        let meaning: String
    }

    /// The tensor contract, by the bundle's names.
    static let outputs: [Output] = [
        Output(
            name: "boxes", shape: [1, 50, 4], dtype: "float32",
            meaning: "xyxy, pixels of the model input, origin top-left, pixel edges; rows ≥ count are zero"),
        Output(
            name: "scores", shape: [1, 50], dtype: "float32",
            meaning: "best class score, falling; rows ≥ count are zero"),
        Output(
            name: "class_ids", shape: [1, 50], dtype: "int32",
            meaning: "index into labels; rows ≥ count are zero"),
        Output(
            name: "count", shape: [1], dtype: "int32",
            meaning: "number of detections"),
    ]

    struct Artifact {
        let file: String
        /// `coreml`, through Vision; `coreai`, iOS 27, whose input the app draws.
        let kind: String
        /// `tensor`: the outputs above. `candidates`: boxes before suppression, which is the app's.
        /// `vision`: VNRecognizedObjectObservation.
        let contract: String
        let precision: String
        /// What its boxes are, as the model (tensor) or Vision (vision) gives them.
        let boxFormat: BoxFormat
        let unit: Frame.Unit
        let origin: Frame.Origin
        /// The bundle's names → the file's.
        let outputs: [String: String]
    }

    static let artifacts: [Artifact] = [
        Artifact(
            file: "cat_faces.mlmodel", kind: "coreml", contract: "vision",
            precision: "float16",
            boxFormat: .xywh, unit: .normalized, origin: .lowerLeft,
            outputs: [
                "confidence": "confidence",
                "coordinates": "coordinates",
            ]),
        Artifact(
            file: "cat_faces.mlpackage", kind: "coreml", contract: "vision",
            precision: "float16",
            boxFormat: .xywh, unit: .normalized, origin: .lowerLeft,
            outputs: [
                "confidence": "confidence",
                "coordinates": "coordinates",
            ]),
        Artifact(
            file: "cat_faces.aimodel", kind: "coreai", contract: "candidates",
            precision: "float32",
            boxFormat: .xyxy, unit: .pixels, origin: .topLeft,
            outputs: [
                "candidate_boxes": "candidate_boxes",
                "candidate_scores": "candidate_scores",
            ]),
    ]
}
