package mobilecat.kit

// An iPhone's buffers, for captures and goldens that were made with one. CameraX says rotationDegrees
// with each frame: on Android, Orientation.ofRotationDegrees is all there is.

/** How the phone is held, by UIDeviceOrientation's names. */
enum class DeviceOrientation(override val raw: String) : Named {
    PORTRAIT("portrait"),
    PORTRAIT_UPSIDE_DOWN("portraitUpsideDown"),
    /** Home button (or charging port) on the right. */
    LANDSCAPE_LEFT("landscapeLeft"),
    LANDSCAPE_RIGHT("landscapeRight");

    override val noun: String get() = "device orientation"

    /** AVCaptureVideoOrientation's name for it: the landscapes swap. */
    val videoOrientation: DeviceOrientation
        get() = when (this) {
            LANDSCAPE_LEFT -> LANDSCAPE_RIGHT
            LANDSCAPE_RIGHT -> LANDSCAPE_LEFT
            else -> this
        }
}

enum class CameraPosition(override val raw: String) : Named {
    BACK("back"), FRONT("front");

    override val noun: String get() = "camera"
}

/**
 * The orientation of a buffer that no connection has rotated.
 *
 * uprightAngle: what AVCaptureDevice.RotationCoordinator reports; where it is given, it decides.
 * mirrored: the upright picture is to be a mirror image, as a front camera's preview shows it.
 * Throws for a mirrored back camera, and for an angle that is no quarter turn.
 */
fun orientationForBuffer(
    camera: CameraPosition,
    device: DeviceOrientation,
    mirrored: Boolean = false,
    uprightAngle: Int? = null
): Orientation {
    if (mirrored && camera == CameraPosition.BACK) {
        throw geometryError(
            "No such camera buffer", "the back camera, mirrored", "switch isVideoMirrored off"
        )
    }
    return orientationForReported(uprightAngle ?: rotationAngle(device, camera), 0, mirrored)
}

/** AVFoundation's videoRotationAngle for an upright picture, in clockwise degrees: a default. */
fun rotationAngle(device: DeviceOrientation, camera: CameraPosition): Int = when (device) {
    DeviceOrientation.PORTRAIT -> 90
    DeviceOrientation.PORTRAIT_UPSIDE_DOWN -> 270
    DeviceOrientation.LANDSCAPE_LEFT -> if (camera == CameraPosition.BACK) 0 else 180
    DeviceOrientation.LANDSCAPE_RIGHT -> if (camera == CameraPosition.BACK) 180 else 0
}

/**
 * The orientation of a buffer that its connection turned by `applied` degrees clockwise and did not
 * mirror, where an upright picture is `upright` degrees from the sensor: turned first, then seen in
 * the mirror if a mirror image is wanted. Throws for anything but quarter turns.
 */
fun orientationForReported(upright: Int, applied: Int = 0, mirrorImage: Boolean): Orientation {
    for (degrees in listOf(upright, applied)) Orientation.ofRotationDegrees(degrees)
    val turn = Orientation.ofRotationDegrees(((upright - applied) % 360 + 360) % 360)
    return if (mirrorImage) Orientation.UP_MIRRORED * turn else turn
}
