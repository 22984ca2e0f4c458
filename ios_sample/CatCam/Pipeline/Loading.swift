import MobileCatKit

/// The first artifact that loads, and what became of those before it.
///
/// A file that one engine refuses must not take the app down while another runs the same model.
/// Errors: the last one's, where none loads.
func firstThatLoads<Loaded>(
    _ artifacts: [ModelBundle.Artifact], _ load: (ModelBundle.Artifact) async throws -> Loaded
) async throws -> (loaded: Loaded, notes: [String]) {
    var refused: [(file: String, error: any Error)] = []
    for artifact in artifacts {
        do {
            let loaded = try await load(artifact)
            return (
                loaded, refused.map { "\($0.file): \($0.error); \(artifact.file) runs instead" }
            )
        } catch { refused.append((artifact.file, error)) }
    }
    throw refused.last?.error
        ?? MobileCatError(
            .bundle, "There is nothing to load",
            [Problem("no artifact is for this device", fix: "export one of [targets.coreml]")])
}
