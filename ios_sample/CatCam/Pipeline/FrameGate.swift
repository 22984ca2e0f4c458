/// ProcessInfo.ThermalState, by its names.
enum Heat: Int, Sendable {
    case nominal, fair, serious, critical

    /// Seconds between two frames that are looked at; a hot phone is looked through less often.
    ///
    /// Source: developer.apple.com/documentation/foundation/processinfo/thermalstate-swift.enum
    /// (serious: "reduce usage", critical: "needs to cool down"); the rates are ours.
    var pause: Double {
        switch self {
        case .nominal: 0
        case .fair: 1.0 / 15
        case .serious: 1.0 / 5
        case .critical: 1
        }
    }
}

/// Which frames are worth a look: no late ones, and fewer on a hot phone.
struct FrameGate {
    enum Verdict: Hashable {
        case look
        /// It waited longer than `latest` before anyone could look at it.
        case late
        /// The phone is warm: this one is skipped.
        case cooling
    }

    /// Seconds: three frames at 30 a second. An overlay this far behind is seen to lag.
    var latest = 0.1
    private(set) var dropped = 0
    private var lastLook: Double?

    init() {}

    mutating func admit(frameTime: Double, now: Double, heat: Heat) -> Verdict {
        if now - frameTime > latest {
            dropped += 1
            return .late
        }
        if let lastLook, frameTime - lastLook < heat.pause {
            dropped += 1
            return .cooling
        }
        lastLook = frameTime
        return .look
    }
}
