import CoreGraphics
import CoreVideo
import MobileCatKit
import XCTest

/// Camera buffers, rectangles and transforms across the bridge.
final class BufferTests: BridgeCase {
    func testEveryPlaneComesWithItsOwnStride() throws {
        let luma = Plane(width: 6, height: 4, bytesPerRow: 64)
        let chroma = Plane(width: 3, height: 2, bytesPerRow: 96)
        for i in 0..<luma.bytes.count { luma.bytes[i] = UInt8(i % 200) }
        for i in 0..<chroma.bytes.count { chroma.bytes[i] = UInt8(50 + i % 200) }
        let buffer = CVBuffer(format: 0x3432_3076, width: 6, height: 4, planes: [luma, chroma])
        let copy = try PixelBuffer(buffer)
        XCTAssertEqual(copy.layout.format, .yuv420v)
        XCTAssertEqual([copy.layout.width, copy.layout.height], [6, 4])
        XCTAssertEqual(copy.layout.planes.map(\.rowStride), [64, 96])
        XCTAssertEqual([UInt8](copy.data), Array(luma.bytes) + Array(chroma.bytes))
        XCTAssertEqual(buffer.locks, 0)
        let size = try SizeWH(buffer)
        XCTAssertEqual([size.w, size.h], [6, 4])
    }

    func testOnePlaneOfBGRA() throws {
        let plane = Plane(width: 3, height: 2, bytesPerRow: 32)
        for i in 0..<plane.bytes.count { plane.bytes[i] = UInt8(i) }
        let buffer = CVBuffer(format: 0x4247_5241, width: 3, height: 2, planes: [plane])
        let copy = try PixelBuffer(buffer)
        XCTAssertEqual(copy.layout.format, .bgra32)
        XCTAssertEqual(copy.layout.planes.map(\.rowStride), [32])
        XCTAssertEqual([UInt8](copy.data), Array(plane.bytes))
        XCTAssertEqual(buffer.locks, 0)
    }

    /// One luma and one chroma of both standards, worked out by hand: Y 81, Cb 90, Cr 240 is BT.601's
    /// pure red; read as BT.709 it is (255, 24, 0).
    func testTheMatrixIsWhatIsAttached() throws {
        func red(_ attached: String?) throws -> RGB {
            let (y, c) = (
                Plane(width: 2, height: 2, bytesPerRow: 64),
                Plane(width: 1, height: 1, bytesPerRow: 64)
            )
            for i in [0, 1, 64, 65] { y.bytes[i] = 81 }
            (c.bytes[0], c.bytes[1]) = (90, 240)
            let buffer = CVBuffer(format: 0x3432_3076, width: 2, height: 2, planes: [y, c])
            if let attached {
                buffer.attachments["CVImageBufferYCbCrMatrix"] = NSString(string: attached)
            }
            return try PixelBuffer(buffer).rgbRows()[0][0]
        }
        for name in [nil, "ITU_R_601_4"] {
            let is601 = try red(name)
            XCTAssertLessThanOrEqual(is601.g, 2, "\(name ?? "none")")
        }
        let is709 = try red("ITU_R_709_2")
        // 1.164·65 − 0.213·(−38) − 0.533·112 = 24.1
        XCTAssertEqual(Double(is709.g), 24, accuracy: 2)
    }

    func testAFormatThatNobodyKnows() {
        let buffer = CVBuffer(
            format: 0x6237_3634, width: 2, height: 2,
            planes: [Plane(width: 2, height: 2, bytesPerRow: 64)])
        XCTAssertThrowsError(try PixelBuffer(buffer)) { XCTAssertTrue("\($0)".contains("'b764'")) }
    }

    func testRectanglesAndTransformsKeepTheirLetters() throws {
        XCTAssertEqual(BoxXYXY(1, 2, 4, 8).cgRect, CGRect(x: 1, y: 2, width: 3, height: 6))
        XCTAssertEqual(BoxXYWH(CGRect(x: 1, y: 2, width: 3, height: 6)), BoxXYWH(1, 2, 3, 6))
        XCTAssertEqual(
            try VisionRegion(0.1, 0.2, 0.3, 0.4).cgRect,
            CGRect(x: 0.1, y: 0.2, width: 0.3, height: 0.4))
        XCTAssertEqual(PointXY(3, 5).cgPoint, CGPoint(x: 3, y: 5))
        XCTAssertEqual(PointXY(CGPoint(x: 3, y: 5)), PointXY(3, 5))
        let size = try SizeWH(CGSize(width: 3, height: 5))
        XCTAssertEqual([size.w, size.h], [3, 5])
        XCTAssertThrowsError(try SizeWH(CGSize(width: 0, height: 5)))
        // A quarter turn clockwise of a 10 high picture: (x, y) → (10 − y, x).
        let turn = Affine(0, -1, 10, 1, 0, 0)
        let m = turn.cgAffineTransform
        let x = m.a * 2 + m.c * 3 + m.tx
        let y = m.b * 2 + m.d * 3 + m.ty
        XCTAssertEqual([x, y], [7, 2])
    }
}
