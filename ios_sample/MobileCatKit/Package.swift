// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "MobileCatKit",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "MobileCatKit", targets: ["MobileCatKit"])],
    targets: [
        .target(name: "MobileCatKit"),
        .testTarget(name: "MobileCatKitTests", dependencies: ["MobileCatKit"]),
    ]
)
