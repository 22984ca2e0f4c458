import Foundation

/// How sure each pixel of a grid is of one object, and where the grid lies in the image.
///
/// Frame: pixel (column i, row j) covers [i, i+1] × [j, j+1] of the grid, which covers the model's
/// input; `imageFromMask` leads from there through the letterbox to the image, on pixel edges.
public struct Mask: Hashable, Sendable {
    public let width: Int
    public let height: Int
    /// Row by row, 0 to 1; 0 outside of the object's box.
    public let values: [Double]
    public let imageFromMask: Affine

    /// A pixel that is surer than this is the object's.
    public static let sure = 0.5

    /// Errors: `.outputs` where the sides need another number of values.
    public init(width: Int, height: Int, values: [Double], imageFromMask: Affine) throws {
        guard width > 0, height > 0, try elementCount([height, width]) == values.count else {
            throw MobileCatError(
                .outputs, "This is no mask",
                [Problem("\(values.count) values for \(width) × \(height)")])
        }
        (self.width, self.height) = (width, height)
        (self.values, self.imageFromMask) = (values, imageFromMask)
    }

    /// The masks of kept boxes: what `masks = "app"` leaves to the app.
    ///
    /// σ of the prototypes' sum by each object's coefficients, 0 where a pixel's centre is not inside
    /// of its box. A larger grid is bilinear between pixel centres before σ.
    /// Source: Bolya et al., YOLACT (ICCV 2019), §3.
    /// Shapes: coefficients [K,P] or [1,K,P], prototypes [P,h,w] or [1,P,h,w]; rows beyond the boxes
    /// are padding. Units: boxes in pixels of the model's input.
    /// Errors: `.outputs` for shapes that contradict each other, or a grid that is no whole multiple
    /// of the prototypes'.
    public static func masks(
        coefficients: Tensor, prototypes: Tensor, boxes: [BoxXYXY], modelWH: SizeWH,
        gridWH: (w: Int, h: Int)? = nil, imageFromModel: Affine
    ) throws -> [Mask] {
        let factors = Array(coefficients.shape.suffix(2))
        let maps = Array(prototypes.shape.suffix(3))
        guard factors.count == 2, maps.count == 3, factors[1] == maps[0], boxes.count <= factors[0],
            maps.allSatisfy({ $0 > 0 }), coefficients.values.count == factors[0] * factors[1],
            prototypes.values.count == maps[0] * maps[1] * maps[2]
        else {
            throw MobileCatError(
                .outputs, "These outputs are not coefficients and prototypes",
                [
                    Problem(
                        "coefficients \(coefficients.shape), prototypes \(prototypes.shape), "
                            + "\(boxes.count) boxes", fix: "[K, P] and [P, h, w], K boxes at most")
                ])
        }
        let (rows, columns) = (maps[1], maps[2])
        let grid = gridWH ?? (columns, rows)
        guard grid.w > 0, grid.h > 0, grid.w % columns == 0, grid.h % rows == 0 else {
            throw MobileCatError(
                .outputs, "A mask's grid does not fit",
                [Problem("\(grid.w) × \(grid.h) is no whole multiple of \(columns) × \(rows)")])
        }
        let modelFromMask = Affine.scaleThenMove(
            modelWH.w / Double(grid.w), modelWH.h / Double(grid.h))
        return try boxes.enumerated().map { row, box in
            var sums = [Double](repeating: 0, count: rows * columns)
            for p in 0..<maps[0] {
                let factor = coefficients.values[row * maps[0] + p]
                for k in sums.indices { sums[k] += factor * prototypes.values[p * sums.count + k] }
            }
            let large = stretched(sums, columns, rows, to: grid)
            return try Mask(
                width: grid.w, height: grid.h,
                values: cropped(large, grid, modelFromMask, box),
                imageFromMask: imageFromModel * modelFromMask)
        }
    }

    /// Whether the image's pixel (column x, row y) is the object's: by the cell its centre is in.
    /// `maskFromImage` is the inverse of `imageFromMask`.
    func holds(x: Int, y: Int, _ maskFromImage: Affine) -> Bool {
        let at = maskFromImage.point(PointXY(Double(x) + 0.5, Double(y) + 0.5))
        guard at.x >= 0, at.y >= 0, at.x < Double(width), at.y < Double(height) else {
            return false
        }
        return values[Int(at.y) * width + Int(at.x)] > Mask.sure
    }

    /// Which pixels of the image are the object's, row by row.
    ///
    /// Errors: `.geometry` for sides that are no whole pixels, or a map that has no inverse.
    public func flags(imageWH: SizeWH) throws -> [[Bool]] {
        let (wide, high) = try imageWH.wholePixels()
        let maskFromImage = try imageFromMask.inverse()
        return (0..<high).map { y in (0..<wide).map { x in holds(x: x, y: y, maskFromImage) } }
    }
}

private func cropped(
    _ sums: [Double], _ grid: (w: Int, h: Int), _ modelFromMask: Affine, _ box: BoxXYXY
) -> [Double] {
    (0..<grid.h).flatMap { j in
        (0..<grid.w).map { i in
            let at = modelFromMask.point(PointXY(Double(i) + 0.5, Double(j) + 0.5))
            let inside = box.x1 < at.x && at.x < box.x2 && box.y1 < at.y && at.y < box.y2
            return inside ? 1 / (1 + exp(-sums[j * grid.w + i])) : 0
        }
    }
}

/// Values of a larger grid, each between the pixel centres that it lies between.
private func stretched(
    _ values: [Double], _ columns: Int, _ rows: Int, to grid: (w: Int, h: Int)
) -> [Double] {
    if grid == (columns, rows) { return values }
    let (across, down) = (places(columns, grid.w), places(rows, grid.h))
    return down.flatMap { y in
        across.map { x in
            let top = mixed(values[y.low * columns + x.low], values[y.low * columns + x.high], x)
            let end = mixed(values[y.high * columns + x.low], values[y.high * columns + x.high], x)
            return mixed(top, end, y)
        }
    }
}

private struct Place {
    let low: Int
    let high: Int
    let share: Double
}

private func places(_ size: Int, _ count: Int) -> [Place] {
    (0..<count).map { k in
        let at = (Double(k) + 0.5) * Double(size) / Double(count) - 0.5
        let clamped = min(max(at, 0), Double(size - 1))
        let low = Int(clamped)
        return Place(low: low, high: min(low + 1, size - 1), share: clamped - Double(low))
    }
}

private func mixed(_ low: Double, _ high: Double, _ place: Place) -> Double {
    low * (1 - place.share) + high * place.share
}
