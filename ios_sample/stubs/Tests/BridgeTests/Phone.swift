import AVFoundation
import MobileCatKit
import UIKit

@testable import CatCam

/// A kind of phone: where its cameras' sensors sit. Written out, and no table of MobileCatKit's.
struct Kind {
    /// Clockwise degrees from a sensor's picture to one that is upright in portrait.
    var back: CGFloat = 90
    var front: CGFloat = 90
    /// By which the front camera's connections turn unless they are told otherwise.
    var frontTurns: CGFloat = 0

    static let iPhone = Kind()
    /// iPhone 17 and Air: the front camera delivers upright frames
    /// (https://github.com/pjsip/pjproject/pull/4751).
    static let iPhone17 = Kind(front: 0)
    /// iPads with the front camera on the long side: their connections turn by 180° so that frames
    /// come as ever (https://github.com/WebKit/WebKit/pull/37364).
    static let iPadOfM4 = Kind(front: 270, frontTurns: 180)
}

extension Cameras {
    /// The world in front of both cameras, as the device is held.
    static func look(
        with kind: Kind, held: DeviceOrientation, format: PixelFormat? = nil,
        world: [[RGB]] = World.rows
    ) {
        guard let back = all[.back], let front = all[.front] else { return }
        // Held with the home button on the right, the back camera's sensor needs 90° less, and the
        // front camera's, which looks the other way, 90° more.
        let turned: [DeviceOrientation: CGFloat] = [
            .portrait: 0, .landscapeLeft: -90, .portraitUpsideDown: 180, .landscapeRight: 90,
        ]
        func angle(_ a: CGFloat) -> CGFloat { (a + 720).truncatingRemainder(dividingBy: 360) }
        (back.portraitAngle, front.portraitAngle) = (kind.back, kind.front)
        front.angleOfNewConnections = kind.frontTurns
        back.levelAngle = angle(kind.back + turned[held]!)
        front.levelAngle = angle(kind.front - turned[held]!)
        see = { device, applied, mirrored, asked in
            var rows = Turned.clockwise(world, degrees: applied - Int(device.levelAngle))
            if mirrored { rows = Turned.mirrored(rows) }
            return try? Buffers.of(rows, asked == 0x3432_3076 ? .yuv420v : .bgra32)
        }
    }
}

/// The eight ways in which a photo is stored, from a world that is upright.
enum Stored {
    static func rows(exif: Int) -> [[RGB]] {
        (1...8).lazy.map { PixelVision.turned(World.rows, exif: $0) }.first {
            PixelVision.turned($0, exif: exif) == World.rows
        }!
    }
}
