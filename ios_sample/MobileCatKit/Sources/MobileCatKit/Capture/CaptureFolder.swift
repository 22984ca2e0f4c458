import Foundation

extension Capture {
    /// Write capture.json and its files into a new folder, which appears whole or not at all.
    ///
    /// files: by their names beside capture.json. Errors: Foundation's, and where the folder exists.
    public func write(to folder: URL, files: [String: Data] = [:]) throws {
        let manager = FileManager.default
        let beside = folder.deletingLastPathComponent()
            .appendingPathComponent(".\(folder.lastPathComponent)-\(UUID().uuidString)")
        try manager.createDirectory(at: beside, withIntermediateDirectories: true)
        defer { try? manager.removeItem(at: beside) }
        for (name, data) in files {
            try data.write(to: beside.appendingPathComponent(name))
        }
        try json().write(to: beside.appendingPathComponent("capture.json"))
        try manager.moveItem(at: beside, to: folder)
    }

    /// capture.json's bytes: keys sorted, one result for one capture.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}

extension PixelBuffer {
    /// The bytes as handed over: the planes end to end, row padding included.
    public var data: Data { planes.reduce(Data()) { $0 + Data($1) } }

    /// The pixels as stored, not turned, as a PNG that any viewer opens.
    public func png(_ assumptions: Assumptions = .unmeasured) -> Data {
        PNG.encode(rgbRows(assumptions), width: layout.width)
    }
}

/// PNG without compression: a debug capture wants no library.
///
/// Source: w3.org/TR/png-3 (chunks, CRC), RFC 1950 (zlib, Adler-32), RFC 1951 §3.2.4 (stored blocks).
enum PNG {
    static func encode(_ rows: [[RGB]], width: Int) -> Data {
        var lines: [UInt8] = []
        lines.reserveCapacity(rows.count * (1 + 3 * width))
        for row in rows {
            lines.append(0)  // filter: none
            for pixel in row {
                lines.append(pixel.r)
                lines.append(pixel.g)
                lines.append(pixel.b)
            }
        }
        // 8 bits, truecolour, the one compression, filter and no interlace there is.
        let header = bytes(width) + bytes(rows.count) + [8, 2, 0, 0, 0]
        return Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            + chunk("IHDR", header) + chunk("IDAT", stored(lines)) + chunk("IEND", [])
    }

    private static func stored(_ raw: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x78, 0x01]
        out.reserveCapacity(raw.count + raw.count / 65_535 * 5 + 16)
        for start in stride(from: 0, to: max(raw.count, 1), by: 65_535) {
            let end = min(start + 65_535, raw.count)
            let (size, last) = (UInt16(end - start), end == raw.count)
            out += [last ? 1 : 0]
            out += [size, ~size].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            out += raw[start..<end]
        }
        return out + bytes(Int(adler32(raw)))
    }

    private static func chunk(_ name: String, _ body: [UInt8]) -> Data {
        let named = Array(name.utf8) + body
        return Data(bytes(body.count) + named + bytes(Int(crc32(named))))
    }

    private static func bytes(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func adler32(_ data: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in data {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return b << 16 | a
    }

    private static let crcTable: [UInt32] = (0..<256).map { n in
        (0..<8).reduce(UInt32(n)) { c, _ in c & 1 == 1 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1 }
    }

    private static func crc32(_ data: [UInt8]) -> UInt32 {
        ~data.reduce(0xFFFF_FFFF) { crcTable[Int(($0 ^ UInt32($1)) & 255)] ^ ($0 >> 8) }
    }
}
