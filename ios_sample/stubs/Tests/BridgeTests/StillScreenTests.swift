import AVFoundation
import MobileCatKit
import PhotosUI
import UIKit
import Vision
import XCTest

@testable import CatCam

/// Photos of every orientation through the whole app.
final class StillScreenTests: BridgeCase {
    override func setUpWithError() throws {
        try super.setUpWithError()
        try Installed.put()
        Asked.answer = Installed.answer
        // A photo's bytes are its orientation.
        Photos.read = { data in
            guard let exif = data.first, (1...8).contains(exif) else { return nil }
            // UIImage.Orientation's number of each EXIF one.
            let raw = [0, 4, 1, 5, 6, 3, 7, 2][Int(exif) - 1]
            return (CGImage(Stored.rows(exif: Int(exif))), UIImage.Orientation(rawValue: raw)!)
        }
    }

    override func tearDown() {
        Installed.remove()
        super.tearDown()
    }

    @MainActor private func start() throws -> Running {
        let app = try Running()
        app.tabs.choose(1)
        return app
    }

    @MainActor private func pick(_ answer: Result<Data, any Error>, in app: Running) throws {
        try app.tap("photo.on.rectangle", on: app.still)
        let picker = try XCTUnwrap(app.still.presented as? PHPickerViewController)
        XCTAssertEqual(picker.configuration.filter, .images)
        let provider = NSItemProvider("public.image", answer)
        picker.delegate?.picker(picker, didFinishPicking: [PHPickerResult(provider)])
        XCTAssertNil(app.still.presented)
    }

    /// Where an image view that fits shows the world, in the window: between the bars, 390 × 664.
    @MainActor private func shown(_ box: BoxXYXY, _ app: Running) throws -> BoxXYXY {
        let view = try XCTUnwrap(Running.all(UIImageView.self, in: app.still.view).first)
        XCTAssertEqual(view.contentMode, .scaleAspectFit)
        let (at, size) = (view.origin(in: app.window), view.bounds.size)
        let s = min(Double(size.width) / 60, Double(size.height) / 100)
        let x = Double(at.x) + (Double(size.width) - 60 * s) / 2
        let y = Double(at.y) + (Double(size.height) - 100 * s) / 2
        return BoxXYXY(x + s * box.x1, y + s * box.y1, x + s * box.x2, y + s * box.y2)
    }

    func testAPhotoOfEveryOrientation() throws {
        try onMain {
            let app = try start()
            // Between the bars: 97 points above, 83 below.
            for kind in [UIImageView.self, OverlayView.self, MessageLabel.self] as [UIView.Type] {
                let view = try XCTUnwrap(app.still.view.subviews.first { type(of: $0) == kind })
                XCTAssertEqual(view.frame, CGRect(x: 0, y: 97, width: 390, height: 664), "\(kind)")
            }
            for exif in UInt8(1)...8 {
                try pick(.success(Data([exif])), in: app)
                wait("\(exif): a box") { app.overlay(app.still).found.count == 1 }
                let boxes = app.boxes(app.still)
                XCTAssertEqual(boxes.count, 1)
                assertAt(boxes.first, try shown(World.face, app), scale: 6.5, "\(exif)")
                XCTAssertNotNil(Running.all(UIImageView.self, in: app.still.view).first?.image)
                let asked = try XCTUnwrap(Asked.taken().first)
                XCTAssertEqual(asked.orientation.rawValue, UInt32(exif))
                app.overlay(app.still).found = []
            }
            // Another size of the screen, another place.
            app.resize(CGSize(width: 844, height: 390), .landscapeRight)
            wait("a box") { app.overlay(app.still).found.count == 1 }
            assertAt(app.boxes(app.still).first, try shown(World.face, app), scale: 2.1, "lying")
            let asked = Asked.taken().count
            app.resize(CGSize(width: 844, height: 390), .landscapeRight)
            settle()
            XCTAssertEqual(Asked.taken().count, 0, "layout that changes nothing runs no model")
            XCTAssertGreaterThan(asked, 0)
        }
    }

    func testWhatCannotBeRead() throws {
        try onMain {
            let app = try start()
            XCTAssertEqual(app.message(app.still), "Choose a photo")
            try pick(.success(Data([99])), in: app)
            wait("it is said") { app.message(app.still) == "This photo cannot be read" }
            try pick(.failure(CocoaError(.fileReadUnknown)), in: app)
            wait("it is said") { app.message(app.still) != "This photo cannot be read" }
        }
    }

    func testWithoutModelsItSaysWhatToRun() throws {
        try onMain {
            Installed.remove()
            let app = try start()
            wait("it is said") { app.message(app.still).contains("make ios") }
        }
    }

    /// What was found in one photo is neither drawn nor kept for the next.
    func testANewPhotoBeginsAnew() throws {
        try onMain {
            let app = try start()
            try pick(.success(Data([1])), in: app)
            wait("a box") { app.overlay(app.still).found.count == 1 }
            settle()
            Asked.answer = { _ in throw CocoaError(.fileNoSuchFile) }
            try pick(.success(Data([6])), in: app)
            wait("it fails") { !app.message(app.still).isEmpty }
            XCTAssertEqual(app.boxes(app.still).count, 0)
            try app.tap("ladybug", on: app.still)
            settle(1)
            XCTAssertNil(app.still.presented)
        }
    }

    func testNothingFound() throws {
        try onMain {
            Photos.read = { _ in
                (
                    CGImage(
                        [[RGB]](repeating: [RGB](repeating: RGB(90, 90, 90), count: 30), count: 50)),
                    .up
                )
            }
            let app = try start()
            try pick(.success(Data([1])), in: app)
            wait("it is said") { app.message(app.still) == "Nothing found" }
        }
    }

    func testACapture() throws {
        try onMain {
            let app = try start()
            try app.tap("ladybug", on: app.still)
            settle(0.5)
            XCTAssertNil(app.still.presented)
            try pick(.success(Data([6])), in: app)
            wait("a box") { app.overlay(app.still).found.count == 1 }
            settle()
            try app.tap("ladybug", on: app.still)
            wait("it is said") { app.still.presented != nil }
            XCTAssertEqual(try app.alert(on: app.still).title, "Capture saved")
            let documents = try FileManager.default.url(
                for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: false)
            let names = try FileManager.default.contentsOfDirectory(atPath: documents.path)
            let name = try XCTUnwrap(names.first { $0.hasPrefix("capture ") })
            let folder = documents.appendingPathComponent(name)
            defer { try? FileManager.default.removeItem(at: folder) }
            XCTAssertEqual(
                try Data(contentsOf: folder.appendingPathComponent("frame-0.photo")), Data([6]))
            let data = try Data(contentsOf: folder.appendingPathComponent("capture.json"))
            let capture = try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
            let frame = try XCTUnwrap((capture["frames"] as? [[String: Any]])?.first)
            XCTAssertEqual(frame["upright"] as? Int, 6)
            XCTAssertEqual(frame["size_wh"] as? [Int], [100, 60])
        }
    }
}
