import AVFoundation
import ImageIO
import MobileCatKit
import UIKit
import XCTest

@testable import CatCam

/// Names of turns across the bridge, each against the number that Apple's headers give it.
final class OrientationTests: BridgeCase {
    func testVisionIsToldTheExifNumber() {
        XCTAssertEqual(Orientation.allCases.count, 8)
        for one in Orientation.allCases {
            XCTAssertEqual(one.cgImagePropertyOrientation.rawValue, UInt32(one.rawValue), "\(one)")
        }
        // EXIF 6 and 8, by name: a picture on its left side is turned clockwise.
        XCTAssertEqual(Orientation.right.cgImagePropertyOrientation.rawValue, 6)
        XCTAssertEqual(Orientation.left.cgImagePropertyOrientation.rawValue, 8)
    }

    /// UIImage.Orientation counts in another order than EXIF: up, down, left, right, then mirrored.
    func testAPhotosOrientation() throws {
        let exif = [1, 3, 8, 6, 2, 4, 5, 7]
        for (raw, wanted) in exif.enumerated() {
            let orientation = try XCTUnwrap(UIImage.Orientation(rawValue: raw))
            XCTAssertEqual(try Orientation(orientation).rawValue, wanted, "\(raw)")
        }
    }

    func testHowTheDeviceIsHeld() {
        let held: [UIDeviceOrientation: DeviceOrientation] = [
            .portrait: .portrait, .portraitUpsideDown: .portraitUpsideDown,
            .landscapeLeft: .landscapeLeft, .landscapeRight: .landscapeRight,
        ]
        for raw in 0...6 {
            let one = UIDeviceOrientation(rawValue: raw)!
            XCTAssertEqual(DeviceOrientation(one), held[one], "\(one)")
        }
    }

    /// An interface turns against the device, and AVFoundation names the interface's.
    func testLandscapesSwap() {
        let interfaces: [UIInterfaceOrientation: DeviceOrientation] = [
            .portrait: .portrait, .portraitUpsideDown: .portraitUpsideDown,
            .landscapeLeft: .landscapeRight, .landscapeRight: .landscapeLeft,
        ]
        for raw in 0...4 {
            let one = UIInterfaceOrientation(rawValue: raw)!
            XCTAssertEqual(DeviceOrientation(one), interfaces[one], "\(one)")
        }
        let videos: [(AVCaptureVideoOrientation, DeviceOrientation)] = [
            (.portrait, .portrait), (.portraitUpsideDown, .portraitUpsideDown),
            (.landscapeLeft, .landscapeRight), (.landscapeRight, .landscapeLeft),
        ]
        for (video, held) in videos {
            XCTAssertEqual(DeviceOrientation(video), held, "\(video)")
            XCTAssertEqual(AVCaptureVideoOrientation(held), video, "\(held)")
        }
    }
}
