import Foundation

/// Any JSON, so that a reader can name every key that is missing, not only the first.
public enum JSONValue: Hashable, Sendable, Codable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if let array = try? container.decode([JSONValue].self) {
            self = .array(array)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let bool): try container.encode(bool)
        case .number(let number): try container.encode(number)
        case .string(let text): try container.encode(text)
        case .array(let array): try container.encode(array)
        case .object(let object): try container.encode(object)
        }
    }

    /// What it is, for a message: "text", "a number".
    var noun: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "text"
        case .array: "a list"
        case .object: "an object"
        }
    }

    var number: Double? { if case .number(let n) = self { n } else { nil } }
    var whole: Int? { number.flatMap { Int(exactly: $0) } }
    var bool: Bool? { if case .bool(let b) = self { b } else { nil } }
    var string: String? { if case .string(let s) = self { s } else { nil } }
    var array: [JSONValue]? { if case .array(let a) = self { a } else { nil } }
    var object: [String: JSONValue]? { if case .object(let o) = self { o } else { nil } }

    /// A list whose items can all be read.
    func items<T>(_ read: (JSONValue) -> T?) -> [T]? {
        array.flatMap { items in
            let values = items.compactMap(read)
            return values.count == items.count ? values : nil
        }
    }
}

/// An object's keys, read by name; what is missing or of another kind is noted with its path.
///
/// Unknown keys are ignored: a newer mobilecat may write more.
struct JSONFields {
    /// Collects over one whole document; never leaves the function that reads it.
    final class Report { var problems: [Problem] = [] }

    let path: String
    let object: [String: JSONValue]
    let report: Report

    /// A key that must be there. `otherwise` only fills the value that is then never returned.
    func value<T>(_ key: String, _ kind: String, or otherwise: T, _ read: (JSONValue) -> T?) -> T {
        guard let found = object[key] else {
            report.problems.append(Problem("is missing", at: path + key))
            return otherwise
        }
        return checked(found, key, kind, read) ?? otherwise
    }

    /// A key that may be left out or null.
    func optional<T>(_ key: String, _ kind: String, _ read: (JSONValue) -> T?) -> T? {
        guard let found = object[key], found != .null else { return nil }
        return checked(found, key, kind, read)
    }

    private func checked<T>(
        _ found: JSONValue, _ key: String, _ kind: String, _ read: (JSONValue) -> T?
    ) -> T? {
        let value = read(found)
        if value == nil {
            report.problems.append(Problem("is \(found.noun), not \(kind)", at: path + key))
        }
        return value
    }

    func string(_ key: String) -> String { value(key, "text", or: "", \.string) }
    func number(_ key: String) -> Double { value(key, "a number", or: 0, \.number) }
    func whole(_ key: String) -> Int { value(key, "a whole number", or: 0, \.whole) }
    func bool(_ key: String) -> Bool { value(key, "true or false", or: false, \.bool) }

    func wholes(_ key: String) -> [Int] {
        value(key, "a list of whole numbers", or: []) { $0.items(\.whole) }
    }

    func strings(_ key: String) -> [String] {
        value(key, "a list of texts", or: []) { $0.items(\.string) }
    }

    func texts(_ key: String) -> [String: String] {
        value(key, "an object of texts", or: [:]) { json in
            json.object.flatMap { object in
                let texts = object.compactMapValues(\.string)
                return texts.count == object.count ? texts : nil
            }
        }
    }

    func named<T: Named>(_ key: String, or otherwise: T) -> T {
        let text = string(key)
        guard let found = T(rawValue: text) else {
            if object[key]?.string != nil {
                let known = T.allCases.map(\.rawValue).joined(separator: ", ")
                report.problems.append(
                    Problem("\"\(text)\" is not known", at: path + key, fix: "one of \(known)"))
            }
            return otherwise
        }
        return found
    }

    /// The object under `key`; an empty one, noted, where there is none.
    func fields(_ key: String) -> JSONFields {
        nested(value(key, "an object", or: [:], \.object), key)
    }

    func optionalFields(_ key: String) -> JSONFields? {
        optional(key, "an object", \.object).map { nested($0, key) }
    }

    func list<T>(_ key: String, _ read: (JSONFields) -> T) -> [T] {
        let items = value(key, "a list", or: [], \.array)
        return items.enumerated().compactMap { i, item in
            guard let object = item.object else {
                report.problems.append(
                    Problem("is \(item.noun), not an object", at: "\(path)\(key)[\(i)]"))
                return nil
            }
            return read(nested(object, "\(key)[\(i)]"))
        }
    }

    private func nested(_ object: [String: JSONValue], _ key: String) -> JSONFields {
        JSONFields(path: "\(path)\(key).", object: object, report: report)
    }
}
