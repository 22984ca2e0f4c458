/// Where a resize reads: source index of destination index k, with s = in/out.
///
/// Source: coremltools' MIL reference (resize_bilinear), onnx Resize, tf.raw_ops.ResizeBilinear.
public enum ResizeSampling: String, Named {
    /// (k + .5)·s − .5
    case halfPixel = "half-pixel"
    /// k·s
    case legacy
    /// k·(in − 1)/(out − 1); the only pixel reads 0
    case alignCorners = "align-corners"
    /// the same; the only pixel reads the middle
    case alignCornersCenter = "align-corners-center"
    /// (k + .5)·max(1, in − 1)/out
    case offset
    public static let noun = "resize convention"

    /// MIL's `resize_bilinear` sampling_mode. Errors: `.geometry` for an unknown mode.
    public init(milSamplingMode mode: String) throws {
        switch mode {
        case "DEFAULT": self = .legacy
        case "STRICT_ALIGN_CORNERS": self = .alignCorners
        case "ALIGN_CORNERS": self = .alignCornersCenter
        case "UNALIGN_CORNERS": self = .halfPixel
        case "OFFSET_CORNERS": self = .offset
        default:
            throw MobileCatError(.geometry, "Unknown sampling mode", [Problem("\"\(mode)\"")])
        }
    }

    /// Source index = step·k + first, before clamping.
    private func indexMap(from nIn: Int, to nOut: Int) throws -> (step: Double, first: Double) {
        guard nIn >= 1, nOut >= 1 else {
            throw MobileCatError(
                .geometry, "A resize needs pixels", [Problem("\(nIn) to \(nOut)")])
        }
        let (pixels, out) = (Double(nIn), Double(nOut))
        let s = pixels / out
        switch self {
        case .halfPixel: return (s, 0.5 * s - 0.5)
        case .legacy: return (s, 0)
        case .offset:
            let delta = max(1, pixels - 1) / out
            return (delta, 0.5 * delta)
        case .alignCorners:
            return nOut == 1 ? (0, 0) : ((pixels - 1) / (out - 1), 0)
        case .alignCornersCenter:
            return nOut == 1 ? (0, (pixels - 1) / 2) : ((pixels - 1) / (out - 1), 0)
        }
    }

    /// The fractional source index of each of `nOut` pixels.
    ///
    /// clamp: keep them within [0, nIn − 1], as every engine does before it reads.
    /// Errors: `.geometry` for less than one pixel.
    public func sourceIndices(from nIn: Int, to nOut: Int, clamp: Bool = true) throws -> [Double] {
        let (step, first) = try indexMap(from: nIn, to: nOut)
        return (0..<nOut).map { k in
            let index = step * Double(k) + first
            return clamp ? min(max(index, 0), Double(nIn) - 1) : index
        }
    }

    /// The map that a resize applies to coordinates, both pixel edges with top-left origin.
    ///
    /// Errors: `.geometry` for fractional sides, and where only one source pixel is read.
    public func resizedFromSource(src: SizeWH, dst: SizeWH) throws -> Affine {
        let from = try src.wholePixels()
        let to = try dst.wholePixels()
        let x = try axis(from: from.w, to: to.w)
        let y = try axis(from: from.h, to: to.h)
        return .scaleThenMove(x.scale, y.scale, x.shift, y.shift)
    }

    private func axis(from nIn: Int, to nOut: Int) throws -> (scale: Double, shift: Double) {
        let (step, first) = try indexMap(from: nIn, to: nOut)
        guard step != 0 else {
            throw MobileCatError(
                .geometry, "This resize has no coordinate map",
                [Problem("\(nIn) to \(nOut) pixels, \(rawValue): one pixel is read")])
        }
        // centres: source k·step + first + .5 ↔ destination k + .5
        return (1 / step, 0.5 - (first + 0.5) / step)
    }
}
