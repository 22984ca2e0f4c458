/// What nobody has measured on a device yet: named and switchable, never a silent fact.
public struct Assumptions: Hashable, Sendable {
    public enum Placement: String, Named {
        case center
        case topLeft = "top-left"
        public static let noun = "scale-fit placement"
    }

    /// Where Vision's scaleFit puts the picture in the model input. Apple documents the scale only.
    public let scaleFitPlacement: Placement
    /// Whether recognised-object boxes are in the region's unit square.
    public let observationsRelativeToRegion: Bool
    /// Whether CameraX's YUV_420_888 uses all of 0–255 for luma.
    public let androidFullRange: Bool

    public init(
        scaleFitPlacement: Placement = .center,
        observationsRelativeToRegion: Bool = true,
        androidFullRange: Bool = true
    ) {
        self.scaleFitPlacement = scaleFitPlacement
        self.observationsRelativeToRegion = observationsRelativeToRegion
        self.androidFullRange = androidFullRange
    }

    public static let unmeasured = Assumptions()
}
