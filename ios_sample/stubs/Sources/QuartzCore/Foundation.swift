// Addresses are relative to https://developer.apple.com/documentation/
// Foundation's part that Linux lacks.
import Foundation

public struct NSKeyValueObservingOptions: OptionSet, Sendable {  // foundation/nskeyvalueobservingoptions
    public let rawValue: UInt  // foundation/nskeyvalueobservingoptions
    public init(rawValue: UInt) { self.rawValue = rawValue }  // foundation/nskeyvalueobservingoptions
    public static let new = NSKeyValueObservingOptions(rawValue: 1)  // foundation/nskeyvalueobservingoptions/new
    public static let initial = NSKeyValueObservingOptions(rawValue: 4)  // foundation/nskeyvalueobservingoptions/initial
}

public struct NSKeyValueObservedChange<Value> {}  // foundation/nskeyvalueobservedchange

/// Observes until it is let go.
public final class NSKeyValueObservation {  // foundation/nskeyvalueobservation
    let object: ObjectIdentifier
    let path: AnyKeyPath
    let tell: (AnyObject) -> Void

    init(_ object: ObjectIdentifier, _ path: AnyKeyPath, _ tell: @escaping (AnyObject) -> Void) {
        (self.object, self.path, self.tell) = (object, path, tell)
    }

    deinit { Observers.forget(self) }
}

extension NSObjectProtocol where Self: NSObject {
    public func observe<Value>(  // swift/using-key-value-observing-in-swift
        _ keyPath: KeyPath<Self, Value>, options: NSKeyValueObservingOptions = [],
        changeHandler: @escaping @Sendable (Self, NSKeyValueObservedChange<Value>) -> Void
    ) -> NSKeyValueObservation {
        let token = NSKeyValueObservation(ObjectIdentifier(self), keyPath) { object in
            if let object = object as? Self { changeHandler(object, NSKeyValueObservedChange()) }
        }
        Observers.add(token)
        if options.contains(.initial) { token.tell(self) }
        return token
    }

    /// Tell whoever observes a property that it has changed.
    package func changed(_ path: AnyKeyPath) {
        for one in Observers.of(ObjectIdentifier(self), path) { one.tell(self) }
    }
}

private enum Observers {
    struct Weak { weak var token: NSKeyValueObservation? }
    private static let lock = NSRecursiveLock()
    nonisolated(unsafe) private static var all: [Weak] = []

    static func add(_ token: NSKeyValueObservation) {
        lock.lock()
        defer { lock.unlock() }
        all.append(Weak(token: token))
    }

    static func forget(_ token: NSKeyValueObservation) {
        lock.lock()
        defer { lock.unlock() }
        all.removeAll { $0.token == nil || $0.token === token }
    }

    static func of(_ object: ObjectIdentifier, _ path: AnyKeyPath) -> [NSKeyValueObservation] {
        lock.lock()
        defer { lock.unlock() }
        return all.compactMap(\.token).filter { $0.object == object && $0.path == path }
    }
}

extension ProcessInfo {
    public enum ThermalState: Int { case nominal, fair, serious, critical }  // foundation/processinfo/thermalstate-swift.enum
    public var thermalState: ThermalState { Self.heat }  // foundation/processinfo/thermalstate-swift.property
    public static let thermalStateDidChangeNotification = Notification.Name(  // foundation/processinfo/thermalstatedidchangenotification
        "NSProcessInfoThermalStateDidChangeNotification")
    nonisolated(unsafe) package static var heat = ThermalState.nominal
}
