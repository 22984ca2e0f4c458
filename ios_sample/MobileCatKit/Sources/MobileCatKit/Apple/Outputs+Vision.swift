#if canImport(Vision)
import CoreML
import Vision

extension Observation {
    public init(_ observation: VNRecognizedObjectObservation) {
        self.init(
            box: BoxXYWH(observation.boundingBox),
            labels: observation.labels.map { Label($0.identifier, Double($0.confidence)) },
            confidence: Double(observation.confidence))
    }
}

extension ModelOutput {
    /// A VNCoreMLRequest's results, of either contract.
    ///
    /// Errors: `.outputs` naming what Vision gave instead: it does not know the model for a detector.
    public init(_ results: [VNObservation]) throws {
        let values = results.compactMap { $0 as? VNCoreMLFeatureValueObservation }
        let objects = results.compactMap { $0 as? VNRecognizedObjectObservation }
        guard values.isEmpty || objects.isEmpty, values.count + objects.count == results.count
        else {
            let kinds = Set(results.map { "\(type(of: $0))" }).sorted().joined(separator: ", ")
            throw MobileCatError(
                .outputs, "Vision gave something else than objects or tensors",
                [Problem(kinds, fix: "export the model with mobilecat, contract vision or tensor")])
        }
        guard !values.isEmpty else {
            self = .observations(objects.map(Observation.init))
            return
        }
        var tensors: [String: Tensor] = [:]
        for value in values {
            guard let array = value.featureValue.multiArrayValue else { continue }
            tensors[value.featureName] = try Tensor(array)
        }
        self = .tensors(tensors)
    }
}
#endif
