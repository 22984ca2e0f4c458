// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreVideo

public final class CMSampleBuffer {  // coremedia/cmsamplebuffer
    package let image: CVImageBuffer?
    package let time: CMTime

    package init(image: CVImageBuffer?, time: Double) {
        (self.image, self.time) = (image, CMTime(time))
    }
}

public final class CMClock {  // coremedia/cmclock
    package var time: Double
    package init(_ time: Double) { self.time = time }
    package static let host = CMClock(0)
}

public struct CMTime {  // coremedia/cmtime
    public let seconds: Double  // coremedia/cmtime/seconds
    init(_ seconds: Double) { self.seconds = seconds }
}

public func CMSampleBufferGetImageBuffer(_ sbuf: CMSampleBuffer) -> CVImageBuffer? { sbuf.image }  // coremedia/cmsamplebuffergetimagebuffer(_:)
public func CMSampleBufferGetPresentationTimeStamp(_ sbuf: CMSampleBuffer) -> CMTime { sbuf.time }  // coremedia/cmsamplebuffergetpresentationtimestamp(_:)
public func CMClockGetHostTimeClock() -> CMClock { .host }  // coremedia/cmclockgethosttimeclock()
public func CMClockGetTime(_ clock: CMClock) -> CMTime { CMTime(clock.time) }  // coremedia/cmclockgettime(_:)
