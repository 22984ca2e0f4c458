// Made by `mobilecat export --ios` from bundle.json; export again instead of editing.
import MobileCatKit

/// What the artifacts of cat_landmarks take and give.
enum ModelContract {
    static let name = "cat_landmarks"
    /// Of the bundle.json that this was made from, and that lies beside the artifacts.
    static let bundleSHA256 =
        "99019f9243d72de46c28a669a3cd0eac2b0f9f20ec4fa0ff5e5c7f4b7dc8ddca"
    static let headKind = "landmarks"

    /// The model's input, in pixels.
    static let inputWidth = 128
    static let inputHeight = 128
    /// How its training fitted pictures into it.
    static let resize = ResizeMode.stretch
    /// Grey level of the padding, where the app draws the input itself. Vision's own is none of
    /// this: documented as transparent.
    static let padding: UInt8 = 0
    /// Vision's option for that; nil where Vision has none, and the app must draw the input itself.
    static let cropAndScale: CropAndScale? = .scaleFill

    /// What is baked into the artifacts, or the app's to do where the contract is `candidates`; nil
    /// where there is nothing to suppress.
    static let scoreThreshold: Double? = nil
    static let iouThreshold: Double? = nil
    static let maxDetections: Int? = nil
    static let perClass: Bool? = nil

    static let labels: [String] = []
    /// In the network's order.
    static let landmarkNames: [String] = [
        "left_eye",
        "right_eye",
        "mouth",
        "left_ear_1",
        "left_ear_2",
        "left_ear_3",
        "right_ear_1",
        "right_ear_2",
        "right_ear_3",
    ]

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
            name: "boxes", shape: [1, 1, 4], dtype: "float32",
            meaning: "xyxy, pixels of the model input, origin top-left, pixel edges; rows ≥ count are zero"),
        Output(
            name: "scores", shape: [1, 1], dtype: "float32",
            meaning: "best class score, falling; rows ≥ count are zero"),
        Output(
            name: "class_ids", shape: [1, 1], dtype: "int32",
            meaning: "index into labels; rows ≥ count are zero"),
        Output(
            name: "landmarks", shape: [1, 1, 9, 2], dtype: "float32",
            meaning: "x,y a point, pixels of the model input, origin top-left; rows ≥ count are zero"),
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
            file: "cat_landmarks.mlpackage", kind: "coreml", contract: "tensor",
            precision: "float16",
            boxFormat: .xyxy, unit: .pixels, origin: .topLeft,
            outputs: [
                "boxes": "boxes",
                "scores": "scores",
                "class_ids": "class_ids",
                "landmarks": "landmarks",
                "count": "count",
            ]),
        Artifact(
            file: "cat_landmarks.aimodel", kind: "coreai", contract: "tensor",
            precision: "float32",
            boxFormat: .xyxy, unit: .pixels, origin: .topLeft,
            outputs: [
                "boxes": "boxes",
                "scores": "scores",
                "class_ids": "class_ids",
                "landmarks": "landmarks",
                "count": "count",
            ]),
    ]
}
