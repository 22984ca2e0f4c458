import AVFoundation
import MobileCatKit
import UIKit
import XCTest

@testable import CatCam

/// The preview's angle, by both ways in which a system says it.
final class PreviewTests: BridgeCase {
    private let session = AVCaptureSession()
    private let layer = AVCaptureVideoPreviewLayer()

    private func show(_ position: AVCaptureDevice.Position) throws -> AVCaptureDevice {
        let device = try XCTUnwrap(Cameras.all[position])
        session.inputs.forEach(session.removeInput)
        session.addInput(try AVCaptureDeviceInput(device: device))
        layer.session = session
        return device
    }

    func testTheCoordinatorTurnsThePreview() throws {
        for kind in [Kind.iPhone, .iPhone17, .iPadOfM4] {
            for position in [AVCaptureDevice.Position.back, .front] {
                Cameras.look(with: kind, held: .portrait)
                let device = try show(position)
                var told: [Int] = []
                let angle = PreviewAngle(camera: position == .front ? .front : .back, layer: layer)
                {
                    told.append($0)
                }
                angle.follow(device)
                XCTAssertEqual(told, [Int(device.portraitAngle)], "\(kind) \(position)")
                for held in [DeviceOrientation.landscapeLeft, .landscapeRight, .portraitUpsideDown]
                {
                    Cameras.look(with: kind, held: held)
                    XCTAssertEqual(told.last, Int(device.levelAngle), "\(kind) \(position) \(held)")
                    XCTAssertEqual(layer.connection?.videoRotationAngle, device.levelAngle)
                }
                // Where a coordinator is, the interface is not asked.
                let before = told
                angle.interface(is: .portrait)
                XCTAssertEqual(told, before)
            }
        }
    }

    func testARenewedConnectionIsTurnedToo() throws {
        Cameras.look(with: .iPhone, held: .portrait)
        let device = try show(.back)
        let angle = PreviewAngle(camera: .back, layer: layer) { _ in }
        angle.follow(device)
        XCTAssertEqual(layer.connection?.videoRotationAngle, 90)
        _ = try show(.back)
        XCTAssertEqual(layer.connection?.videoRotationAngle, 0)
        angle.renew()
        XCTAssertEqual(layer.connection?.videoRotationAngle, 90)
    }

    /// iOS 16: the interface's orientation, and what connections report. Only the difference of the
    /// two angles is used, and it is right for every kind.
    func testBeforeRotationCoordinators() throws {
        let interfaces: [(UIInterfaceOrientation, DeviceOrientation)] = [
            (.portrait, .portrait), (.portraitUpsideDown, .portraitUpsideDown),
            (.landscapeLeft, .landscapeRight), (.landscapeRight, .landscapeLeft),
        ]
        for kind in [Kind.iPhone, .iPhone17, .iPadOfM4] {
            for position in [AVCaptureDevice.Position.back, .front] {
                let camera: CameraPosition = position == .front ? .front : .back
                var told = -1
                let angle = PreviewAngle(camera: camera, layer: layer) { told = $0 }
                for (interface, held) in interfaces {
                    Cameras.look(with: kind, held: held)
                    let device = try show(position)
                    angle.interface(is: interface)
                    // The system turns a connection as its orientation says.
                    let preview = try XCTUnwrap(layer.connection)
                    preview.showByOrientation(told, camera)
                    XCTAssertEqual(
                        preview.videoRotationAngle, device.levelAngle, "\(kind) \(camera) \(held)")
                    for applied in [CGFloat(0), 90, 180, 270] {
                        let data = AVCaptureConnection(device, isPreview: false)
                        data.videoRotationAngle = applied
                        let turn = told - data.angleByOrientation(camera)
                        XCTAssertEqual(
                            (turn + 720) % 360, (Int(device.levelAngle - applied) + 720) % 360,
                            "\(kind) \(camera) \(held) \(applied)")
                    }
                }
                let before = told
                angle.interface(is: .unknown)
                XCTAssertEqual(told, before)
            }
        }
    }

    func testThePreviewFillsAndSaysWhetherItMirrors() throws {
        try onMain {
            let preview = PreviewView(frame: CGRect(x: 0, y: 0, width: 390, height: 844))
            XCTAssertEqual(preview.previewLayer.videoGravity, .resizeAspectFill)
            XCTAssertEqual(preview.pictureView?.mirrored, false)
            preview.previewLayer.session = session
            for (position, mirrored) in [(AVCaptureDevice.Position.back, false), (.front, true)] {
                session.inputs.forEach(session.removeInput)
                session.addInput(try AVCaptureDeviceInput(device: Cameras.all[position]!))
                let shown = try XCTUnwrap(preview.pictureView)
                XCTAssertEqual(shown.mirrored, mirrored)
                XCTAssertEqual(shown.mode, .resizeAspectFill)
                XCTAssertEqual([shown.size.w, shown.size.h], [390, 844])
            }
            XCTAssertNil(PreviewView(frame: .zero).pictureView)
        }
    }
}
