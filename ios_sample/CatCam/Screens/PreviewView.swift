import AVFoundation
import MobileCatKit
import UIKit

/// The camera's picture, filling the view.
final class PreviewView: UIView {
    override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }

    var previewLayer: AVCaptureVideoPreviewLayer {
        guard let layer = layer as? AVCaptureVideoPreviewLayer else {
            preconditionFailure("layerClass says otherwise")
        }
        return layer
    }

    /// How the layer shows the upright, unmirrored picture; nil before the first layout.
    var pictureView: PictureView? {
        guard let size = try? SizeWH(bounds.size) else { return nil }
        return PictureView(
            size: size, mode: .resizeAspectFill,
            mirrored: previewLayer.connection?.isVideoMirrored ?? false)
    }

    override init(frame: CGRect) {
        super.init(frame: frame)
        backgroundColor = .black
        previewLayer.videoGravity = .resizeAspectFill
    }

    required init?(coder: NSCoder) { nil }
}
