import XCTest

@testable import MobileCatKit

final class BufferTests: XCTestCase {
    func testCountsThatCannotBeRightAreAllNamed() throws {
        let layout = try PixelLayout(.yuv420v, width: 7, height: 5, rowStrides: [64, 64])
        assertRefused(
            .buffer, "420v", "plane Y: 35 bytes; 7 × 5 samples in rows of 64 need 320",
            "plane CbCr: 24 bytes; 4 × 3 samples in rows of 64 need 192", "check width"
        ) { try layout.check(planeBytes: [35, 24]) }
    }

    func testAndroidMayEndWithTheLastSample() throws {
        let layout = try PixelLayout(
            .yuv420Android, width: 1280, height: 720, rowStrides: [1536, 1536, 1536],
            pixelStrides: [1, 2, 2])
        // 1536·719 + 1280; 1536·359 + 2·639 + 1
        try layout.check(planeBytes: [1_105_664, 552_703, 552_703])
        assertRefused(.buffer, "need 552703 to 552960") {
            try layout.check(planeBytes: [1_105_664, 552_702, 552_961])
        }
    }

    func testStridesThatCannotBe() {
        assertRefused(.buffer, "row stride 7 is below a row's 28 bytes", "not pixels") {
            try PixelLayout(.bgra32, width: 7, height: 5, rowStrides: [7])
        }
        assertRefused(.buffer, "2 planes, got 1 row strides") {
            try PixelLayout(.yuv420f, width: 7, height: 5, rowStrides: [8])
        }
        assertRefused(.buffer, "-5 × 3 is no size") {
            try PixelLayout(.bgra32, width: -5, height: 3)
        }
        // Must be refused, not trap: their products would overflow.
        for stride in [Int.max, Int.max / 2, Int.min] {
            assertRefused(.buffer, "plane BGRA") {
                try PixelLayout(.bgra32, width: 7, height: 5, rowStrides: [stride])
            }
            assertRefused(.buffer, "plane Y") {
                try PixelLayout(
                    .yuv420Android, width: 7, height: 5, pixelStrides: [stride, 1, 1])
            }
        }
    }

    func testFourCharacterCodes() throws {
        for format in PixelFormat.allCases {
            guard let code = format.coreVideoType else { continue }
            XCTAssertEqual(try PixelFormat(coreVideoType: code), format)
        }
        // As CVPixelBufferGetPixelFormatType prints them.
        XCTAssertEqual(PixelFormat.bgra32.coreVideoType, 1_111_970_369)
        XCTAssertEqual(PixelFormat.yuv420f.coreVideoType, 875_704_422)
        XCTAssertEqual(PixelFormat.yuv420v.coreVideoType, 875_704_438)
        assertRefused(.buffer, "'x420'", "32BGRA") {
            try PixelFormat(coreVideoType: 0x7834_3230)
        }
    }

    func testOnePixel() throws {
        let layout = try PixelLayout(.bgra32, width: 3, height: 2, rowStrides: [16])
        let bytes = (0..<32).map { UInt8($0) }
        let buffer = try PixelBuffer(layout, planes: [bytes])
        // row 1 begins at byte 16, pixel 2 at 16 + 8: B 24, G 25, R 26
        XCTAssertEqual(try buffer.rgb(x: 2, y: 1), RGB(26, 25, 24))
        assertRefused(.buffer, "(3, 1)") { try buffer.rgb(x: 3, y: 1) }
        assertRefused(.buffer, "(0, -1)") { try buffer.rgb(x: 0, y: -1) }
        assertRefused(.buffer, "31 bytes", "need 32") {
            try PixelBuffer(layout, planes: [bytes.dropLast()])
        }
    }

    func testAndroidRangeIsAnAssumption() throws {
        let layout = try PixelLayout(.yuv420Android, width: 1, height: 1)
        let buffer = try PixelBuffer(layout, planes: [[16], [128], [128]])
        XCTAssertEqual(buffer.rgbRows(), [[RGB(16, 16, 16)]])
        let video = Assumptions(androidFullRange: false)
        XCTAssertEqual(buffer.rgbRows(video), [[RGB(0, 0, 0)]])
    }

    func testTensors() throws {
        assertRefused(.buffer, "5 values", "[2, 3] needs 6") {
            try Tensor(shape: [2, 3], values: [1.0, 2, 3, 4, 5])
        }
        assertRefused(.buffer, "[-1, -6]") { try Tensor(shape: [-1, -6], values: [Double]()) }
        assertRefused(.buffer, "No such tensor") {
            try ElementType.float32.tensorBytes(shape: [Int.max, 2])
        }
        assertRefused(.buffer, "2 and 1") { try Tensor.offset(of: [1, 2], strides: [1]) }
        assertRefused(.buffer, "No such element") {
            try Tensor.offset(of: [Int.max], strides: [2])
        }
    }

    /// Rows of 3 padded to 4, as the Neural Engine pads 200 to 224.
    func testPaddedRowsAreSkipped() throws {
        let storage: [Float] = [1, 2, 3, -1, 4, 5, 6, -1]
        let tensor = try Tensor(shape: [1, 2, 3], strides: [8, 4, 1], storage: storage)
        XCTAssertEqual(tensor, try Tensor(shape: [1, 2, 3], values: [1.0, 2, 3, 4, 5, 6]))
        XCTAssertEqual(try Tensor(shape: [0, 3], strides: [3, 1], storage: [Float]()).values, [])
        assertRefused(.buffer, "needs 9 elements, got 8") {
            try Tensor(shape: [1, 2, 4], strides: [8, 5, 1], storage: storage)
        }
        assertRefused(.buffer, "reach outside") {
            try Tensor(shape: [2, 2], strides: [-1, 4], storage: storage)
        }
    }
}
