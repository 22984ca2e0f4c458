"""How each bug is mended, in the languages in which people report it. Rows as in the catalogue."""
# ruff: noqa: E501  (a table: one fix a line)

from __future__ import annotations

from typing import NamedTuple


class Fix(NamedTuple):
    """One fix in each language: iOS, Android, Flutter, the web and React Native."""

    swift: str
    kotlin: str
    dart: str
    javascript: str


# fmt: off
FIXES: dict[str, Fix] = {
    "1": Fix(
        "r.origin.y = 1 − r.minY − r.height; VNImageRectForNormalizedRect does not flip",
        "leave y as it is: TFLite and ML Kit count from the top",
        "Rect.fromLTWH(x * w, y * h, …): MediaPipe, ML Kit and TFLite count from the top; 1 - y - h only for Apple's Vision",
        "y * height: canvas, TF.js and MediaPipe count from the top; 1 - y - h only for Apple's Vision",
    ),
    "2": Fix(
        "y: 1 − box.minY − box.height (that is 1 − box.maxY)",
        "top = 1 − (y + height)",
        "top = 1 - (y + h)",
        "const top = 1 - (y + h)",
    ),
    "3": Fix(
        "if connection.isVideoMirrored, draw at 1 − x − width, and hand over a …Mirrored orientation only once",
        "front camera: PreviewView mirrors, ImageAnalysis does not: x' = width − x",
        "front camera: mirror once, in the painter (w - x2, w - x1) or with Transform.flip(flipX: true), not in both",
        "mirror video and canvas by one CSS transform: scaleX(-1), and draw unmirrored; facingMode 'user' is not mirrored by itself",
    ),
    "4": Fix(
        "VNImageRequestHandler(cvPixelBuffer: b, orientation: .right) for a back camera held upright; table: docs/coordinates.md",
        "turn by imageProxy.imageInfo.rotationDegrees before the model, or ImageProcessingOptions.setOrientation",
        "InputImageRotationValue.fromRawValue(camera.sensorOrientation), or img.copyRotate(image, angle: 90) before the model",
        "hand over frame.orientation (vision-camera), or rotate the canvas before the model",
    ),
    "4b": Fix(
        "VNImageRequestHandler(cvPixelBuffer: b, orientation: .left) for a back camera held upside down; table: docs/coordinates.md",
        "turn by imageProxy.imageInfo.rotationDegrees before the model, or ImageProcessingOptions.setOrientation",
        "rotation = (sensorOrientation - deviceRotation + 360) % 360, and hand that over",
        "hand over frame.orientation (vision-camera), or rotate the canvas the other way",
    ),
    "4c": Fix(
        ".leftMirrored for the front camera held upright, if results are to be mirrored as the preview is",
        "turn by rotationDegrees, then mirror, for the front camera",
        "turn by sensorOrientation, then mirror, for CameraLensDirection.front",
        "rotate, then scale(-1, 1), for the front camera",
    ),
    "4d": Fix(
        ".rightMirrored for the front camera held upside down, if results are to be mirrored",
        "turn by rotationDegrees, then mirror, for the front camera",
        "turn by sensorOrientation, then mirror, for CameraLensDirection.front",
        "rotate, then scale(-1, 1), for the front camera",
    ),
    "4e": Fix(
        "AVCaptureDevice.RotationCoordinator's angle, not a table of devices: front cameras of iPhone 17 and Air deliver upright portrait frames, angle 0",
        "turn by imageInfo.rotationDegrees, which may be 0",
        "sensorOrientation may be 0, and the camera plugin may have turned the frame: ask, do not assume 90 or 270",
        "videoWidth < videoHeight means that the browser turned it already",
    ),
    "5": Fix(
        "after connection.videoRotationAngle or videoOrientation hand over .up; do not rotate again",
        "ML Kit's InputImage takes rotationDegrees: do not rotate the bitmap as well",
        "either InputImage's rotation or img.copyRotate, not both; a JPEG needs img.bakeOrientation once",
        "createImageBitmap and <img> apply EXIF by themselves (imageOrientation: 'from-image'): do not rotate again",
    ),
    "6": Fix(
        "scale with the upright size: for .right, width = CVPixelBufferGetHeight(b)",
        "with rotationDegrees 90 or 270 the upright width is imageProxy.height",
        "at 90 or 270: Size(previewSize.height, previewSize.width); previewSize is given lying",
        "video.videoWidth and videoHeight once they are known (loadedmetadata, resize), not the constraints'",
    ),
    "7": Fix(
        "previewLayer.layerRectConverted(fromMetadataOutputRect:), or s·W·u + (Vw − s·W)/2 with s = max(Vw/W, Vh/H) for resizeAspectFill",
        "PreviewView's getOutputTransform(), or the scale type's own scale and offset",
        "applyBoxFit(BoxFit.cover, imageSize, widgetSize), the same fit as the preview's; CustomPaint inside the FittedBox with it",
        "object-fit: cover: s = max(cw / vw, ch / vh), x' = s * x + (cw - s * vw) / 2; contain: min",
    ),
    "8": Fix(
        "x = (X − (Sw − g·W)/2)/g, g = min(Sw/W, Sh/H); recognised objects have this done by Vision",
        "subtract the letterbox offset, then divide by its scale",
        "x = (X - padX) / scale, with scale = min(s / w, s / h)",
        "x = (X - padX) / scale, with scale = Math.min(s / w, s / h)",
    ),
    "9": Fix(
        "VNRecognizedObjectObservation is undone by Vision already; with scaleFill there is no padding",
        "undo a letterbox only if the input was made by one",
        "undo a letterbox only if the input was made by one; plugins that return picture pixels have undone it",
        "undo a letterbox only if the input was made by one; tf.image.resizeBilinear stretches",
    ),
    "10": Fix(
        "Vision's scaleFit is taken to centre (measure it on a device); subtract (Sw − g·W)/2",
        "letterboxes centre; YOLOX and some ports pad right and below only",
        "padX = (s - scale * w) / 2 if the picture was centred, 0 if it lies top left",
        "padX = (s - scale * w) / 2 if the picture was centred, 0 if it lies top left",
    ),
    "11": Fix(
        "request.imageCropAndScaleOption = .scaleFit or .scaleFill (the default is .centerCrop), or x = (X + (g·W − Sw)/2)/g",
        "the analysis crop (imageProxy.cropRect) must be added back",
        "add the crop's left and top back: x = X / scale + cropX",
        "drawImage's source rectangle must be added back: x = X / scale + sx",
    ),
    "12": Fix(
        "divide pixels by view.contentScaleFactor; CALayer frames are points",
        "multiply dp by resources.displayMetrics.density",
        "logical pixels = pixels / MediaQuery.devicePixelRatioOf(context)",
        "canvas.width = cssWidth * devicePixelRatio with ctx.scale(dpr, dpr), or draw in CSS pixels throughout",
    ),
    "13": Fix(
        "x = roi.minX + roi.width · box.minX, y likewise; once only",
        "add the crop's origin and multiply by its size, once",
        "x = roi.left + roi.width * x, once",
        "x = roi.x + roi.width * x, once",
    ),
    "14": Fix(
        "roi.origin.y = 1 − y − height",
        "crop rectangles count from the top: no flip",
        "crop rectangles count from the top: no 1 - y",
        "crop rectangles count from the top: no 1 - y",
    ),
    "15": Fix(
        "add image.extent.origin, or image.transformed(by: .init(translationX: −e.minX, y: −e.minY)) first",
        "no such type; check the crop's left and top",
        "no such type; add the offset of img.copyCrop back",
        "no such type; add the crop's origin back",
    ),
    "16": Fix(
        "CGRect(x: b[1], y: b[0], width: b[3] − b[1], height: b[2] − b[0])",
        "RectF(b[1], b[0], b[3], b[2])",
        "Rect.fromLTRB(b[1], b[0], b[3], b[2])",
        "const [y1, x1, y2, x2] = box",
    ),
    "17": Fix(
        "CGRect(x: b[0], y: b[1], width: b[2], height: b[3])",
        "RectF(b[0], b[1], b[0] + b[2], b[1] + b[3])",
        "Rect.fromLTWH(b[0], b[1], b[2], b[3])",
        "strokeRect(b[0], b[1], b[2], b[3]): COCO-SSD's bbox is [x, y, width, height]",
    ),
    "18": Fix(
        "CGRect(x: b[0], y: b[1], width: b[2] − b[0], height: b[3] − b[1])",
        "RectF(b[0], b[1], b[2], b[3])",
        "Rect.fromLTRB(b[0], b[1], b[2], b[3])",
        "strokeRect(b[0], b[1], b[2] - b[0], b[3] - b[1])",
    ),
    "19": Fix(
        "CGRect(x: b[0] − b[2]/2, y: b[1] − b[3]/2, width: b[2], height: b[3])",
        "RectF(cx − w/2, cy − h/2, cx + w/2, cy + h/2)",
        "Rect.fromCenter(center: Offset(cx, cy), width: w, height: h)",
        "strokeRect(cx - w / 2, cy - h / 2, w, h)",
    ),
    "20": Fix(
        "CGRect(x: b[0], y: b[1], width: b[2], height: b[3])",
        "RectF(x, y, x + w, y + h)",
        "Rect.fromLTWH(x, y, w, h)",
        "strokeRect(x, y, w, h)",
    ),
    "21": Fix(
        "CGRect(x: b[0] − b[2]/2, y: b[1] − b[3]/2, width: b[2], height: b[3])",
        "RectF(cx − w/2, cy − h/2, cx + w/2, cy + h/2)",
        "Rect.fromCenter(center: Offset(cx, cy), width: w, height: h)",
        "strokeRect(cx - w / 2, cy - h / 2, w, h)",
    ),
    "22": Fix(
        "multiply a normalised box by the size exactly once: VNImageRectForNormalizedRect",
        "multiply by the bitmap's width and height exactly once",
        "multiply by the image's width and height exactly once",
        "multiply by width and height exactly once; MediaPipe's keypoints are 0 to 1, its boxes pixels",
    ),
    "22b": Fix(
        "scale from the model's input to the picture, then to the view",
        "multiply by bitmap size / input size, then by the view's scale",
        "multiply by widget size / image size; tflite_flutter's boxes count in the input's pixels or 0 to 1",
        "multiply by canvas size / input size: the model's pixels are not the video's",
    ),
    "23": Fix(
        "VNImagePointForFaceLandmarkPoint, or box.minX + box.width · p.x; then flip y",
        "add the box's left and top, after multiplying by its size",
        "box.left + box.width * p.x, then box.top + box.height * p.y",
        "box.x + box.width * p.x, then box.y + box.height * p.y",
    ),
    "24": Fix(
        "width = x2 − x1, with edges; + 1 only for indices of pixels",
        "RectF edges are exclusive: right = last pixel + 1",
        "Rect's edges are exclusive: right = last pixel + 1",
        "width = x2 - x1 with edges; + 1 only for indices of pixels",
    ),
    "25": Fix(
        "Swift's .rounded() rounds .5 away from zero, Python's round to even; invert with (X − left)·W/newWidth",
        "Math.round differs from Python's round at .5; use half-pixel centres",
        "one .round() for the padding, the same in both directions",
        "tf.image.resizeBilinear(x, size, false, true): half-pixel centres; one Math.round for the padding",
    ),
    "26": Fix(
        "address = base + y·CVPixelBufferGetBytesPerRow(b) + x·4; never width·4",
        "plane.rowStride and plane.pixelStride, never width",
        "plane.bytesPerRow (and bytesPerPixel), or img.Image.fromBytes(…, rowStride: plane.bytesPerRow)",
        "step by frame.bytesPerRow, never by width * 4",
    ),
    "27": Fix(
        "32BGRA buffers are blue first; hand the CVPixelBuffer over, or swap when copying bytes",
        "ARGB_8888 ints are not RGB bytes: take them apart",
        "img.ChannelOrder.bgra for iOS' bgra8888; take r, g, b apart, not the int's bytes",
        "getImageData gives RGBA; vision-camera's 'rgb' on iOS is BGRA: pick the channels by name",
    ),
    "28": Fix(
        "the artifact takes bytes 0–255 and scales inside: hand the buffer over as it is",
        "feed bytes (or 0–255 floats): no NormalizeOp in front of the baked model",
        "Uint8List of 0 to 255, not Float32List divided by 255",
        "tf.browser.fromPixels gives 0 to 255: divide once or not at all, as the model says",
    ),
    "29": Fix(
        "draw with the frame's own CMSampleBuffer time; alwaysDiscardsLateVideoFrames = true",
        "STRATEGY_KEEP_ONLY_LATEST, and draw by imageInfo.timestamp",
        "drop frames while busy, and paint the result over the frame that it was made from",
        "requestVideoFrameCallback, and draw over the frame that was analysed (an ImageBitmap of it)",
    ),
    "30": Fix(
        "give overlay and preview layer one frame: overlay.frame = previewLayer.frame in one superview; .ignoresSafeArea() on both or on neither",
        "overlay and PreviewView in one FrameLayout with the same constraints; WindowInsets on both or on neither",
        "Stack the CustomPaint over the CameraPreview in one parent; SafeArea and AppBar around both or around neither; RenderBox.globalToLocal for global positions",
        "position: relative on one parent, canvas and video absolute at 0, 0; getBoundingClientRect() of the video, not of the page; StatusBar.currentHeight once",
    ),
    "31": Fix(
        "preferredVideoStabilizationMode = .off on both connections, or one activeFormat and videoZoomFactor for both; previewLayer.layerRectConverted knows the crop",
        "one ViewPort in a UseCaseGroup for Preview and ImageAnalysis, so that both have one crop; transform by getCropRect()",
        "Transform.scale or an InteractiveViewer around preview and overlay together; the zoom level belongs to both",
        "apply the CSS zoom or the track's zoom constraint to video and canvas alike",
    ),
    "32": Fix(
        "take the size from the view that draws (bounds.size after layout) and from the buffer that was analysed, never a constant or UIScreen.main.bounds",
        "overlay.width and height after layout, and imageProxy.width and height: no constant, no DisplayMetrics of the screen",
        "LayoutBuilder's constraints or CustomPainter's size, not MediaQuery.sizeOf(context); the frame's own width and height, no constant",
        "onLayout's or getBoundingClientRect()'s size, not Dimensions.get('window') nor window.innerWidth; videoWidth, no constant",
    ),
    "33": Fix(
        "g = min(Sw/W, Sh/H) for a fit, max for a fill, and the same g undone",
        "scale = minOf(sw / w, sh / h) for a fit, maxOf for a fill",
        "scale = math.min(sw / w, sh / h) for contain, math.max for cover",
        "Math.min(sw / w, sh / h) for contain, Math.max for cover",
    ),
    "34": Fix(
        "x' = view.bounds.width − x − width: the width of the view, in the unit that x has",
        "x' = overlay.width − x − w, with the overlay's own width",
        "size.width - x - w, with the painter's own size",
        "canvas.width - x - w, or one CSS scaleX(-1) for both",
    ),
    "35": Fix(
        "CGRect(x: minX, y: minY, width: w, height: h); trailing and bottom constraints count from the far edge",
        "RectF takes left, top, right, bottom from one origin; margins count from the far edge",
        "Positioned(left: x, top: y, width: w, height: h), or Positioned.fromRect: right and bottom count from the far edge",
        "left, top, width, height: CSS right and bottom count from the far edge; textAlign and translate(-50%) move the box",
    ),
    "36": Fix(
        "request.imageCropAndScaleOption as the spec's resize says: .scaleFit for letterbox, .scaleFill for stretch; vImageScale and UIGraphics keep no aspect by themselves",
        "Bitmap.createScaledBitmap squashes: scale by one factor and pad, as the spec's resize says",
        "img.copyResize with width and height squashes: pass one of them, or maintainAspect, and pad",
        "drawImage(video, 0, 0, s, s) squashes: one scale for both axes, and fill the rest",
    ),
    "37": Fix(
        "CVPixelBufferGetPixelFormatType first: 420f has two planes, 32BGRA four bytes a pixel; CVPixelBufferGetBaseAddressOfPlane for each plane",
        "ImageProxy.toBitmap(), or each plane by its own rowStride and pixelStride: YUV_420_888 is not NV21",
        "image.format.group first: yuv420 has three planes, bgra8888 one of four bytes a pixel",
        "vision-camera's pixelFormat 'rgb' has three or four bytes a pixel, 'yuv' planes; tensors are [h, w, 3], Core ML's [3, h, w]",
    ),
}
# fmt: on
