// Addresses are relative to https://developer.apple.com/documentation/
@_exported import UIKit

public struct PHPickerFilter {  // photosui/phpickerfilter
    public static let images = PHPickerFilter()  // photosui/phpickerfilter/images
}

public struct PHPickerConfiguration {  // photosui/phpickerconfiguration
    public init() {}  // photosui/phpickerconfiguration/init()
    public var filter: PHPickerFilter?  // photosui/phpickerconfiguration/filter
}

public struct PHPickerResult {  // photosui/phpickerresult
    public var itemProvider: NSItemProvider { fatalError() }  // photosui/phpickerresult/itemprovider
}

public final class NSItemProvider: NSObject {  // foundation/nsitemprovider
    @discardableResult
    public func loadDataRepresentation(forTypeIdentifier typeIdentifier: String, completionHandler: @escaping @Sendable (Data?, (any Error)?) -> Void) -> Progress { fatalError() }  // foundation/nsitemprovider/loaddatarepresentation(fortypeidentifier:completionhandler:)
}

@MainActor public protocol PHPickerViewControllerDelegate: AnyObject {  // photosui/phpickerviewcontrollerdelegate
    func picker(_ picker: PHPickerViewController, didFinishPicking results: [PHPickerResult])  // photosui/phpickerviewcontrollerdelegate/picker(_:didfinishpicking:)
}

@MainActor public final class PHPickerViewController: UIViewController {  // photosui/phpickerviewcontroller
    public init(configuration: PHPickerConfiguration) { fatalError() }  // photosui/phpickerviewcontroller/init(configuration:)
    public weak var delegate: (any PHPickerViewControllerDelegate)?  // photosui/phpickerviewcontroller/delegate
}
