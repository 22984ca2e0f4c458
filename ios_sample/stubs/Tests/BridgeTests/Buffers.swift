import CoreVideo
import MobileCatKit

/// Camera buffers made and read byte by byte: nothing of the bridges.
enum Buffers {
    /// The rows of `World`'s encoder, each plane with its own stride.
    static func of(_ rows: [[RGB]], _ format: PixelFormat) throws -> CVPixelBuffer {
        let encoded = try Encoded.buffer(rows, format)
        let (w, h) = (rows[0].count, rows.count)
        var at = 0
        let planes = encoded.layout.planes.map { plane in
            let made = Plane(width: plane.cols, height: plane.rows, bytesPerRow: plane.rowStride)
            _ = made.bytes.update(fromContentsOf: encoded.data[at..<at + plane.fullBytes])
            at += plane.fullBytes
            return made
        }
        return CVBuffer(
            format: format == .bgra32 ? 0x4247_5241 : 0x3432_3076, width: w, height: h,
            planes: planes)
    }

    /// What it shows. 420v: ITU-R BT.601-7 §2.5, backwards.
    static func rows(of buffer: CVPixelBuffer) -> [[RGB]] {
        let first = buffer.planes[0]
        return (0..<buffer.height).map { y in
            (0..<buffer.width).map { x in
                if buffer.format == 0x4247_5241 {
                    let at = y * first.bytesPerRow + 4 * x
                    return RGB(first.bytes[at + 2], first.bytes[at + 1], first.bytes[at])
                }
                let chroma = buffer.planes[1]
                let at = y / 2 * chroma.bytesPerRow + x / 2 * 2
                let luma = 1.164 * (Double(first.bytes[y * first.bytesPerRow + x]) - 16)
                let (cb, cr) = (Double(chroma.bytes[at]) - 128, Double(chroma.bytes[at + 1]) - 128)
                func byte(_ v: Double) -> UInt8 { UInt8(min(max(v.rounded(), 0), 255)) }
                return RGB(
                    byte(luma + 1.596 * cr), byte(luma - 0.392 * cb - 0.813 * cr),
                    byte(luma + 2.017 * cb))
            }
        }
    }
}

extension CGImage {
    convenience init(_ rows: [[RGB]]) {
        self.init(rows: rows.map { row in row.map { [$0.r, $0.g, $0.b] } })
    }
    var colours: [[RGB]] { rows.map { row in row.map { RGB($0[0], $0[1], $0[2]) } } }
}
