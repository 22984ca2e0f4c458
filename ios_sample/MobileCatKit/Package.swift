// swift-tools-version: 5.9
import PackageDescription

// CatCamPipeline and CatCamModel are links to the app's own folders: what of it is plain Swift is
// built and tested here, without Xcode. The app compiles those files itself; only MobileCatKit is
// a product.
let package = Package(
    name: "MobileCatKit",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "MobileCatKit", targets: ["MobileCatKit"])],
    targets: [
        .target(name: "MobileCatKit"),
        .executableTarget(name: "vision-golden", dependencies: ["MobileCatKit"]),
        .target(name: "CatCamPipeline", dependencies: ["MobileCatKit"]),
        .target(
            name: "CatCamModel", dependencies: ["MobileCatKit"], exclude: ["Bundle"],
            sources: ["ModelContract.swift"]),
        .testTarget(name: "MobileCatKitTests", dependencies: ["MobileCatKit"]),
        .testTarget(
            name: "CatCamTests", dependencies: ["CatCamPipeline", "CatCamModel", "MobileCatKit"]),
    ]
)
