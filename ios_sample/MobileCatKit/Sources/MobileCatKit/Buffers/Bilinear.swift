/// Pixels through any affine map, one sample a pixel: what a turned crop is made of where the app
/// draws it itself. Mirrors Python's `mobilecat.geometry.bilinear`.
///
/// Pixel i is centred at i + ½ on both sides. A model's pixel looks where its centre falls in the image:
/// within [0, W) × [0, H) it is weighed from the four pixel centres around (beyond the outermost
/// centres the edge's own), else it is padding. Nothing is averaged where it shrinks.
public enum Bilinear {
    /// - Parameters:
    ///   - pixels: rows of `channels` bytes a pixel, `imageWH` of them, without padding between rows.
    ///   - pad: level outside of the picture, 0 to 255, of every channel.
    ///
    /// Returns `modelWH` pixels alike; halves of a level round up.
    /// Errors: `.geometry` for sizes of fractions, `.buffer` for another number of bytes or a pad beyond one.
    public static func sampled(
        _ pixels: [UInt8], imageWH: SizeWH, channels: Int, imageFromModel: Affine, modelWH: SizeWH,
        pad: Int
    ) throws -> [UInt8] {
        let (w, h) = try imageWH.wholePixels()
        let (modelW, modelH) = try modelWH.wholePixels()
        guard channels > 0, pixels.count == w * h * channels, let pad = UInt8(exactly: pad) else {
            throw MobileCatError(
                .buffer, "These pixels cannot be sampled",
                [
                    Problem(
                        "\(pixels.count) bytes for \(w)×\(h)×\(channels), pad \(pad)",
                        fix: "\(w * h * channels) bytes, and a pad of 0 to 255")
                ])
        }
        var out = [UInt8](repeating: pad, count: modelW * modelH * channels)
        for row in 0..<modelH {
            for column in 0..<modelW {
                let at = imageFromModel.point(PointXY(Double(column) + 0.5, Double(row) + 0.5))
                guard at.x >= 0, at.y >= 0, at.x < Double(w), at.y < Double(h) else { continue }
                let (x, y) = (Tap(at.x - 0.5, count: w), Tap(at.y - 0.5, count: h))
                for channel in 0..<channels {
                    func pixel(_ row: Int, _ column: Int) -> Double {
                        Double(pixels[(row * w + column) * channels + channel])
                    }
                    let upper = x.mixed(pixel(y.low, x.low), pixel(y.low, x.high))
                    let lower = x.mixed(pixel(y.high, x.low), pixel(y.high, x.high))
                    out[(row * modelW + column) * channels + channel] = UInt8(
                        (y.mixed(upper, lower) + 0.5).rounded(.down))
                }
            }
        }
        return out
    }

    /// The two neighbours along one axis, and the share of the higher.
    private struct Tap {
        let low: Int
        let high: Int
        let share: Double

        init(_ index: Double, count: Int) {
            let place = min(max(index, 0), Double(count - 1))
            low = Int(place)
            high = min(low + 1, count - 1)
            share = place - Double(low)
        }

        func mixed(_ a: Double, _ b: Double) -> Double { a * (1 - share) + b * share }
    }
}
