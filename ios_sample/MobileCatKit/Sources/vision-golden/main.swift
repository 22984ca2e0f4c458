// One picture through a Core ML model by Vision, for tools/mac_lane.py. macOS only.
//
//     vision-golden MODEL IMAGE all|cpuOnly|cpuAndGPU|cpuAndNeuralEngine
//
// IMAGE has the model's input size already, so that Vision resamples nothing. Prints JSON:
// {"tensors": {name: {"shape", "values"}}}, or {"observations": [{"box_xywh", "label", "score"}]}
// with Vision's own boxes: normalised, origin lower-left.
import Foundation
import MobileCatKit

func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data("vision-golden: \(text)\n".utf8))
    exit(2)
}

#if canImport(Vision)
import CoreML
import ImageIO
import Vision

let units: [String: MLComputeUnits] = [
    "all": .all, "cpuOnly": .cpuOnly, "cpuAndGPU": .cpuAndGPU,
    "cpuAndNeuralEngine": .cpuAndNeuralEngine,
]
let arguments = CommandLine.arguments
guard arguments.count == 4, let chosen = units[arguments[3]] else {
    fail("usage: vision-golden MODEL IMAGE all|cpuOnly|cpuAndGPU|cpuAndNeuralEngine")
}
do {
    let compiled = try await MLModel.compileModel(at: URL(fileURLWithPath: arguments[1]))
    let configuration = MLModelConfiguration()
    configuration.computeUnits = chosen
    let model = try VNCoreMLModel(
        for: MLModel(contentsOf: compiled, configuration: configuration))
    let request = VNCoreMLRequest(model: model)
    request.imageCropAndScaleOption = .scaleFill
    try VNImageRequestHandler(url: URL(fileURLWithPath: arguments[2]), options: [:])
        .perform([request])
    let json: [String: Any]
    switch try ModelOutput(request.results ?? []) {
    case .tensors(let tensors):
        json = ["tensors": tensors.mapValues { ["shape": $0.shape, "values": $0.values] }]
    case .observations(let seen):
        json = [
            "observations": seen.map { one in
                [
                    "box_xywh": one.box.values, "label": one.labels.first?.identifier ?? "",
                    "score": one.confidence * (one.labels.first?.confidence ?? 1),
                ] as [String: Any]
            }
        ]
    }
    print(String(decoding: try JSONSerialization.data(withJSONObject: json), as: UTF8.self))
} catch {
    fail("\(error)")
}
#else
fail("NOT_RUN: Vision is on macOS only")
#endif
