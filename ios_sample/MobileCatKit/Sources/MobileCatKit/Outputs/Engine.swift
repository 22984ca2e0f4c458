/// Who runs an artifact on Apple's systems, by `kind` in bundle.json.
public enum Engine: String, Named {
    /// Through Vision, which turns, crops and scales.
    case coreML = "coreml"
    /// iOS 27. The app draws the model's input itself: no Vision request takes an `.aimodel`.
    case coreAI = "coreai"
    public static let noun = "engine"
    public static var errorKind: MobileCatError.Kind { .bundle }
}

extension ModelBundle.Artifact {
    /// nil for what is not Apple's.
    public var engine: Engine? { Engine(rawValue: kind) }
}

extension ModelBundle {
    /// The artifacts that these engines run, in their order, and the bundle's for each.
    public func artifacts(for engines: [Engine]) -> [Artifact] {
        engines.flatMap { engine in artifacts.filter { $0.engine == engine } }
    }

    /// What an app should say of an output that it uses all the same; empty where all is well.
    public func warnings(of artifact: Artifact, output: ModelOutput) -> [String] {
        guard case .tensors(let tensors) = output, let name = artifact.outputs["settled"],
            let settled = tensors[name]?.values.first, settled != 1
        else { return [] }
        return [
            "\(artifact.file): its suppression did not settle on this frame, so boxes may be "
                + "doubled; export it with nms = \"app\""
        ]
    }
}
