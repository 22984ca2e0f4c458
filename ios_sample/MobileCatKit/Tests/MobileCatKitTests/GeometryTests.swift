import XCTest

@testable import MobileCatKit

/// What the shared vectors do not say: ties, inverses, refusals, hand-worked anchors.
final class GeometryTests: XCTestCase {
    func testHandWorkedLetterbox() throws {
        let plan = try ResizePlan(
            src: SizeWH(1920, 1080), dst: SizeWH(640, 640), mode: .letterbox)
        XCTAssertEqual(plan.resizedWH, ResizePlan.Pixels(w: 640, h: 360))
        XCTAssertEqual([plan.left, plan.top, plan.right, plan.bottom], [0, 140, 0, 140])
        let m = plan.modelFromImage
        assertClose([m.a, m.b, m.tx, m.c, m.d, m.ty], [1 / 3.0, 0, 0, 0, 1 / 3.0, 140])
    }

    func testRoundingOfTies() {
        let cases: [(Double, Int, Int, Int)] = [
            // value, half-even, half-away, truncate
            (360.5, 360, 361, 360),
            (361.5, 362, 362, 361),
            (2.5, 2, 3, 2),
            (0.5, 1, 1, 1),  // 0 is no side: at least 1
            (1.5, 2, 2, 1),
            (359.99999999999994, 360, 360, 359),
            (2.5000000000000004, 3, 3, 2),
        ]
        for (value, even, away, down) in cases {
            XCTAssertEqual(Rounding.halfEven.side(value), even, "\(value) half-even")
            XCTAssertEqual(Rounding.halfAway.side(value), away, "\(value) half-away")
            XCTAssertEqual(Rounding.truncate.side(value), down, "\(value) truncate")
        }
    }

    func testPythonAndSwiftRoundDifferently() throws {
        let (src, dst) = try (SizeWH(1280, 721), SizeWH(640, 640))
        let heights = try [Rounding.halfEven, .halfAway, .truncate].map {
            try ResizePlan(src: src, dst: dst, mode: .letterbox, rounding: $0).resizedWH.h
        }
        XCTAssertEqual(heights, [360, 361, 360])
    }

    func testMapsNameTheirDestinationFirst() throws {
        let bFromA = Affine.scaleThenMove(2, 3, 5, 7)
        let cFromB = Affine(0, 1, 0, -1, 0, 11)
        let p = PointXY(13, 17)
        XCTAssertEqual((cFromB * bFromA).point(p), cFromB.point(bFromA.point(p)))
        XCTAssertEqual((cFromB * bFromA).point(p), PointXY(58, -20))
        XCTAssertTrue(try (bFromA.inverse() * bFromA).isClose(to: .identity))
        XCTAssertFalse((cFromB * bFromA).isClose(to: bFromA * cFromB))
        XCTAssertFalse(Affine.identity.isClose(to: .move(0, 1e-3)))
    }

    func testEveryInverseUndoes() throws {
        let (wh, modelWH) = try (SizeWH(3, 5), SizeWH(7, 4))
        for orientation in Orientation.allCases {
            XCTAssertEqual(orientation * orientation.inverse, .up)
            XCTAssertEqual(
                try Orientation(uiImageRawValue: orientation.uiImageRawValue), orientation)
            let there = orientation.uprightFromStored(storedWH: wh)
            XCTAssertEqual(orientation.storedFromUpright(storedWH: wh) * there, .identity)
        }
        XCTAssertEqual(Orientation.allCases.filter { $0.inverse != $0 }, [.right, .left])
        for mode in ResizeMode.allCases {
            let plan = try ResizePlan(src: wh, dst: modelWH, mode: mode)
            XCTAssertTrue((plan.imageFromModel * plan.modelFromImage).isClose(to: .identity))
        }
        let region = try VisionRegion(0.25, 0.5, 0.5, 0.125)
        XCTAssertTrue((region.regionFromFull * region.fullFromRegion).isClose(to: .identity))
        let flip = Affine.imageFromVision(wh) * .visionFromImage(wh)
        XCTAssertTrue(flip.isClose(to: .identity))
    }

    func testCropAndScaleByRawValue() throws {
        for option in CropAndScale.allCases {
            XCTAssertEqual(try CropAndScale(vnRawValue: option.vnRawValue), option)
        }
        assertRefused(.geometry, "raw value 3") { try CropAndScale(vnRawValue: 3) }
    }

    func testRequestWithoutView() throws {
        let request = try FrameRequest(bufferWH: SizeWH(640, 480), modelWH: SizeWH(320, 200))
        assertRefused(.geometry, "view is nil", "PictureView") { try request.viewFromImage }
        assertRefused(.geometry, "region of interest", "crop the frame") {
            try FrameRequest(
                bufferWH: SizeWH(640, 480), modelWH: SizeWH(320, 200), fit: .app(.letterbox, nil),
                region: VisionRegion(0, 0, 0.5, 1))
        }
        assertRefused(.geometry, "640.5") {
            try FrameRequest(bufferWH: SizeWH(640.5, 480), modelWH: SizeWH(320, 200))
        }
    }

    /// Sensor 640×480 held upright: the image is 480×640, shown filling 240×640 points, so that
    /// 240 of 480 points of width stay in view and 120 are cut on each side.
    func testObservationToView() throws {
        let request = try FrameRequest(
            bufferWH: SizeWH(640, 480), modelWH: SizeWH(320, 200), orientation: .right,
            region: VisionRegion(0.5, 0.5, 0.5, 0.5),
            view: PictureView(size: SizeWH(240, 640), mode: .resizeAspectFill))
        // The region is the upper right quarter: (240, 0) to (480, 320), stretched to 320×200.
        let observed = request.observedBox(modelBox: BoxXYXY(32, 50, 64, 100))
        assertClose(observed.values, [0.1, 0.5, 0.1, 0.25])
        assertClose(request.imageBox(observed: observed).values, [264, 80, 288, 160])
        assertClose(try request.viewBox(observed: observed).values, [144, 80, 168, 160])
        let back = try request.viewFromModel.box(BoxXYXY(32, 50, 64, 100))
        assertClose(back.values, [144, 80, 168, 160])
    }

    /// Vision's boxes as if they were of the whole image: the other reading of [dev].
    func testObservationOverTheWholeImage() throws {
        let request = try FrameRequest(
            bufferWH: SizeWH(640, 480), modelWH: SizeWH(320, 200), orientation: .right,
            region: VisionRegion(0.5, 0.5, 0.5, 0.5),
            assumptions: Assumptions(observationsRelativeToRegion: false))
        let observed = request.observedBox(modelBox: BoxXYXY(32, 50, 64, 100))
        assertClose(observed.values, [0.55, 0.75, 0.05, 0.125])
        assertClose(request.imageBox(observed: observed).values, [264, 80, 288, 160])
    }

    func testLandmarkOutputShapes() throws {
        let crop = try CropPlan(
            box: BoxXYXY(10, 20, 34, 68), imageWH: SizeWH(100, 90), modelWH: SizeWH(12, 24),
            rule: CropRule())
        let xy: [Double] = [0, 0, 12, 24, 3, 6]
        let expected = [PointXY(10, 20), PointXY(34, 68), PointXY(16, 32)]
        for shape in [[6], [1, 6], [3, 2], [1, 3, 2], [1, 1, 3, 2], [1, 1, 6]] {
            XCTAssertEqual(try crop.landmarks(Tensor(shape: shape, values: xy)), expected)
        }
        let one = try Tensor(shape: [1, 1, 1, 2], values: [12.0, 0])
        XCTAssertEqual(try crop.landmarks(one), [PointXY(34, 20)])
        for shape in [[2, 3], [1, 2, 3], [6, 1]] {
            assertRefused(.outputs, "\(shape)", "x before y") {
                try crop.landmarks(Tensor(shape: shape, values: xy))
            }
        }
        assertRefused(.outputs, "[5]") {
            try crop.landmarks(Tensor(shape: [5], values: [1.0, 2, 3, 4, 5]))
        }
    }

    func testRefusalsSayWhatToDo() throws {
        assertRefused(.geometry, "0.0 × 5.0") { try SizeWH(0, 5) }
        assertRefused(.geometry, "nan") { try SizeWH(3, .nan) }
        assertRefused(.geometry, "whole pixels", "3.5") { try SizeWH(3.5, 5).wholePixels() }
        assertRefused(.geometry, "whole pixels") { try SizeWH(1e18, 5).wholePixels() }
        assertRefused(.geometry, "0 is not 1 to 8", "never cast") { try Orientation(exif: 0) }
        assertRefused(.geometry, "\"cover\"", "resizeAspectFill", "FILL_END") {
            try ViewMode(named: "cover")
        }
        assertRefused(.geometry, "divide by the image's size") {
            try VisionRegion(0, 0, 320, 240)
        }
        assertRefused(.geometry, "faceUp", "portraitUpsideDown") {
            try DeviceOrientation(named: "faceUp")
        }
        assertRefused(.geometry, "collapses") { try Affine(1, 2, 0, 2, 4, 0).inverse() }
        assertRefused(.geometry, "image 640.0 × 480.0 and model 640.0 × 480.0") {
            try Frame("model", SizeWH(640, 480)).fromFrame(Frame("image", SizeWH(640, 480)))
        }
        assertRefused(.geometry, "BOTTOM_CORNERS") {
            try ResizeSampling(milSamplingMode: "BOTTOM_CORNERS")
        }
    }

    func testCoreGraphicsValues() throws {
        let rect = CGRect(x: 10, y: 20, width: 3, height: 5)
        XCTAssertEqual(BoxXYWH(rect), BoxXYWH(10, 20, 3, 5))
        XCTAssertEqual(BoxXYXY(10, 20, 13, 25).cgRect, rect)
        XCTAssertEqual(BoxYXYX(20, 10, 25, 13).cgRect, rect)
        XCTAssertEqual(PointXY(CGPoint(x: 3, y: 5)), PointXY(3, 5))
        XCTAssertEqual(PointXY(3, 5).cgPoint, CGPoint(x: 3, y: 5))
        XCTAssertEqual(try SizeWH(CGSize(width: 3, height: 5)), try SizeWH(3, 5))
        assertRefused(.geometry, "0.0 × 0.0") { try SizeWH(CGSize.zero) }
    }
}
