import MobileCatKit

/// One frame as it was handed over: nothing turned, nothing copied.
struct CameraFrame<Pixels> {
    let pixels: Pixels
    /// As stored, before it is turned, in pixels.
    let bufferWH: SizeWH
    let source: FrameOrigin
    /// Seconds on the clock that `FrameClock` reads.
    let time: Double
}

/// Where a frame came from, and so which way up it is.
enum FrameOrigin: Hashable, Sendable {
    case camera(ConnectionState)
    /// A photo, with the orientation its file states.
    case photo(Orientation)

    /// What Vision must be told for an upright, unmirrored picture.
    func orientation() throws -> Orientation {
        switch self {
        case .photo(let orientation): orientation
        case .camera(let state):
            try Orientation(
                uprightAngle: state.uprightAngle, appliedAngle: state.appliedAngle,
                mirrored: state.mirrored)
        }
    }
}

/// The data output's connection when it delivered a frame, and what the preview shows.
struct ConnectionState: Hashable, Sendable {
    let camera: CameraPosition
    /// Clockwise degrees by which the connection has turned the pixels already.
    let appliedAngle: Int
    /// Whether the connection has mirrored the pixels already.
    let mirrored: Bool
    /// Clockwise degrees from the sensor to what the preview shows upright.
    let uprightAngle: Int
}

/// A camera, or recorded frames. Frames arrive on the source's own queue, one after another.
protocol FrameSource<Pixels>: AnyObject {
    associatedtype Pixels
    func start(_ deliver: @escaping @Sendable (CameraFrame<Pixels>) -> Void)
    func stop()
}

/// The clock that frames are stamped with.
protocol FrameClock {
    /// Seconds; only differences have a meaning.
    func now() -> Double
}
