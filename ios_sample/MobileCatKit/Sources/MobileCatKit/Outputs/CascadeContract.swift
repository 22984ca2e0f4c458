import Foundation

/// A cascade's bundle.json, as far as an app needs it: how the detector's boxes become crops.
public struct CascadeContract: Hashable, Sendable {
    public let name: String
    public let cropRule: CropRule
    /// At most so many boxes, best first, get landmarks.
    public let maxCrops: Int
    /// SHA-256 of the landmark model's own bundle.json, as hexadecimal digits.
    public let landmarksSHA256: String

    /// Errors: `.bundle`, with every missing key by its path.
    public init(json data: Data) throws {
        guard let object = try JSONValue(document: data, called: "cascade.json").object else {
            throw MobileCatError(
                .bundle, "This is no cascade's bundle.json", [Problem("it is not an object")])
        }
        let root = JSONFields(path: "", object: object, report: JSONFields.Report())
        let chain = root.fields("cascade")
        name = root.string("name")
        maxCrops = chain.whole("max_crops")
        landmarksSHA256 = chain.fields("landmarks").string("sha256")
        cropRule = CropRule(root.fields("crop"))
        guard root.report.problems.isEmpty else {
            throw MobileCatError(
                .bundle, "cascade.json does not hold what this version reads; export it again",
                root.report.problems)
        }
    }
}

extension CropRule {
    init(_ fields: JSONFields) {
        self.init(
            grow: fields.number("grow"), growBy: fields.named("grow_by", or: .longerSide),
            square: fields.bool("square"), rounding: fields.named("rounding", or: .none),
            edge: fields.named("edge", or: .clip),
            scale: fields.optional("scale", "a number", \.number) ?? 1,
            shift: fields.optional("shift", "x and y") { json in
                json.items(\.number).flatMap { $0.count == 2 ? PointXY($0[0], $0[1]) : nil }
            } ?? PointXY(0, 0),
            rotation: fields.optionalFields("rotation").map(CropRotation.init))
    }
}

extension CropRotation {
    init(_ fields: JSONFields) {
        let (start, end) = (fields.whole("start"), fields.whole("end"))
        if start < 0 || end < 0 || start == end {
            fields.report.problems.append(
                Problem("from landmark \(start) to \(end)", at: fields.path, fix: "two landmarks"))
        }
        self.init(
            unchecked: start, end, fields.number("target_degrees"),
            fields.named("about", or: .box))
    }
}
