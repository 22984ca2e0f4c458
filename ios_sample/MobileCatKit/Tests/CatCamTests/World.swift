import MobileCatKit

/// What stands in front of the camera, upright: a red face with a blue and a green eye, off-centre.
///
/// Everything lies on even pixels, so that 4:2:0 chroma keeps its edges whichever way it is turned.
enum World {
    static let (w, h) = (60, 100)
    static let face = BoxXYXY(10, 24, 34, 62)
    static let leftEye = BoxXYXY(14, 34, 18, 38)
    static let rightEye = BoxXYXY(26, 30, 30, 34)
    static let eyeNames = ["left_eye", "right_eye"]

    static let red = RGB(220, 20, 30)
    static let blue = RGB(20, 30, 220)
    static let green = RGB(20, 210, 30)

    static var rows: [[RGB]] { rows(movedBy: 0, 0) }

    /// The face somewhere else, by an even number of pixels.
    static func rows(movedBy dx: Int, _ dy: Int) -> [[RGB]] {
        (0..<h).map { y in
            (0..<w).map { x in
                let at = PointXY(Double(x - dx) + 0.5, Double(y - dy) + 0.5)
                if leftEye.holds(at) { return blue }
                if rightEye.holds(at) { return green }
                return face.holds(at) ? red : RGB(UInt8(100 + x), UInt8(60 + y), 120)
            }
        }
    }

    /// Where a correct app draws a rectangle of the scene: aspect fill, worked out by hand.
    static func inView(_ box: BoxXYXY, _ vw: Double, _ vh: Double, mirrored: Bool) -> BoxXYXY {
        let s = max(vw / Double(w), vh / Double(h))
        let (ox, oy) = ((vw - s * Double(w)) / 2, (vh - s * Double(h)) / 2)
        let (x1, x2) = (ox + s * box.x1, ox + s * box.x2)
        let (y1, y2) = (oy + s * box.y1, oy + s * box.y2)
        return mirrored ? BoxXYXY(vw - x2, y1, vw - x1, y2) : BoxXYXY(x1, y1, x2, y2)
    }

    static func viewScale(_ vw: Double, _ vh: Double) -> Double {
        max(vw / Double(w), vh / Double(h))
    }
}

extension BoxXYXY {
    func holds(_ p: PointXY) -> Bool { x1 < p.x && p.x < x2 && y1 < p.y && p.y < y2 }
    var middle: PointXY { PointXY((x1 + x2) / 2, (y1 + y2) / 2) }
}

/// Pixels turned the long way round: nothing of MobileCatKit's orientations is used.
enum Turned {
    static func clockwise(_ rows: [[RGB]], degrees: Int) -> [[RGB]] {
        (0..<((degrees % 360 + 360) % 360 / 90)).reduce(rows) { now, _ in
            (0..<now[0].count).map { x in (0..<now.count).map { now[now.count - 1 - $0][x] } }
        }
    }

    static func mirrored(_ rows: [[RGB]]) -> [[RGB]] { rows.map { $0.reversed() } }
}

/// Pixels as a camera's buffer, rows padded to 64 bytes and more; padding is red to whoever reads it.
enum Encoded {
    static func buffer(_ rows: [[RGB]], _ format: PixelFormat) throws -> PixelBuffer {
        format == .bgra32 ? try bgra(rows) : try videoRange(rows)
    }

    private static func bgra(_ rows: [[RGB]]) throws -> PixelBuffer {
        let (w, h) = (rows[0].count, rows.count)
        let stride = (w * 4 + 63) / 64 * 64 + 64
        let padding = [UInt8](arrayLiteral: 0, 0, 255, 255)
        let bytes = rows.flatMap { row -> [UInt8] in
            let used: [UInt8] = row.flatMap { [$0.b, $0.g, $0.r, UInt8(255)] }
            return used + (0..<(stride - used.count)).map { padding[$0 % 4] }
        }
        return try PixelBuffer(
            PixelLayout(.bgra32, width: w, height: h, rowStrides: [stride]), planes: [bytes])
    }

    /// BT.601, 16–235 and 16–240. Source: ITU-R BT.601-7 §2.5.
    private static func videoRange(_ rows: [[RGB]]) throws -> PixelBuffer {
        let (w, h) = (rows[0].count, rows.count)
        let strides = [(w + 63) / 64 * 64 + 64, (w + 63) / 64 * 64 + 128]
        let luma = rows.flatMap { row in row.map { ycc($0).y } + pad(strides[0] - w, [81]) }
        let chroma = stride(from: 0, to: h, by: 2).flatMap { y -> [UInt8] in
            let pairs = stride(from: 0, to: w, by: 2).flatMap { x -> [UInt8] in
                [ycc(rows[y][x]).cb, ycc(rows[y][x]).cr]
            }
            return pairs + pad(strides[1] - pairs.count, [90, 240])
        }
        return try PixelBuffer(
            PixelLayout(.yuv420v, width: w, height: h, rowStrides: strides), planes: [luma, chroma])
    }

    private static func pad(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
        (0..<count).map { bytes[$0 % bytes.count] }
    }

    private static func ycc(_ c: RGB) -> (y: UInt8, cb: UInt8, cr: UInt8) {
        let (r, g, b) = (Double(c.r) / 255, Double(c.g) / 255, Double(c.b) / 255)
        let y = 0.299 * r + 0.587 * g + 0.114 * b
        return (
            UInt8((16 + 219 * y).rounded()), UInt8((128 + 224 * (b - y) / 1.772).rounded()),
            UInt8((128 + 224 * (r - y) / 1.402).rounded())
        )
    }
}
