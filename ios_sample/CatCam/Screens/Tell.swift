import UIKit

extension UIViewController {
    /// Say where a capture went, or why it could not be written.
    func tell(_ saved: Result<URL, any Error>) {
        let alert: UIAlertController
        switch saved {
        case .success(let folder):
            alert = UIAlertController(
                title: "Capture saved",
                message: "Files → On My iPhone → CatCam → \(folder.lastPathComponent). "
                    + "On a computer: mobilecat diagnose \(folder.lastPathComponent)",
                preferredStyle: .alert)
        case .failure(let error):
            alert = UIAlertController(
                title: "Not saved", message: "\(error)", preferredStyle: .alert)
        }
        alert.addAction(UIAlertAction(title: "OK", style: .default))
        present(alert, animated: true)
    }
}
