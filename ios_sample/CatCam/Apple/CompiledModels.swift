import CoreML
import CryptoKit
import Foundation

/// Core ML models, compiled once and kept in Application Support: Core ML's own place for what it
/// compiled is temporary.
///
/// Kept by the hash of the file's own bytes, so that a new export never meets what an old one left.
/// Source: developer.apple.com/documentation/coreml/downloading-and-compiling-a-model-on-the-user-s-device.
actor CompiledModels {
    static let shared = CompiledModels()

    /// Both screens may ask for one model at once: the second waits for the first.
    private var underway: [String: Task<URL, any Error>] = [:]

    /// file: an `.mlmodel` or `.mlpackage`. Errors: Core ML's, Foundation's.
    func model(at file: URL) async throws -> MLModel {
        let hash = try Self.hash(of: file)
        let kept = try Self.folder(of: file).appendingPathComponent("\(hash).mlmodelc")
        // What another system compiled may not load any more: then it is compiled anew.
        if underway[hash] == nil, let model = try? MLModel(contentsOf: kept) { return model }
        let task = underway[hash] ?? Task { try await Self.compile(file, to: kept) }
        underway[hash] = task
        defer { underway[hash] = nil }
        return try MLModel(contentsOf: await task.value)
    }

    /// Where it lies now: where there is no room to keep it, Core ML's own place does for today.
    private static func compile(_ file: URL, to kept: URL) async throws -> URL {
        let compiled = try await MLModel.compileModel(at: file)
        let (files, folder) = (FileManager.default, kept.deletingLastPathComponent())
        do {
            // What other exports of this file left goes too.
            if files.fileExists(atPath: folder.path) { try files.removeItem(at: folder) }
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
            try files.moveItem(at: compiled, to: kept)
            // It can be made again: backups need not carry it.
            var values = URLResourceValues()
            values.isExcludedFromBackup = true
            var place = folder
            try? place.setResourceValues(values)
            return kept
        } catch { return compiled }
    }

    /// One for each file of the app's bundle: "Model-Bundle-cat_faces.mlmodel".
    private static func folder(of file: URL) throws -> URL {
        let support = try FileManager.default.url(
            for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil,
            create: true)
        let name = file.pathComponents.suffix(3).joined(separator: "-")
        return support.appendingPathComponent("CompiledModels").appendingPathComponent(name)
    }

    /// SHA-256 of a file, or of a package's files by their names, in hexadecimal digits.
    private static func hash(of file: URL) throws -> String {
        let root = file.path
        let inside = FileManager.default.subpaths(atPath: root)?.sorted() ?? []
        var hash = SHA256()
        for name in inside.isEmpty ? [""] : inside {
            let path = name.isEmpty ? root : "\(root)/\(name)"
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                isFolder.boolValue
            {
                continue
            }
            let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
            hash.update(data: Data("\(name) \(data.count)\n".utf8))
            hash.update(data: data)
        }
        return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }
}
