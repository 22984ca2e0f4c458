// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreVideo

/// An image is a colour for every point of its extent: x to the right, y upwards, from the lower left
/// corner of the picture that it came from.
open class CIImage {  // coreimage/ciimage
    package typealias Colour = [Double]
    private let extent: CGRect
    private let colour: (CGPoint) -> Colour

    private init(_ extent: CGRect, _ colour: @escaping (CGPoint) -> Colour) {
        (self.extent, self.colour) = (extent, colour)
    }

    public convenience init(cvPixelBuffer pixelBuffer: CVPixelBuffer) {  // coreimage/ciimage/init(cvpixelbuffer:)
        self.init(rows: Colours.of(pixelBuffer))
    }
    public convenience init(cgImage image: CGImage) {  // coreimage/ciimage/init(cgimage:)
        self.init(rows: image.rows)
    }
    private convenience init(rows: [[[UInt8]]]) {
        let (w, h) = (rows.first?.count ?? 0, rows.count)
        self.init(CGRect(x: 0, y: 0, width: w, height: h)) { p in
            let x = min(max(Int(p.x.rounded(.down)), 0), w - 1)
            let y = min(max(h - 1 - Int(p.y.rounded(.down)), 0), h - 1)
            // Between the outermost pixels' centres and the edge, nothing is mixed in: half at the edge.
            let edges = [p.x, Double(w) - p.x, p.y, Double(h) - p.y]
            let inside = edges.map { min(max(Double($0) + 0.5, 0), 1) }
            let share = inside.reduce(1, *)
            return rows[y][x].map { Double($0) / 255 * share }
        }
    }
    public convenience init(color: CIColor) {  // coreimage/ciimage/init(color:)
        self.init(.infinite) { _ in color.rgb }
    }
    public func clampedToExtent() -> CIImage {  // coreimage/ciimage/clampedtoextent()
        let (e, inner) = (extent, colour)
        return CIImage(.infinite) { p in
            inner(CGPoint(
                x: min(max(p.x, e.minX + 0.5), e.maxX - 0.5),
                y: min(max(p.y, e.minY + 0.5), e.maxY - 0.5)))
        }
    }
    public func transformed(by m: CGAffineTransform) -> CIImage {  // coreimage/ciimage/transformed(by:)
        let inner = colour
        let determinant = m.a * m.d - m.b * m.c
        func back(_ p: CGPoint) -> CGPoint {
            let (x, y) = (Double(p.x) - m.tx, Double(p.y) - m.ty)
            return CGPoint(
                x: (m.d * x - m.c * y) / determinant, y: (m.a * y - m.b * x) / determinant)
        }
        guard !extent.isEndless else { return CIImage(.infinite) { inner(back($0)) } }
        let corners = [
            (extent.minX, extent.minY), (extent.maxX, extent.minY), (extent.minX, extent.maxY),
            (extent.maxX, extent.maxY),
        ].map { x, y in
            (m.a * Double(x) + m.c * Double(y) + m.tx, m.b * Double(x) + m.d * Double(y) + m.ty)
        }
        let (xs, ys) = (corners.map(\.0).sorted(), corners.map(\.1).sorted())
        let moved = CGRect(x: xs[0], y: ys[0], width: xs[3] - xs[0], height: ys[3] - ys[0])
        return CIImage(moved) { inner(back($0)) }
    }
    public func cropped(to rect: CGRect) -> CIImage { CIImage(extent.isEndless ? rect : extent.intersection(rect), colour) }  // coreimage/ciimage/cropped(to:)
    public func composited(over dest: CIImage) -> CIImage {  // coreimage/ciimage/composited(over:)
        let (e, top) = (extent, colour)
        return CIImage(.infinite) { e.isEndless || e.contains($0) ? top($0) : dest.at($0) }
    }

    /// Transparent black outside.
    fileprivate func at(_ p: CGPoint) -> Colour {
        extent.isEndless || extent.contains(p) ? colour(p) : [0, 0, 0]
    }
}

extension CGRect {
    fileprivate static let infinite = CGRect(x: -1e9, y: -1e9, width: 2e9, height: 2e9)
    fileprivate var isEndless: Bool { width >= 1e9 }
}

open class CIColor {  // coreimage/cicolor
    fileprivate let rgb: [Double]
    public init?(red r: CGFloat, green g: CGFloat, blue b: CGFloat, colorSpace: CGColorSpace) { rgb = [r, g, b].map { Double($0) } }  // coreimage/cicolor/init(red:green:blue:colorspace:)
}

open class CIContext {  // coreimage/cicontext
    private let options: [CIContextOption: Any]
    /// So many points across and down are looked at for one pixel, where a high quality is asked for.
    nonisolated(unsafe) package static var points = 1
    public init(options: [CIContextOption: Any]? = nil) { self.options = options ?? [:] }  // coreimage/cicontext/init(options:)

    /// The lower edge of `bounds` goes into the buffer's last row.
    public func render(_ image: CIImage, to buffer: CVPixelBuffer, bounds: CGRect, colorSpace: CGColorSpace?) {  // coreimage/cicontext/render(_:to:bounds:colorspace:)
        if (options[.workingColorSpace] as? CGColorSpace)?.name != colorSpace?.name {
            Misuse.note("colours are resampled in another space than they are written in")
        }
        guard buffer.format == kCVPixelFormatType_32BGRA else { return Misuse.note("no 32BGRA to draw into") }
        let plane = buffer.planes[0]
        let points = options[.highQualityDownsample] as? Bool == true ? Self.points : 1
        for row in 0..<buffer.height {
            for column in 0..<buffer.width {
                var sum = [0.0, 0, 0]
                for i in 0..<points * points {
                    let (across, down) = (Double(i % points) + 0.5, Double(i / points) + 0.5)
                    let colour = image.at(
                        CGPoint(
                            x: Double(bounds.minX) + Double(column) + across / Double(points),
                            y: Double(bounds.maxY) - Double(row) - down / Double(points)))
                    for k in 0..<3 { sum[k] += colour[k] }
                }
                let rgb = sum.map { v -> UInt8 in
                    let mean = v / Double(points * points) * 255
                    return UInt8(min(max(mean.rounded(), 0), 255))
                }
                let at = row * plane.bytesPerRow + 4 * column
                (plane.bytes[at], plane.bytes[at + 1], plane.bytes[at + 2]) = (rgb[2], rgb[1], rgb[0])
                plane.bytes[at + 3] = 255
            }
        }
    }
}

public struct CIContextOption: Hashable, Sendable {  // coreimage/cicontextoption
    let name: String
    public static let workingColorSpace = CIContextOption(name: "working space")  // coreimage/cicontextoption/workingcolorspace
    public static let cacheIntermediates = CIContextOption(name: "cache")  // coreimage/cicontextoption/cacheintermediates
    public static let highQualityDownsample = CIContextOption(name: "downsample")  // coreimage/cicontextoption/highqualitydownsample
}

/// How a buffer's bytes are read as colours.
package enum Colours {
    nonisolated(unsafe) package static var of: (CVPixelBuffer) -> [[[UInt8]]] = { _ in [] }
}
