import MobileCatKit

/// Something no document says, to be tried on a phone: what is done otherwise than as trained.
///
/// A capture of a trial leaves out what the app believes of its boxes, since that is the question:
/// `mobilecat diagnose CAPTURE --bundle DIR` runs the model on the kept frames instead.
enum Trial: String, CaseIterable, Sendable {
    case none, asTrained, topLeft, region, rotatedFit, rotatedFill, turned, mirrored

    var title: String {
        switch self {
        case .none: "No trial"
        case .asTrained: "The fit as trained"
        case .topLeft: "The fit, taken to be top left"
        case .region: "A region of interest"
        case .rotatedFit: "scaleFitRotate90CCW"
        case .rotatedFill: "scaleFillRotate90CCW"
        case .turned: "Pixels turned by the connection"
        case .mirrored: "Pixels turned and mirrored by it"
        }
    }

    /// Whether there is anything to try with an engine: regions and options are Vision's.
    func concerns(_ engine: Engine) -> Bool {
        switch self {
        case .none, .turned, .mirrored: true
        case .asTrained, .topLeft, .region, .rotatedFit, .rotatedFill: engine == .coreML
        }
    }

    /// Vision's region of interest: the lower left three quarters, which nothing else resembles.
    var region: VisionRegion {
        guard self == .region, let some = try? VisionRegion(0, 0, 0.75, 0.75) else { return .full }
        return some
    }

    /// nil: as trained.
    var fit: CropAndScale? {
        switch self {
        case .rotatedFit: .scaleFitRotate90CCW
        case .rotatedFill: .scaleFillRotate90CCW
        default: nil
        }
    }

    func assumptions(_ own: Assumptions) -> Assumptions {
        guard self == .topLeft else { return own }
        return Assumptions(
            scaleFitPlacement: .topLeft,
            observationsRelativeToRegion: own.observationsRelativeToRegion,
            androidFullRange: own.androidFullRange)
    }

    /// What the data output's connection is asked to do to the pixels.
    var connection: (clockwise: Int, mirrored: Bool) {
        switch self {
        case .turned: (90, false)
        case .mirrored: (90, true)
        default: (0, false)
        }
    }
}
