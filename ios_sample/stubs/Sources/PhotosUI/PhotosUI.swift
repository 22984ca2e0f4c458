// Addresses are relative to https://developer.apple.com/documentation/
@_exported import UIKit

public struct PHPickerFilter: Hashable, Sendable {  // photosui/phpickerfilter
    public static let images = PHPickerFilter()  // photosui/phpickerfilter/images
}

public struct PHPickerConfiguration {  // photosui/phpickerconfiguration
    public init() {}  // photosui/phpickerconfiguration/init()
    public var filter: PHPickerFilter?  // photosui/phpickerconfiguration/filter
}

public struct PHPickerResult {  // photosui/phpickerresult
    public let itemProvider: NSItemProvider  // photosui/phpickerresult/itemprovider
    package init(_ provider: NSItemProvider) { itemProvider = provider }
}

public final class NSItemProvider: NSObject {  // foundation/nsitemprovider
    private let kind: String
    private let answer: Result<Data, any Error>
    package init(_ kind: String, _ answer: Result<Data, any Error>) {
        (self.kind, self.answer) = (kind, answer)
    }

    struct OtherKind: Error {}

    /// The answer comes on a queue of the provider's own.
    @discardableResult
    public func loadDataRepresentation(forTypeIdentifier typeIdentifier: String, completionHandler: @escaping @Sendable (Data?, (any Error)?) -> Void) -> Progress {  // foundation/nsitemprovider/loaddatarepresentation(fortypeidentifier:completionhandler:)
        let answer: Result<Data, any Error> =
            typeIdentifier == kind ? answer : .failure(OtherKind())
        DispatchQueue.global().async {
            switch answer {
            case .success(let data): completionHandler(data, nil)
            case .failure(let error): completionHandler(nil, error)
            }
        }
        return Progress(totalUnitCount: 1)
    }
}

@MainActor public protocol PHPickerViewControllerDelegate: AnyObject {  // photosui/phpickerviewcontrollerdelegate
    func picker(_ picker: PHPickerViewController, didFinishPicking results: [PHPickerResult])  // photosui/phpickerviewcontrollerdelegate/picker(_:didfinishpicking:)
}

@MainActor public final class PHPickerViewController: UIViewController {  // photosui/phpickerviewcontroller
    package let configuration: PHPickerConfiguration
    public init(configuration: PHPickerConfiguration) {  // photosui/phpickerviewcontroller/init(configuration:)
        self.configuration = configuration
        super.init()
    }
    public weak var delegate: (any PHPickerViewControllerDelegate)?  // photosui/phpickerviewcontroller/delegate
}
