import MobileCatKit

/// Vision and a detector, by pixels: turns, crops and scales as documented, then looks for colours.
///
/// Its arithmetic is its own, row by row of the documented tables: nothing of FrameRequest.
struct PixelVision {
    /// The face, the middle of its left eye and of its right, in pixels of the model's input; the
    /// face's box as Vision reports it, (0–1, lower-left) of the upright picture.
    typealias Seen = (face: BoxXYXY?, left: PointXY?, right: PointXY?, observed: BoxXYWH?)

    let modelW: Int
    let modelH: Int

    /// rows: the picture as stored. option: VNImageCropAndScaleOption's raw value.
    func look(
        at rows: [[RGB]], exif: Int, region r: (x: Double, y: Double, w: Double, h: Double),
        option: UInt
    ) -> Seen {
        let upright = Self.turned(rows, exif: exif)
        let (w, h) = (Double(upright[0].count), Double(upright.count))
        let (x0, y0, rw, rh) = (r.x * w, (1 - r.y - r.h) * h, r.w * w, r.h * h)
        var (gx, gy) = (Double(modelW) / rw, Double(modelH) / rh)
        switch option {
        case 1: (gx, gy) = (min(gx, gy), min(gx, gy))
        case 0: (gx, gy) = (max(gx, gy), max(gx, gy))
        default: break
        }
        let (px, py) = ((Double(modelW) - gx * rw) / 2, (Double(modelH) - gy * rh) / 2)
        let input = (0..<modelH).map { row in
            (0..<modelW).map { column -> RGB in
                let x = (Double(column) + 0.5 - px) / gx
                let y = (Double(row) + 0.5 - py) / gy
                guard 0..<rw ~= x, 0..<rh ~= y else { return RGB(0, 0, 0) }
                return upright[min(Int(y0 + y), upright.count - 1)][
                    min(Int(x0 + x), upright[0].count - 1)]
            }
        }
        let (face, left, right) = Self.found(in: input)
        let observed = face.map { face in
            // Undone by hand: out of the padding, onto the region, into (0–1, lower-left).
            let (x1, x2) = ((face.x1 - px) / gx + x0, (face.x2 - px) / gx + x0)
            let (y1, y2) = ((face.y1 - py) / gy + y0, (face.y2 - py) / gy + y0)
            return BoxXYWH(x1 / w, 1 - y2 / h, (x2 - x1) / w, (y2 - y1) / h)
        }
        return (face, left, right, observed)
    }

    /// TIFF 6.0, Orientation: which stored pixel is shown at (x, y).
    static func turned(_ rows: [[RGB]], exif: Int) -> [[RGB]] {
        let (w, h) = (rows[0].count, rows.count)
        let (shownW, shownH) = exif >= 5 ? (h, w) : (w, h)
        return (0..<shownH).map { y in
            (0..<shownW).map { x in
                switch exif {
                case 2: rows[y][w - 1 - x]
                case 3: rows[h - 1 - y][w - 1 - x]
                case 4: rows[h - 1 - y][x]
                case 5: rows[x][y]
                case 6: rows[h - 1 - x][y]
                case 7: rows[h - 1 - x][w - 1 - y]
                case 8: rows[x][w - 1 - y]
                default: rows[y][x]
                }
            }
        }
    }

    /// The face, the middle of its left eye and of its right, in pixels of a model's input.
    static func found(in input: [[RGB]]) -> (face: BoxXYXY?, left: PointXY?, right: PointXY?) {
        let face = extent(input) { $0.r > 150 && $0.g < 90 && $0.b < 90 }
        let left = extent(input) { $0.b > 150 && $0.r < 90 && $0.g < 90 }
        let right = extent(input) { $0.g > 150 && $0.r < 90 && $0.b < 90 }
        return (face, left?.middle, right?.middle)
    }

    private static func extent(_ rows: [[RGB]], _ isIt: (RGB) -> Bool) -> BoxXYXY? {
        var xs: [Int] = []
        var ys: [Int] = []
        for (y, row) in rows.enumerated() {
            for (x, pixel) in row.enumerated() where isIt(pixel) {
                xs.append(x)
                ys.append(y)
            }
        }
        guard let x1 = xs.min(), let x2 = xs.max(), let y1 = ys.min(), let y2 = ys.max() else {
            return nil
        }
        return BoxXYXY(Double(x1), Double(y1), Double(x2 + 1), Double(y2 + 1))
    }
}
