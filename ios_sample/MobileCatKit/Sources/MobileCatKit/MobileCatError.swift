import Foundation

/// One thing that is wrong.
public struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// The fact, one sentence without a full stop.
    public let what: String
    /// Plane, key path or argument; empty where there is no place to name.
    public let place: String
    /// What the developer can do; empty where there is nothing to say.
    public let fix: String

    public init(_ what: String, at place: String = "", fix: String = "") {
        self.what = what
        self.place = place
        self.fix = fix
    }

    public var description: String {
        let head = place.isEmpty ? what : "\(place): \(what)"
        return fix.isEmpty ? head : "\(head)\n    → \(fix)"
    }
}

/// Unusable input: carries every problem found, not only the first.
public struct MobileCatError: Error, Hashable, Sendable {
    public enum Kind: Sendable {
        /// A size, box, frame, mode or map cannot be what it claims to be.
        case geometry
        /// A pixel buffer or tensor has a size, stride or byte count that cannot be right.
        case buffer
        /// A model's outputs contradict their contract.
        case outputs
        /// `bundle.json` does not say what this version reads.
        case bundle
    }

    public let kind: Kind
    public let summary: String
    public let problems: [Problem]

    public init(_ kind: Kind, _ summary: String, _ problems: [Problem]) {
        self.kind = kind
        self.summary = summary
        self.problems = problems
    }
}

extension MobileCatError: CustomStringConvertible, LocalizedError {
    public var description: String {
        ([summary] + problems.map { "  \($0)" }).joined(separator: "\n")
    }

    public var errorDescription: String? { description }
}

/// An enumeration whose raw values are the names that Python, JSON and the platforms use.
public protocol Named: RawRepresentable, CaseIterable, Hashable, Sendable
where RawValue == String {
    /// What a case is called in a sentence: "view mode".
    static var noun: String { get }
    static var errorKind: MobileCatError.Kind { get }
}

extension Named {
    public static var errorKind: MobileCatError.Kind { .geometry }

    /// Errors: an unknown name, with the list of those known.
    public init(named name: String) throws {
        guard let found = Self(rawValue: name) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw MobileCatError(
                Self.errorKind, "Unknown \(Self.noun)",
                [Problem("\"\(name)\"", fix: "one of \(known)")])
        }
        self = found
    }
}
