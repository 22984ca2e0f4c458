import AVFoundation
import CoreAI
import MobileCatKit
import UIKit
import Vision
import XCTest

@testable import CatCam

/// The whole app with a camera in front of the world: what it draws lies on what its preview shows.
final class LiveScreenTests: BridgeCase {
    override func setUpWithError() throws {
        try super.setUpWithError()
        try Installed.put()
        Asked.answer = Installed.answer
        AIModels.of = Installed.made
    }

    override func tearDown() {
        Installed.remove()
        super.tearDown()
    }

    @MainActor private func start(
        _ kind: Kind = .iPhone, held: DeviceOrientation = .portrait,
        size: CGSize = CGSize(width: 390, height: 844)
    ) throws -> Running {
        Cameras.look(with: kind, held: held)
        let app = try Running(size: size)
        wait("the camera runs") { app.output?.connection != nil && app.source.isRunning }
        return app
    }

    @MainActor private func push(_ app: Running) {
        app.push()
        settle()
    }

    @MainActor private func turnAround(_ app: Running) throws {
        let before = app.preview.previewLayer.connection
        try app.tap("arrow.triangle.2.circlepath.camera", on: app.live)
        wait("the other camera runs") {
            app.preview.previewLayer.connection !== before && app.source.isRunning
        }
        settle()
    }

    @MainActor private func assertOnFace(
        _ app: Running, _ position: AVCaptureDevice.Position, _ what: String
    ) {
        app.overlay(app.live).found = []
        push(app)
        let size = app.preview.bounds.size
        let scale = World.viewScale(Double(size.width), Double(size.height))
        let boxes = app.boxes(app.live)
        XCTAssertEqual(boxes.count, 1, "\(what): \(app.message(app.live))")
        assertAt(boxes.first, app.shown(World.face, as: position), scale: scale, what)
        // Dots lie on the landmarks, and the words in the box's upper left corner.
        let dots = app.drawn(app.live).filter { $0.color == "teal" }.map(\.rect)
        XCTAssertEqual(dots.count, 9, what)
        for (dot, eye) in zip(dots, [World.leftEye, World.rightEye]) {
            guard let wanted = app.shown(eye, as: position)?.middle else { return XCTFail(what) }
            XCTAssertEqual(Double(dot.midX), wanted.x, accuracy: 1.5 * scale, what)
            XCTAssertEqual(Double(dot.midY), wanted.y, accuracy: 1.5 * scale, what)
        }
        let words = app.drawn(app.live).first { if case .text = $0.kind { true } else { false } }
        XCTAssertEqual(words.map { $0.rect.minX - boxes[0].minX } ?? 0, 6, accuracy: 1e-6, what)
        XCTAssertEqual(words.map { $0.rect.minY - boxes[0].minY } ?? 0, 4, accuracy: 1e-6, what)
        // The eyes' white discs are drawn about the eyes' middles.
        let whites = app.drawn(app.live).filter { $0.color == "white" }.map(\.rect)
        XCTAssertEqual(whites.count, 2, what)
        for (white, eye) in zip(whites, [World.leftEye, World.rightEye]) {
            guard let wanted = app.shown(eye, as: position)?.middle else { return XCTFail(what) }
            XCTAssertEqual(Double(white.midX), wanted.x, accuracy: 1.5 * scale, what)
            XCTAssertEqual(Double(white.midY), wanted.y, accuracy: 1.5 * scale, what)
        }
    }

    /// Three kinds of device, both cameras, four holds, upright and lying screens.
    func testTheOverlayLandsOnTheFace() throws {
        try onMain {
            let upright = CGSize(width: 390, height: 844)
            let holds: [(DeviceOrientation, UIInterfaceOrientation, CGSize)] = [
                (.portrait, .portrait, upright),
                (.landscapeLeft, .landscapeRight, CGSize(width: 844, height: 390)),
                (.landscapeRight, .landscapeLeft, CGSize(width: 844, height: 390)),
                (.portraitUpsideDown, .portraitUpsideDown, upright),
            ]
            for (name, kind) in [("iPhone", Kind.iPhone), ("17", .iPhone17), ("iPad", .iPadOfM4)] {
                Cameras.all = [.back: AVCaptureDevice(.back), .front: AVCaptureDevice(.front)]
                let app = try start(kind)
                for (position, next) in [(AVCaptureDevice.Position.back, true), (.front, false)] {
                    for (held, interface, size) in holds {
                        Cameras.look(with: kind, held: held)
                        app.resize(size, interface)
                        assertOnFace(app, position, "\(name) \(position) \(held)")
                    }
                    if next { try turnAround(app) }
                }
            }
        }
    }

    func testBothEnginesDrawTheSame() throws {
        try onMain {
            var found: [[CGRect]] = []
            for files in [["cat_faces.mlmodel"], ["cat_faces.mlmodel", "cat_faces.aimodel"]] {
                try Installed.put(
                    files,
                    landmarks: files.count == 1
                        ? ["cat_landmarks.mlpackage"] : ["cat_landmarks.aimodel"])
                let app = try start()
                assertOnFace(app, .back, "\(files)")
                app.push()
                settle()
                found.append(app.boxes(app.live))
                XCTAssertEqual(app.texts(app.live), ["cat face 88 %"])
            }
            XCTAssertEqual(Asked.taken().isEmpty, false)
        }
    }

    func testWhenTheOtherCameraCannotBeUsedTheFirstGoesOn() throws {
        try onMain {
            let app = try start()
            assertOnFace(app, .back, "before")
            Cameras.all[.front]?.fits = false
            try app.tap("arrow.triangle.2.circlepath.camera", on: app.live)
            wait("it is said") { app.live.presented != nil }
            XCTAssertEqual(try app.alert(on: app.live).title, "The other camera cannot be used")
            wait("it runs again") { app.source.isRunning }
            assertOnFace(app, .back, "after")
            // The next time it is there.
            Cameras.all[.front]?.fits = true
            try turnAround(app)
            assertOnFace(app, .front, "at last")
        }
    }

    func testWhileCamerasChangeNothingIsDrawnAndNobodyRunsBehindTheOtherTab() throws {
        try onMain {
            let app = try start()
            push(app)
            XCTAssertEqual(app.boxes(app.live).count, 1)
            try app.tap("arrow.triangle.2.circlepath.camera", on: app.live)
            XCTAssertEqual(app.boxes(app.live).count, 0)
            app.tabs.choose(1)
            wait("the other camera is there") {
                app.output?.connection?.device.position == .front
            }
            settle(0.2)
            XCTAssertFalse(app.source.isRunning)
            app.tabs.choose(0)
            wait("it runs") { app.source.isRunning }
            assertOnFace(app, .front, "the other camera")
        }
    }

    func testAnEngineThatRefusesIsSaid() throws {
        try onMain {
            try Installed.put(["cat_faces.mlmodel", "cat_faces.aimodel"])
            AIModels.of = { _ in nil }
            let app = try start()
            wait("it is said") { app.live.presented != nil }
            let (title, message) = try app.alert(on: app.live)
            XCTAssertEqual(title, "Another file runs")
            XCTAssertTrue(message.contains("cat_faces.mlmodel runs instead"), message)
            assertOnFace(app, .back, "the other file")
        }
    }

    func testACaptureThatCannotBeWritten() throws {
        try onMain {
            let app = try start()
            let file = home.appendingPathComponent("no folder")
            try Data().write(to: file)
            setenv("CFFIXED_USER_HOME", file.path, 1)
            setenv("HOME", file.path, 1)
            try app.tap("ladybug", on: app.live)
            for _ in 0..<6 where app.live.presented == nil { push(app) }
            wait("it is said") { app.live.presented != nil }
            XCTAssertEqual(try app.alert(on: app.live).title, "Not saved")
        }
    }

    func testATabKeepsItsName() throws {
        try onMain {
            let app = try start()
            app.tabs.choose(1)
            XCTAssertEqual(
                app.tabs.viewControllers?.map { $0.tabBarItem.title }, ["Live", "Photo"])
            XCTAssertEqual(app.live.navigationItem.title, "CatCam")
            XCTAssertEqual(app.still.navigationItem.title, "Photo")
        }
    }

    func testTheScreenStaysOnWhileTheCameraIsWatched() throws {
        try onMain {
            let app = try start()
            XCTAssertTrue(UIApplication.shared.isIdleTimerDisabled)
            app.tabs.choose(1)
            XCTAssertFalse(UIApplication.shared.isIdleTimerDisabled)
            wait("the camera rests") { !app.source.isRunning }
            app.tabs.choose(0)
            XCTAssertTrue(UIApplication.shared.isIdleTimerDisabled)
            wait("it runs again") { app.source.isRunning }
            assertOnFace(app, .back, "back again")
        }
    }

    func testWhatAnInterruptionSays() throws {
        try onMain {
            let app = try start()
            push(app)
            XCTAssertEqual(app.boxes(app.live).count, 1)
            app.source.isInterrupted = true
            wait("it is said") { app.message(app.live).contains("Another app has the camera") }
            XCTAssertEqual(app.boxes(app.live).count, 0)
            app.source.isInterrupted = false
            wait("it is over") { app.message(app.live).isEmpty }
        }
    }

    /// A hot phone is looked through once a second.
    func testHeat() throws {
        try onMain {
            let app = try start()
            push(app)
            _ = Asked.taken()
            ProcessInfo.heat = .critical
            NotificationCenter.default.post(
                name: ProcessInfo.thermalStateDidChangeNotification, object: nil)
            settle()
            @MainActor func looks(at time: Double) -> Int {
                app.source.synchronizationClock = CMClock(time)
                app.output?.deliver(at: time)
                return Asked.taken().count
            }
            XCTAssertEqual(looks(at: 1.5), 0)
            XCTAssertGreaterThan(looks(at: 2.1), 0)
            // Late by more than a tenth of a second, by the session's clock.
            app.source.synchronizationClock = CMClock(9)
            app.output?.deliver(at: 8.8)
            XCTAssertEqual(Asked.taken().count, 0)
        }
    }

    func testWhyThereIsNothingToSee() throws {
        try onMain {
            Cameras.permission = .denied
            let refused = try Running()
            wait("it is said") { refused.message(refused.live).contains("permission was refused") }
            Cameras.permission = .authorized
            Installed.remove()
            let bare = try Running()
            wait("it is said") { bare.message(bare.live).contains("make ios") }
            try Installed.put()
            Cameras.all = [:]
            let blind = try Running()
            wait("it is said") { blind.message(blind.live).contains("no back camera") }
        }
    }

    func testAnErrorTakesTheBoxesAway() throws {
        try onMain {
            let app = try start()
            push(app)
            XCTAssertEqual(app.boxes(app.live).count, 1)
            Asked.answer = { _ in throw CocoaError(.fileNoSuchFile) }
            push(app)
            XCTAssertEqual(app.boxes(app.live).count, 0)
            XCTAssertFalse(app.message(app.live).isEmpty)
            Asked.answer = Installed.answer
            push(app)
            XCTAssertEqual(app.boxes(app.live).count, 1)
            XCTAssertEqual(app.message(app.live), "")
        }
    }

    /// A trial reaches the connection and Vision, and its frames still land on the face.
    func testATrialIsToldToWhomItConcerns() throws {
        try onMain {
            let app = try start()
            let menu = try XCTUnwrap(try app.button("ladybug", on: app.live).menu)
            XCTAssertEqual(menu.children.count, Trial.allCases.count)
            @MainActor func choose(_ title: String) throws {
                let menu = try app.button("ladybug", on: app.live).menu
                let item = menu?.children.first { $0.title == title } as? UIAction
                try XCTUnwrap(item).perform()
                settle()
            }
            try choose("Pixels turned and mirrored by it")
            wait("the connection mirrors") { app.output?.connection?.isVideoMirrored == true }
            XCTAssertEqual(app.output?.connection?.videoRotationAngle, 90)
            assertOnFace(app, .back, "mirrored")
            try choose("A region of interest")
            wait("the connection is as ever") { app.output?.connection?.isVideoMirrored == false }
            _ = Asked.taken()
            push(app)
            XCTAssertEqual(
                Asked.taken().first?.region, CGRect(x: 0, y: 0, width: 0.75, height: 0.75))
        }
    }

    /// What the button leaves in Documents is the frame as it came, and what was drawn.
    func testACapture() throws {
        try onMain {
            let app = try start()
            try app.tap("ladybug", on: app.live)
            for _ in 0..<6 where app.live.presented == nil { push(app) }
            wait("it is said") { app.live.presented != nil }
            let (title, message) = try app.alert(on: app.live)
            XCTAssertEqual(title, "Capture saved")
            let documents = try FileManager.default.url(
                for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: false)
            let names = try FileManager.default.contentsOfDirectory(atPath: documents.path)
            let name = try XCTUnwrap(names.first { $0.hasPrefix("capture ") }, "\(names)")
            defer {
                try? FileManager.default.removeItem(at: documents.appendingPathComponent(name))
            }
            XCTAssertTrue(message.contains("mobilecat diagnose \"\(name)/capture.json\""), message)
            let folder = documents.appendingPathComponent(name)
            let data = try Data(contentsOf: folder.appendingPathComponent("capture.json"))
            let capture = try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
            XCTAssertEqual(capture["device_model"] as? String, "iPhone, iOS 17.4")
            let frames = try XCTUnwrap(capture["frames"] as? [[String: Any]])
            XCTAssertEqual(frames.count, 5)
            let first = frames[0]
            // Held upright, the sensor's picture lies on its left side: EXIF 6.
            XCTAssertEqual(first["size_wh"] as? [Int], [100, 60])
            XCTAssertEqual(first["orientation"] as? Int, 6)
            XCTAssertEqual(first["upright"] as? Int, 6)
            XCTAssertEqual(first["upright_angle"] as? Int, 90)
            XCTAssertEqual(first["applied_angle"] as? Int, 0)
            XCTAssertEqual(first["pixel_format"] as? String, "420v")
            XCTAssertEqual(first["bytes_per_row"] as? [Int], [192, 256])
            let view = try XCTUnwrap(first["view"] as? [String: Any])
            XCTAssertEqual(view["size_wh"] as? [Double], [390, 844])
            XCTAssertEqual(view["scale"] as? Double, 3)
            let bytes = try Data(contentsOf: folder.appendingPathComponent("frame-0.bin"))
            XCTAssertEqual(bytes.count, 192 * 60 + 256 * 30)
        }
    }
}
