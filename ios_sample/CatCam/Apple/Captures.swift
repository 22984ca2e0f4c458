import Foundation
import MobileCatKit
import UIKit

/// Where captures go: the app's Documents, which Files shows as "On My iPhone → CatCam".
enum Captures {
    static func recorder(contentScale: Double) -> CaptureRecorder<Picture> {
        CaptureRecorder(contentScale: contentScale) { picture in
            switch picture {
            case .buffer(let buffer): KeptPixels(try PixelBuffer(buffer))
            case .photo(_, let file): KeptPixels(photo: file)
            }
        }
    }

    /// Errors: Foundation's.
    static func save(_ recorder: CaptureRecorder<Picture>, device: String) throws -> URL {
        let documents = try FileManager.default.url(
            for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        let stamp = ISO8601DateFormatter().string(from: Date())
            .replacingOccurrences(of: ":", with: ".")
        let folder = documents.appendingPathComponent("capture \(stamp)")
        try recorder.write(app: "CatCam", deviceModel: device, to: folder)
        return folder
    }

    /// "iPhone, iOS 17.4".
    @MainActor static var device: String {
        let device = UIDevice.current
        return "\(device.model), \(device.systemName) \(device.systemVersion)"
    }
}
