import UIKit

extension UIView {
    /// Add a view that fills this one, or its safe area.
    func fill(with child: UIView, insideSafeArea: Bool = false) {
        child.translatesAutoresizingMaskIntoConstraints = false
        addSubview(child)
        let area = safeAreaLayoutGuide
        NSLayoutConstraint.activate([
            child.leadingAnchor.constraint(
                equalTo: insideSafeArea ? area.leadingAnchor : leadingAnchor),
            child.trailingAnchor.constraint(
                equalTo: insideSafeArea ? area.trailingAnchor : trailingAnchor),
            child.topAnchor.constraint(equalTo: insideSafeArea ? area.topAnchor : topAnchor),
            child.bottomAnchor.constraint(
                equalTo: insideSafeArea ? area.bottomAnchor : bottomAnchor),
        ])
    }
}

/// Words over the picture: why there is nothing to see, and what to do.
final class MessageLabel: UILabel {
    override init(frame: CGRect) {
        super.init(frame: frame)
        numberOfLines = 0
        textAlignment = .center
        textColor = .white
        font = .preferredFont(forTextStyle: .body)
    }

    required init?(coder: NSCoder) { nil }
}
