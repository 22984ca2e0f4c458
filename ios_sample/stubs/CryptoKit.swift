// Addresses are relative to https://developer.apple.com/documentation/
import Foundation

public struct SHA256 {  // cryptokit/sha256
    public static func hash<D: DataProtocol>(data: D) -> SHA256Digest { fatalError() }  // cryptokit/hashfunction/hash(data:)
}

public struct SHA256Digest: Sequence {  // cryptokit/sha256digest
    public func makeIterator() -> Array<UInt8>.Iterator { fatalError() }  // cryptokit/sha256digest/makeiterator()
}
