import CoreML
import ImageIO
import MobileCatKit
import Vision
import XCTest

@testable import CatCam

/// What Vision is told, and what is read from its answers.
final class VisionTests: BridgeCase {
    private func runner() throws -> VisionRunner {
        let compiled = home.appendingPathComponent("some.mlmodelc")
        try FileManager.default.createDirectory(at: compiled, withIntermediateDirectories: true)
        try Data("/some.mlmodel".utf8).write(to: compiled.appendingPathComponent("coremldata.bin"))
        return VisionRunner(model: try VNCoreMLModel(for: MLModel(contentsOf: compiled)))
    }

    private func sight(
        _ orientation: Orientation = .up, _ region: VisionRegion = .full,
        _ option: CropAndScale = .scaleFit
    ) -> Sight {
        Sight(orientation: orientation, region: region, fit: .vision(option), drawing: nil)
    }

    func testVisionIsToldEverything() throws {
        let runner = try runner()
        let buffer = try Buffers.of(World.rows, .bgra32)
        let region = try VisionRegion(0.125, 0.25, 0.5, 0.375)
        for orientation in Orientation.allCases {
            _ = try runner.run(.buffer(buffer), as: sight(orientation, region, .scaleFill))
            let asked = try XCTUnwrap(Asked.taken().first)
            XCTAssertEqual(asked.orientation.rawValue, UInt32(orientation.rawValue))
            XCTAssertEqual(asked.region, CGRect(x: 0.125, y: 0.25, width: 0.5, height: 0.375))
            guard case .buffer(let seen) = asked.picture else { return XCTFail("no buffer") }
            XCTAssertTrue(seen === buffer)
        }
        let image = CGImage(World.rows)
        _ = try runner.run(.photo(image, file: Data()), as: sight(.left))
        let asked = try XCTUnwrap(Asked.taken().first)
        guard case .image(let seen) = asked.picture else { return XCTFail("no picture") }
        XCTAssertTrue(seen === image)
        XCTAssertEqual(asked.orientation, .left)
        XCTAssertEqual(asked.region, CGRect(x: 0, y: 0, width: 1, height: 1))
    }

    /// VNImageCropAndScaleOption's numbers.
    func testEveryOptionByItsNumber() throws {
        let runner = try runner()
        let buffer = try Buffers.of(World.rows, .bgra32)
        let numbers: [(CropAndScale, UInt)] = [
            (.centerCrop, 0), (.scaleFit, 1), (.scaleFill, 2), (.scaleFitRotate90CCW, 0x101),
            (.scaleFillRotate90CCW, 0x102),
        ]
        for (option, number) in numbers {
            _ = try runner.run(.buffer(buffer), as: sight(.up, .full, option))
            XCTAssertEqual(Asked.taken().first?.option.rawValue, number, "\(option)")
            let vision = try XCTUnwrap(VNImageCropAndScaleOption(rawValue: number))
            XCTAssertEqual(try CropAndScale(vision), option)
        }
    }

    func testObjects() throws {
        Asked.answer = { _ in
            [
                VNRecognizedObjectObservation(
                    boundingBox: CGRect(x: 0.1, y: 0.2, width: 0.3, height: 0.4), confidence: 0.75,
                    labels: [
                        VNClassificationObservation(identifier: "cat", confidence: 1),
                        VNClassificationObservation(identifier: "dog", confidence: 0.25),
                    ])
            ]
        }
        let output = try runner().run(.buffer(Buffers.of(World.rows, .bgra32)), as: sight())
        XCTAssertEqual(
            output,
            .observations([
                Observation(
                    box: BoxXYWH(0.1, 0.2, 0.3, 0.4),
                    labels: [.init("cat", 1), .init("dog", 0.25)],
                    confidence: 0.75)
            ]))
    }

    /// Row by row, and in no other order; what Vision does not know for a detector, by its names.
    func testTensors() throws {
        Asked.answer = { _ in
            [("a", [2, 3]), ("b", [4])].map { name, shape in
                let count = shape.reduce(1, *)
                let array = MLMultiArray(shape: shape, values: (0..<count).map { Double($0) + 0.5 })
                return VNCoreMLFeatureValueObservation(
                    featureName: name, featureValue: MLFeatureValue(array))
            }
        }
        let output = try runner().run(.buffer(Buffers.of(World.rows, .bgra32)), as: sight())
        XCTAssertEqual(
            output,
            .tensors([
                "a": try Tensor(shape: [2, 3], values: [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]),
                "b": try Tensor(shape: [4], values: [0.5, 1.5, 2.5, 3.5]),
            ]))
    }

    func testWhatIsNoDetectionIsRefused() throws {
        let (runner, buffer) = (try runner(), try Buffers.of(World.rows, .bgra32))
        Asked.answer = { _ in [VNClassificationObservation(identifier: "cat", confidence: 1)] }
        XCTAssertThrowsError(try runner.run(.buffer(buffer), as: sight())) {
            XCTAssertTrue("\($0)".contains("VNClassificationObservation"), "\($0)")
        }
        Asked.answer = { _ in
            [
                VNRecognizedObjectObservation(
                    boundingBox: CGRect(x: 0, y: 0, width: 1, height: 1), confidence: 1, labels: []),
                VNCoreMLFeatureValueObservation(
                    featureName: "a", featureValue: MLFeatureValue(nil)),
            ]
        }
        XCTAssertThrowsError(try runner.run(.buffer(buffer), as: sight()))
        // A fit of the app's own is none of Vision's.
        let own = Sight(
            orientation: .up, region: .full, fit: .app(.letterbox, nil), drawing: nil)
        XCTAssertThrowsError(try runner.run(.buffer(buffer), as: own))
    }

    func testABoxIsDrawnRightSideUp() throws {
        let request = try FrameRequest(
            bufferWH: SizeWH(100, 200), modelWH: SizeWH(50, 50),
            view: PictureView(size: SizeWH(200, 400), mode: .resizeAspectFill))
        let seen = VNDetectedObjectObservation(
            boundingBox: CGRect(x: 0.1, y: 0.7, width: 0.2, height: 0.2), confidence: 1)
        // Normalised, lower left → two points a pixel, top left: y from 1 − 0.9.
        let box = try request.viewBox(seen)
        for (got, wanted) in zip(box.values, [20.0, 40, 60, 120]) {
            XCTAssertEqual(got, wanted, accuracy: 1e-9)
        }
    }
}
