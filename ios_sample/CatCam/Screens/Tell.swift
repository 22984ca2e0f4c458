import UIKit

extension UIViewController {
    /// Say where a capture went, or why it could not be written.
    func tell(_ saved: Result<URL, any Error>) {
        switch saved {
        case .success(let folder):
            let name = folder.lastPathComponent
            tell(
                "Capture saved",
                "Files → On My \(UIDevice.current.model) → CatCam → \(name). "
                    + "On a computer: mobilecat diagnose \"\(name)/capture.json\"")
        case .failure(let error): tell("Not saved", "\(error)")
        }
    }

    func tell(_ title: String, _ message: String) {
        let alert = UIAlertController(title: title, message: message, preferredStyle: .alert)
        alert.addAction(UIAlertAction(title: "OK", style: .default))
        present(alert, animated: true)
    }
}
