import Foundation

@testable import MobileCatKit

/// A vector that cannot be read: never counted as a refusal.
struct VectorError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One case's arguments, read by name.
struct Args {
    let object: [String: JSONValue]

    init(_ json: JSONValue) throws {
        guard let object = json.object else { throw VectorError("args is \(json.noun)") }
        self.object = object
    }

    func json(_ key: String) throws -> JSONValue {
        guard let value = object[key] else { throw VectorError("no argument \(key)") }
        return value
    }

    private func read<T>(_ key: String, _ read: (JSONValue) -> T?) throws -> T {
        let value = try json(key)
        guard let found = read(value) else { throw VectorError("\(key) is \(value.noun)") }
        return found
    }

    func number(_ key: String) throws -> Double { try read(key, \.number) }
    func whole(_ key: String) throws -> Int { try read(key, \.whole) }
    func bool(_ key: String) throws -> Bool { try read(key, \.bool) }
    func string(_ key: String) throws -> String { try read(key, \.string) }
    func array(_ key: String) throws -> [JSONValue] { try read(key, \.array) }
    func args(_ key: String) throws -> Args { try Args(json(key)) }
    func numbers(_ key: String) throws -> [Double] { try read(key) { $0.items(\.number) } }
    func wholes(_ key: String) throws -> [Int] { try read(key) { $0.items(\.whole) } }
    func rows(_ key: String) throws -> [[Double]] {
        try read(key) { $0.items { $0.items(\.number) } }
    }

    /// nil for null.
    func optional<T>(_ key: String, _ get: (String) throws -> T) throws -> T? {
        try json(key) == .null ? nil : get(key)
    }

    func size(_ key: String) throws -> SizeWH {
        let wh = try four(numbers(key), of: 2, key)
        return try SizeWH(wh[0], wh[1])
    }

    func point(_ key: String) throws -> PointXY {
        let xy = try four(numbers(key), of: 2, key)
        return PointXY(xy[0], xy[1])
    }

    func points(_ key: String) throws -> [PointXY] {
        try rows(key).map { row in
            let xy = try four(row, of: 2, key)
            return PointXY(xy[0], xy[1])
        }
    }

    func map(_ key: String) throws -> Affine {
        let m = try four(numbers(key), of: 6, key)
        return Affine(m[0], m[1], m[2], m[3], m[4], m[5])
    }

    func xyxy(_ key: String) throws -> BoxXYXY { try BoxXYXY(any: .xyxy, numbers(key)) }
    func boxesXYXY(_ key: String) throws -> [BoxXYXY] {
        try rows(key).map { try BoxXYXY(any: .xyxy, $0) }
    }

    func xywh(_ key: String) throws -> BoxXYWH {
        let b = try four(numbers(key), of: 4, key)
        return BoxXYWH(b[0], b[1], b[2], b[3])
    }

    func boxesXYWH(_ key: String) throws -> [BoxXYWH] {
        try rows(key).map { BoxXYWH(try BoxXYXY(any: .xywh, $0)) }
    }

    func named<T: Named>(_ key: String) throws -> T { try T(named: string(key)) }
    func orientation(_ key: String = "orientation") throws -> Orientation {
        try Orientation(exif: whole(key))
    }

    func region() throws -> VisionRegion {
        let r = try four(numbers("region"), of: 4, "region")
        return try VisionRegion(r[0], r[1], r[2], r[3])
    }

    /// Nested lists as a tensor; `[]` has the shape [0].
    func tensor(_ key: String) throws -> Tensor {
        let (shape, values) = try flattened(json(key), key)
        return try Tensor(shape: shape, values: values)
    }

    private func four(_ values: [Double], of count: Int, _ key: String) throws -> [Double] {
        guard values.count == count else {
            throw VectorError("\(key) has \(values.count) numbers, not \(count)")
        }
        return values
    }
}

private func flattened(_ json: JSONValue, _ key: String) throws -> ([Int], [Double]) {
    if let number = json.number { return ([], [number]) }
    // Within a tensor, JSON's only way to write a NaN.
    if json == .null { return ([], [.nan]) }
    guard let items = json.array else { throw VectorError("\(key) holds \(json.noun)") }
    let parts = try items.map { try flattened($0, key) }
    guard let inner = parts.first?.0 else { return ([0], []) }
    guard parts.allSatisfy({ $0.0 == inner }) else { throw VectorError("\(key) is ragged") }
    return ([items.count] + inner, parts.flatMap(\.1))
}

extension BoxXYXY {
    init(any format: BoxFormat, _ row: [Double]) throws { self = try format.box(row).xyxy }
}

/// A result as JSON.
protocol JSONResult { var json: JSONValue { get } }

extension Double: JSONResult { var json: JSONValue { .number(self) } }
extension Int: JSONResult { var json: JSONValue { .number(Double(self)) } }
extension UInt: JSONResult { var json: JSONValue { .number(Double(self)) } }
extension Bool: JSONResult { var json: JSONValue { .bool(self) } }
extension String: JSONResult { var json: JSONValue { .string(self) } }
extension JSONValue: JSONResult { var json: JSONValue { self } }
extension Array: JSONResult where Element: JSONResult {
    var json: JSONValue { .array(map(\.json)) }
}

extension Orientation: JSONResult { var json: JSONValue { rawValue.json } }
extension PointXY: JSONResult { var json: JSONValue { [x, y].json } }
extension SizeWH: JSONResult { var json: JSONValue { [w, h].json } }
extension RGB: JSONResult { var json: JSONValue { [Int(r), Int(g), Int(b)].json } }
extension Affine: JSONResult { var json: JSONValue { [a, b, tx, c, d, ty].json } }
extension BoxXYXY: JSONResult { var json: JSONValue { values.json } }
extension BoxXYWH: JSONResult { var json: JSONValue { values.json } }
extension ResizePlan.Pixels: JSONResult { var json: JSONValue { [w, h].json } }

extension PlaneLayout: JSONResult {
    var json: JSONValue {
        .object([
            "name": name.json, "cols": cols.json, "rows": rows.json,
            "sample_bytes": sampleBytes.json, "pixel_stride": pixelStride.json,
            "row_stride": rowStride.json, "min_bytes": minBytes.json, "full_bytes": fullBytes.json,
        ])
    }
}

extension Detection: JSONResult {
    var json: JSONValue {
        .object([
            "box_xyxy": box.json, "score": score.json, "class_id": classID.json,
            "landmarks_xy": landmarks.json,
        ])
    }
}
