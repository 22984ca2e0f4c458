/// EXIF orientation, whose values are CGImagePropertyOrientation's raw values as well.
///
/// A stored picture w×h becomes upright by: transpose, then flip x, then flip y (`steps`).
/// Source: EXIF 2.32 §4.6.4 A; developer.apple.com/documentation/imageio/cgimagepropertyorientation.
public enum Orientation: Int, CaseIterable, Sendable {
    case up = 1
    case upMirrored, down, downMirrored, leftMirrored, right, rightMirrored, left

    /// Errors: `.geometry` for anything but 1–8; 0 is UIImage.Orientation's `.up`.
    public init(exif value: Int) throws {
        guard let found = Orientation(rawValue: value) else {
            throw MobileCatError(
                .geometry, "No such orientation",
                [
                    Problem(
                        "\(value) is not 1 to 8",
                        fix: "translate a UIImage.Orientation with init(uiImageRawValue:), "
                            + "never cast it: it counts from 0")
                ])
        }
        self = found
    }

    /// CGImagePropertyOrientation's case name: `right` for 6.
    public var cgName: String { "\(self)" }

    /// From stored to upright, in this order.
    struct Steps: Hashable {
        let transpose: Bool
        let flipX: Bool
        let flipY: Bool
    }

    var steps: Steps {
        switch self {
        case .up: Steps(transpose: false, flipX: false, flipY: false)
        case .upMirrored: Steps(transpose: false, flipX: true, flipY: false)
        case .down: Steps(transpose: false, flipX: true, flipY: true)
        case .downMirrored: Steps(transpose: false, flipX: false, flipY: true)
        case .leftMirrored: Steps(transpose: true, flipX: false, flipY: false)
        case .right: Steps(transpose: true, flipX: true, flipY: false)
        case .rightMirrored: Steps(transpose: true, flipX: true, flipY: true)
        case .left: Steps(transpose: true, flipX: false, flipY: true)
        }
    }

    init(_ steps: Steps) {
        switch (steps.transpose, steps.flipX, steps.flipY) {
        case (false, false, false): self = .up
        case (false, true, false): self = .upMirrored
        case (false, true, true): self = .down
        case (false, false, true): self = .downMirrored
        case (true, false, false): self = .leftMirrored
        case (true, true, false): self = .right
        case (true, true, true): self = .rightMirrored
        case (true, false, true): self = .left
        }
    }

    /// The upright picture's size: h×w for orientations 5 to 8.
    public func uprightSize(storedWH: SizeWH) -> SizeWH {
        steps.transpose ? storedWH.swapped : storedWH
    }

    /// The map from a stored picture to the upright one, both top-left pixel edges.
    public func uprightFromStored(storedWH: SizeWH) -> Affine {
        let wh = uprightSize(storedWH: storedWH)
        let turned: Affine = steps.transpose ? Affine(0, 1, 0, 1, 0, 0) : .identity
        let flipped = Affine.scaleThenMove(
            steps.flipX ? -1 : 1, steps.flipY ? -1 : 1,
            steps.flipX ? wh.w : 0, steps.flipY ? wh.h : 0)
        return flipped * turned
    }

    /// The map back, from the upright picture to the stored one.
    public func storedFromUpright(storedWH: SizeWH) -> Affine {
        inverse.uprightFromStored(storedWH: uprightSize(storedWH: storedWH))
    }

    /// What undoes it: 6 and 8 swap, the others undo themselves.
    public var inverse: Orientation {
        // A transpose on the left of flips swaps them.
        let s = steps
        return s.transpose
            ? Orientation(Steps(transpose: true, flipX: s.flipY, flipY: s.flipX)) : self
    }

    /// The one orientation equal to applying `first`, then `second`.
    public static func * (second: Orientation, first: Orientation) -> Orientation {
        let (s, f) = (second.steps, first.steps)
        return Orientation(
            Steps(
                transpose: s.transpose != f.transpose,
                flipX: s.flipX != (s.transpose ? f.flipY : f.flipX),
                flipY: s.flipY != (s.transpose ? f.flipX : f.flipY)))
    }

    /// The upright rows of a stored picture's rows, all of one length.
    public func upright<Pixel>(rows: [[Pixel]]) -> [[Pixel]] {
        var turned = rows
        if steps.transpose {
            let columns = rows.first?.indices ?? 0..<0
            turned = columns.map { x in rows.map { $0[x] } }
        }
        if steps.flipX { turned = turned.map { $0.reversed() } }
        return steps.flipY ? turned.reversed() : turned
    }
}
