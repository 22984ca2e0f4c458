"""The faults that tools/mutate_bridges.py plants where the app meets Apple's frameworks.

Each is one replacement in one file of ios_sample/, whose old text occurs exactly once, with the test
classes of ios_sample/stubs that must notice it.
"""
# ruff: noqa: E501  (a table: one fault a line)

from __future__ import annotations

from geometry_mutants import Mutant

Row = tuple[str, str, str]
_KIT = "MobileCatKit/Sources/MobileCatKit/Apple/"


def _in(file: str, tests: str, *rows: Row) -> list[tuple[Mutant, str]]:
    return [(Mutant(file, *row), tests) for row in rows]


# fmt: off
MUTANTS: list[tuple[Mutant, str]] = [
    *_in(
        _KIT + "Orientation+Apple.swift", "OrientationTests",
        ("right and left are swapped for Vision", "case .right: .right\n        case .rightMirrored: .rightMirrored\n        case .left: .left", "case .right: .left\n        case .rightMirrored: .rightMirrored\n        case .left: .right"),
        ("leftMirrored and rightMirrored are swapped", "case .leftMirrored: .leftMirrored\n        case .right: .right\n        case .rightMirrored: .rightMirrored", "case .leftMirrored: .rightMirrored\n        case .right: .right\n        case .rightMirrored: .leftMirrored"),
        ("a photo's orientation is taken for EXIF's number", "self.init(uiImageRawValue: orientation.rawValue)", "self.init(uiImageRawValue: (orientation.rawValue + 7) % 8)"),
        ("an interface's landscapes are not swapped", "case .landscapeLeft: self = .landscapeRight\n        case .landscapeRight: self = .landscapeLeft", "case .landscapeLeft: self = .landscapeLeft\n        case .landscapeRight: self = .landscapeRight"),
        ("a device's landscapes are swapped", "case .landscapeLeft: self = .landscapeLeft\n        case .landscapeRight: self = .landscapeRight", "case .landscapeLeft: self = .landscapeRight\n        case .landscapeRight: self = .landscapeLeft"),
    ),
    *_in(
        _KIT + "CropAndScale+Vision.swift", "VisionTests",
        ("scaleFit for scaleFill", "case .scaleFill: .scaleFill\n", "case .scaleFill: .scaleFit\n"),
        ("centerCrop for scaleFit", "case .scaleFit: .scaleFit\n", "case .scaleFit: .centerCrop\n"),
        ("the quarter turn is forgotten", "case .scaleFitRotate90CCW: .scaleFitRotate90CCW", "case .scaleFitRotate90CCW: .scaleFit"),
    ),
    *_in(
        _KIT + "Outputs+Vision.swift", "VisionTests",
        ("the best label is the last", "observation.labels.map {", "observation.labels.reversed().map {"),
        ("every object is certain", "confidence: Double(observation.confidence))", "confidence: 1)"),
        ("a label's confidence is the object's", "Label($0.identifier, Double($0.confidence))", "Label($0.identifier, Double(observation.confidence))"),
        ("objects beside tensors are dropped without a word", "guard values.isEmpty || objects.isEmpty, values.count", "guard values.count"),
        ("what is neither is dropped without a word", ", values.count + objects.count == results.count", ""),
    ),
    *_in(
        _KIT + "PixelBuffer+CoreVideo.swift", "BufferTests",
        ("plane 0's stride for plane 1", "CVPixelBufferGetBytesPerRowOfPlane(buffer, $0)", "CVPixelBufferGetBytesPerRowOfPlane(buffer, 0 * $0)"),
        ("the whole buffer's stride for a plane's", "CVPixelBufferGetBytesPerRowOfPlane(buffer, $0)", "CVPixelBufferGetBytesPerRow(buffer) + 0 * $0"),
        ("plane 0's bytes for plane 1", "CVPixelBufferGetBaseAddressOfPlane(buffer, i)", "CVPixelBufferGetBaseAddressOfPlane(buffer, 0 * i)"),
        ("the memory is not locked", "CVPixelBufferLockBaseAddress(buffer, .readOnly)\n        defer", "defer"),
        ("the memory stays locked", "defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }", "_ = 0"),
        ("BT.709 is read as BT.601", "? .bt709 : .bt601", "? .bt601 : .bt601"),
        ("width for height", "Double(CVPixelBufferGetWidth(buffer)), Double(CVPixelBufferGetHeight(buffer)))", "Double(CVPixelBufferGetHeight(buffer)), Double(CVPixelBufferGetWidth(buffer)))"),
    ),
    *_in(
        _KIT + "CoreGraphics+Boxes.swift", "BufferTests",
        ("the transform is the transposed one", "CGAffineTransform(a: a, b: c, c: b, d: d", "CGAffineTransform(a: a, b: b, c: c, d: d"),
        ("the region is counted from the upper edge", "CGRect(x: x, y: y, width: w, height: h) }\n}\n\n#if", "CGRect(x: x, y: 1 - y - h, width: w, height: h) }\n}\n\n#if"),
    ),
    *_in(
        _KIT + "Tensor+CoreML.swift", "VisionTests",
        ("tensors are read column by column", "indices.flatMap { head in (0..<side).map { head + [$0] } }", "(0..<side).flatMap { i in indices.map { $0 + [i] } }"),
    ),
    *_in(
        _KIT + "Tensor+CoreAI.swift", "CoreAITests",
        ("whole numbers are read as fractions", "Self.elements(array, as: Int32.self) { Double($0) }", "Self.elements(array, as: Float.self) { Double($0) }"),
        ("half precision is read as single", "case .float32: values", "case .float32, .float16: values"),
    ),
    *_in(
        "CatCam/Apple/VisionRunner.swift", "VisionTests",
        ("the region of interest is never set", "request.regionOfInterest = sight.region.cgRect", "_ = sight.region"),
        ("the crop option is never set", "request.imageCropAndScaleOption = option.vnOption", "_ = option.vnOption"),
        ("frames are handed over as upright", "VNImageRequestHandler(cvPixelBuffer: buffer, orientation: told,", "VNImageRequestHandler(cvPixelBuffer: buffer, orientation: .up,"),
        ("photos are handed over as upright", "VNImageRequestHandler(cgImage: image, orientation: told,", "VNImageRequestHandler(cgImage: image, orientation: .up,"),
    ),
    *_in(
        "CatCam/Apple/AVFoundation+Kit.swift", "OrientationTests|PreviewTests|CameraTests",
        ("the front camera for the back one", "self == .front ? .front : .back", "self == .front ? .back : .front"),
        ("the connection's angle is taken to be 0", "return Int(videoRotationAngle.rounded())", "return 0 * Int(videoRotationAngle)"),
        ("the connection's angle is the table's", "return Int(videoRotationAngle.rounded())", "return angleByOrientation(camera)"),
        ("a connection is told an angle that it has not", "if isVideoRotationAngleSupported(CGFloat(angle)) { videoRotationAngle = CGFloat(angle) }", "videoRotationAngle = CGFloat(angle)"),
        ("landscapes are not swapped as read", "case .landscapeRight: self = .landscapeLeft\n        case .landscapeLeft: self = .landscapeRight\n        default", "case .landscapeRight: self = .landscapeRight\n        case .landscapeLeft: self = .landscapeLeft\n        default"),
        ("landscapes are not swapped as told", "case .landscapeLeft: self = .landscapeRight\n        case .landscapeRight: self = .landscapeLeft\n        }", "case .landscapeLeft: self = .landscapeLeft\n        case .landscapeRight: self = .landscapeRight\n        }"),
    ),
    *_in(
        "CatCam/Apple/CameraSource.swift", "CameraTests",
        ("mirrored is always false", "mirrored: connection.isVideoMirrored", "mirrored: false"),
        ("upright is always 90", "uprightAngle: upright)", "uprightAngle: upright * 0 + 90)"),
        ("every frame is of the back camera", "camera: camera, appliedAngle:", "camera: .back, appliedAngle:"),
        ("the time is not the frame's", "CMSampleBufferGetPresentationTimeStamp(sampleBuffer).seconds", "CMClockGetTime(CMClockGetHostTimeClock()).seconds"),
        ("the old camera does not come back", "before.filter(session.canAddInput).forEach(session.addInput)", "_ = before"),
        ("the old camera comes back without its angle", "forEach(session.addInput)\n            connect()\n", "forEach(session.addInput)\n"),
        ("the next camera's connection is left as it is", "locked { camera = position }\n        connect()\n", "locked { camera = position }\n"),
        ("the old camera stays beside the new one", "before.forEach(session.removeInput)", "_ = before.count"),
        ("mirroring stays automatic", "connection.automaticallyAdjustsVideoMirroring = false", "_ = 0"),
        ("frames come on the main queue", "setSampleBufferDelegate(self, queue: frames)", "setSampleBufferDelegate(self, queue: .main)"),
        ("late frames are kept", "output.alwaysDiscardsLateVideoFrames = true", "output.alwaysDiscardsLateVideoFrames = false"),
        ("the camera runs on the caller's queue", "setup.async { self.session.startRunning() }", "session.startRunning()"),
        ("frames come after a stop", "locked { deliver = nil }\n        setup.async", "setup.async"),
        ("a failed session stays down", "if !session.isRunning { self?.startAgain() }", "_ = session"),
        ("an interruption is fought", ", !session.isInterrupted { session", " { session"),
        ("the clock is the host's", "session.synchronizationClock ?? CMClockGetHostTimeClock()", "CMClockGetHostTimeClock()"),
        ("nobody is asked for permission", "guard await AVCaptureDevice.requestAccess(for: .video) else { throw refused }", "return"),
    ),
    *_in(
        "CatCam/Apple/PreviewAngle.swift", "PreviewTests",
        ("the preview is not turned", "layer.connection?.show(angle, camera)", "_ = layer"),
        ("the preview's angle is not told", "        changed(angle)\n", ""),
        ("nothing is known before the first turn", "options: [.initial, .new]", "options: [.new]"),
        ("the coordinator does not know the preview", "RotationCoordinator(device: device, previewLayer: layer)", "RotationCoordinator(device: device, previewLayer: nil)"),
        ("the interface overrules the coordinator", "guard coordinator == nil, let held", "guard let held"),
    ),
    *_in(
        "CatCam/Apple/Canvas.swift", "CoreAITests",
        ("Core Image's y is taken to count downwards", "drawing.coreImageFromFrame.cgAffineTransform", "drawing.modelFromFrame.cgAffineTransform"),
        ("the picture's edge is drawn over the padding", "            .cropped(to: drawing.coreImagePictureRect.cgRect)\n", ""),
        ("the picture's edge is mixed with nothing", "drawing.isTurned ? stored : stored.clampedToExtent()", "stored"),
        ("buffers are not shared with the Neural Engine", "            kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any](),\n", ""),
        ("padding is black", "CGFloat(drawing.pad) / 255", "CGFloat(drawing.pad) * 0"),
        ("colours are resampled in linear light", "options[.workingColorSpace] = Self.sRGB", "_ = Self.sRGB"),
    ),
    *_in(
        "CatCam/Apple/CoreAIRunner.swift", "CoreAITests",
        ("the model's size is not asked for", "takes.width == w, takes.height == h", "w > 0, h > 0"),
        ("a missing output is found out later", "guard missing.isEmpty else {", "guard missing.isEmpty || true else {"),
    ),
    *_in(
        "CatCam/Apple/Models.swift", "ModelsTests",
        ("Core ML before Core AI", "return [.coreAI, .coreML]", "return [.coreML, .coreAI]"),
        ("folders of two exports are mixed", "guard sha256 == found else { throw stale }", "_ = found"),
        ("what was compiled ahead is not taken", "file: there ? compiled : file", "file: there ? file : file"),
    ),
    *_in(
        "CatCam/Apple/CompiledModels.swift", "ModelsTests",
        ("models are compiled at every launch", "let model = try? MLModel(contentsOf: kept) { return model }", "kept.path.isEmpty { return try MLModel(contentsOf: kept) }"),
        ("both screens compile", "underway[hash] = task", "_ = task"),
        ("what was compiled stays where it is temporary", "try files.moveItem(at: compiled, to: kept)\n", "let kept = compiled\n"),
        ("an old export's model is taken for the new one", "hash.update(data: data)\n        }", "}"),
        ("old exports' models pile up", "if files.fileExists(atPath: folder.path) { try files.removeItem(at: folder) }", "_ = files"),
    ),
    *_in(
        "CatCam/Apple/Captures.swift", "LiveScreenTests|StillScreenTests",
        ("a photo is kept without its bytes", "KeptPixels(photo: file)", "KeptPixels(photo: Data(file.prefix(0)))"),
    ),
    *_in(
        "CatCam/Screens/Layout.swift", "StillScreenTests",
        ("the safe area is forgotten", "equalTo: insideSafeArea ? area.leadingAnchor : leadingAnchor),\n            child.trailingAnchor.constraint(\n                equalTo: insideSafeArea ? area.trailingAnchor : trailingAnchor),\n            child.topAnchor.constraint(equalTo: insideSafeArea ? area.topAnchor : topAnchor)", "equalTo: insideSafeArea ? area.leadingAnchor : leadingAnchor),\n            child.trailingAnchor.constraint(\n                equalTo: insideSafeArea ? area.trailingAnchor : trailingAnchor),\n            child.topAnchor.constraint(equalTo: topAnchor)"),
        ("the autoresizing mask contradicts", "child.translatesAutoresizingMaskIntoConstraints = false\n", ""),
    ),
    *_in(
        "CatCam/Screens/PreviewView.swift", "PreviewTests",
        ("a mirrored preview is taken for a plain one", "previewLayer.connection?.isVideoMirrored ?? false", "false"),
        ("the preview is taken to fit", "mode: .resizeAspectFill,", "mode: .scaleAspectFit,"),
        ("the preview does not fill", "previewLayer.videoGravity = .resizeAspectFill", "_ = 0"),
    ),
    *_in(
        "CatCam/Screens/OverlayView.swift", "LiveScreenTests",
        ("nothing is drawn again", "didSet { setNeedsDisplay() }", "didSet {}"),
        ("the box is drawn from its middle", "UIBezierPath(roundedRect: one.viewBox.cgRect", "UIBezierPath(roundedRect: one.viewBox.cgRect.offsetBy(dx: one.viewBox.cgRect.width / 2, dy: 0)"),
        ("landmarks are drawn at the box's corner", "Silliness.Disc(center: mark.view, radius: 3)", "Silliness.Disc(center: PointXY(one.viewBox.x1, one.viewBox.y1), radius: 3)"),
        ("the words hang on the right side", "CGPoint(x: one.viewBox.x1 + 6, y: one.viewBox.y1 + 4)", "CGPoint(x: one.viewBox.x2 + 6, y: one.viewBox.y1 + 4)"),
        ("discs are drawn by their diameter's corner", "arcCenter: disc.center.cgPoint", "arcCenter: CGPoint(x: disc.center.x + disc.radius, y: disc.center.y + disc.radius)"),
    ),
    *_in(
        "CatCam/Screens/LiveViewController.swift", "LiveScreenTests",
        ("the overlay keeps clear of the bars, the preview does not", "view.fill(with: overlay)", "view.fill(with: overlay, insideSafeArea: true)"),
        ("a change of size is not followed", "            angle?.interface(is: orientation)\n        }\n        followView()", "            angle?.interface(is: orientation)\n        }"),
        ("frames are not told how far to turn", "self?.source.follow(uprightAngle: degrees)", "_ = degrees"),
        ("the preview's renewed connection is left as it is", "                angle.renew()\n", "                _ = angle\n"),
        ("after a failure nothing runs", "\"\\(error)\")\n                if view.window != nil { live?.start() }", "\"\\(error)\")"),
        ("the heading renames the tab", "navigationItem.title = \"CatCam\"", "title = \"CatCam\""),
        ("the screen goes dark", "UIApplication.shared.isIdleTimerDisabled = true", "_ = 0"),
        ("the camera runs behind the other tab", "UIApplication.shared.isIdleTimerDisabled = false\n        live?.stop()", "UIApplication.shared.isIdleTimerDisabled = false"),
        ("the last camera's boxes stay", "live?.stop()\n        overlay.found = []", "live?.stop()"),
        ("the camera starts behind the other tab", "chosen meanwhile.\n                if view.window != nil { live?.start() }", "chosen meanwhile.\n                live?.start()"),
        ("another file runs without a word", "if !pipeline.notes.isEmpty {", "if pipeline.notes.count > 99 {"),
        ("heat is not followed", "Task { @MainActor in self?.followHeat() }", "_ = self"),
        ("a trial does not reach the connection", "clockwise: trial.connection.clockwise, mirrored: trial.connection.mirrored)", "clockwise: 0, mirrored: false)"),
    ),
    *_in(
        "CatCam/Screens/AppDelegate.swift", "LiveScreenTests",
        ("the screens change places", "[live, still].map", "[still, live].map"),
    ),
    *_in(
        "CatCam/Screens/Tell.swift", "LiveScreenTests",
        ("what was not saved is told as saved", "tell(\"Not saved\"", "tell(\"Capture saved\""),
    ),
    *_in(
        "CatCam/Screens/StillViewController.swift", "StillScreenTests",
        ("a photo is taken to be upright", "source: .photo(orientation), time", "source: .photo(orientation == .up ? orientation : .up), time"),
        ("the picture is taken to fill", "PictureView(size: size, mode: .scaleAspectFit)", "PictureView(size: size, mode: .scaleAspectFill)"),
        ("the last photo's boxes go into the next one's capture", "        evidence = nil\n", ""),
        ("the overlay lies over the bars", "view.fill(with: overlay, insideSafeArea: true)", "view.fill(with: overlay)"),
        ("models run at every layout", "if imageView.bounds.size != lookedAt { look() }", "look()"),
    ),
]
