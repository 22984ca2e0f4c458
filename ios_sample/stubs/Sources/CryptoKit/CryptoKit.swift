// Addresses are relative to https://developer.apple.com/documentation/
import Foundation

public struct SHA256 {  // cryptokit/sha256
    public static func hash<D: DataProtocol>(data: D) -> SHA256Digest {  // cryptokit/hashfunction/hash(data:)
        var hash = SHA256()
        hash.update(data: data)
        return hash.finalize()
    }

    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
        0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var waiting: [UInt8] = []
    private var count: UInt64 = 0

    public init() {}  // cryptokit/hashfunction/init()

    public mutating func update<D: DataProtocol>(data: D) {  // cryptokit/hashfunction/update(data:)
        waiting += data
        count += UInt64(data.count)
        var at = 0
        while waiting.count - at >= 64 {
            mix(waiting[at..<at + 64])
            at += 64
        }
        waiting.removeFirst(at)
    }

    public func finalize() -> SHA256Digest {  // cryptokit/hashfunction/finalize()
        var last = self
        var tail: [UInt8] = [0x80]
        while (waiting.count + tail.count) % 64 != 56 { tail.append(0) }
        let bits = count * 8
        last.update(data: tail + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) })
        return SHA256Digest(
            bytes: last.state.flatMap { word in
                [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
            })
    }

    /// FIPS 180-4, 6.2.2. The constants are the first bits of the cube roots of the first 64 primes.
    private mutating func mix(_ block: ArraySlice<UInt8>) {
        let bytes = Array(block)
        var w = (0..<16).map { i in
            (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[4 * i + $1]) }
        }
        func turn(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
        for i in 16..<64 {
            let s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >> 3)
            let s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >> 10)
            w.append(w[i - 16] &+ s0 &+ w[i - 7] &+ s1)
        }
        var v = state
        for i in 0..<64 {
            let s1 = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let t1 = v[7] &+ s1 &+ choice &+ Self.roots[i] &+ w[i]
            let s0 = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)
            let most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            v = [t1 &+ s0 &+ most, v[0], v[1], v[2], v[3] &+ t1, v[4], v[5], v[6]]
        }
        state = zip(state, v).map { $0 &+ $1 }
    }

    /// Worked out in integers: floor(2³² · the fraction of ∛p).
    private static let roots: [UInt32] = {
        let primes = (2...311).filter { n in !(2..<n).contains { n % $0 == 0 } }
        return primes.map { p in
            // ∛(p · 2⁹⁶) in whole numbers, by halving: its lower 32 bits. 312 · 2⁹⁶ < 2¹⁰⁵.
            var (low, high) = (UInt64(0), UInt64(1) << 36)
            while high - low > 1 {
                let middle = (low + high) / 2
                let square = middle.multipliedFullWidth(by: middle)
                let (h, l) = (square.high, square.low)
                let lower = l.multipliedFullWidth(by: middle)
                let top = h * middle + lower.high
                if top < UInt64(p) << 32 { low = middle } else { high = middle }
            }
            return UInt32(truncatingIfNeeded: low)
        }
    }()
}

public struct SHA256Digest: Sequence {  // cryptokit/sha256digest
    let bytes: [UInt8]
    public func makeIterator() -> Array<UInt8>.Iterator { bytes.makeIterator() }  // cryptokit/sha256digest/makeiterator()
}
