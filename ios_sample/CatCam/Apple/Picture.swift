import CoreGraphics
import CoreVideo
import Foundation
import MobileCatKit

/// What the app looks at: a camera's buffer as it was delivered, or a photo as it is stored.
enum Picture {
    case buffer(CVPixelBuffer)
    /// `file`: the photo's own bytes, for a capture.
    case photo(CGImage, file: Data)
}
