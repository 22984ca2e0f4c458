// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreGraphics

public enum CGImagePropertyOrientation: UInt32 {  // imageio/cgimagepropertyorientation
    case up = 1
    case upMirrored, down, downMirrored, leftMirrored, right, rightMirrored, left
}
