// swift-tools-version: 5.9
import PackageDescription

// The app as it is, bridges and all, on Linux: Apple's frameworks are fakes that keep to their
// documents and record what they are told. MobileCatKit and CatCam are links to the real sources.
// Nothing here is part of the app: on a Mac, the frameworks themselves are there.
let frameworks: [Target] = [
    .target(name: "CoreGraphics"),
    .target(name: "ImageIO", dependencies: ["CoreGraphics"]),
    .target(name: "QuartzCore", dependencies: ["CoreGraphics"]),
    .target(name: "CoreVideo", dependencies: ["CoreGraphics"]),
    .target(name: "CoreMedia", dependencies: ["CoreVideo"]),
    .target(name: "CoreML", dependencies: ["CoreVideo"]),
    .target(name: "CryptoKit"),
    .target(name: "Vision", dependencies: ["CoreML", "ImageIO"]),
    .target(name: "AVFoundation", dependencies: ["CoreMedia", "QuartzCore"]),
    .target(name: "UIKit", dependencies: ["ImageIO", "QuartzCore"]),
    .target(name: "PhotosUI", dependencies: ["UIKit"]),
    .target(name: "CoreImage", dependencies: ["CoreVideo"]),
    .target(
        name: "CoreAI", dependencies: ["CoreVideo"],
        // Core AI lends memory: values that may not outlive what they look at.
        swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
]
let all = frameworks.map { Target.Dependency(stringLiteral: $0.name) }

let package = Package(
    name: "Fakes",
    targets: frameworks + [
        .target(name: "MobileCatKit", dependencies: all),
        .executableTarget(
            name: "CatCam", dependencies: all + ["MobileCatKit"],
            // The landmark model's contract would be a second ModelContract.
            exclude: ["Assets.xcassets", "Info.plist", "LandmarkModel", "Model/Bundle"]),
        .testTarget(name: "BridgeTests", dependencies: all + ["MobileCatKit", "CatCam"]),
    ],
    swiftLanguageVersions: [.v5]
)
