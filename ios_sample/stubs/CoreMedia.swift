// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreVideo

public final class CMSampleBuffer {}  // coremedia/cmsamplebuffer
public final class CMClock {}  // coremedia/cmclock

public struct CMTime {  // coremedia/cmtime
    public var seconds: Double { fatalError() }  // coremedia/cmtime/seconds
}

public func CMSampleBufferGetImageBuffer(_ sbuf: CMSampleBuffer) -> CVImageBuffer? { fatalError() }  // coremedia/cmsamplebuffergetimagebuffer(_:)
public func CMSampleBufferGetPresentationTimeStamp(_ sbuf: CMSampleBuffer) -> CMTime { fatalError() }  // coremedia/cmsamplebuffergetpresentationtimestamp(_:)
public func CMClockGetHostTimeClock() -> CMClock { fatalError() }  // coremedia/cmclockgethosttimeclock()
public func CMClockGetTime(_ clock: CMClock) -> CMTime { fatalError() }  // coremedia/cmclockgettime(_:)
