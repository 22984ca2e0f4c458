// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreGraphics

open class CALayer: NSObject {}  // quartzcore/calayer
public func CACurrentMediaTime() -> Double { fatalError() }  // quartzcore/cacurrentmediatime()

// Foundation's part that Linux lacks.
public struct NSKeyValueObservingOptions: OptionSet {  // foundation/nskeyvalueobservingoptions
    public let rawValue: UInt  // foundation/nskeyvalueobservingoptions
    public init(rawValue: UInt) { self.rawValue = rawValue }  // foundation/nskeyvalueobservingoptions
    public static let new = NSKeyValueObservingOptions(rawValue: 1)  // foundation/nskeyvalueobservingoptions/new
    public static let initial = NSKeyValueObservingOptions(rawValue: 4)  // foundation/nskeyvalueobservingoptions/initial
}

public struct NSKeyValueObservedChange<Value> {}  // foundation/nskeyvalueobservedchange
public final class NSKeyValueObservation {}  // foundation/nskeyvalueobservation

extension NSObjectProtocol where Self: NSObject {
    public func observe<Value>(_ keyPath: KeyPath<Self, Value>, options: NSKeyValueObservingOptions = [], changeHandler: @escaping @Sendable (Self, NSKeyValueObservedChange<Value>) -> Void) -> NSKeyValueObservation { fatalError() }  // swift/using-key-value-observing-in-swift
}

extension ProcessInfo {
    public enum ThermalState: Int { case nominal, fair, serious, critical }  // foundation/processinfo/thermalstate-swift.enum
    public var thermalState: ThermalState { fatalError() }  // foundation/processinfo/thermalstate-swift.property
    public static let thermalStateDidChangeNotification = Notification.Name("")  // foundation/processinfo/thermalstatedidchangenotification
}
