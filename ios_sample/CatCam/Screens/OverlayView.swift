import MobileCatKit
import UIKit

/// Boxes, landmarks and cat ears, drawn where the results say: view points, top-left.
final class OverlayView: UIView {
    var found: [Found] = [] {
        didSet { setNeedsDisplay() }
    }

    override init(frame: CGRect) {
        super.init(frame: frame)
        isOpaque = false
        isUserInteractionEnabled = false
        contentMode = .redraw
    }

    required init?(coder: NSCoder) { nil }

    override func draw(_ rect: CGRect) {
        for one in found {
            draw(one)
            if let silly = Silliness(one, spin: CACurrentMediaTime() * 6) { draw(silly) }
        }
    }

    private func draw(_ one: Found) {
        let box = UIBezierPath(roundedRect: one.viewBox.cgRect, cornerRadius: 6)
        box.lineWidth = 3
        UIColor.systemYellow.setStroke()
        box.stroke()
        let text = "\(one.label) \(Int((one.score * 100).rounded())) %"
        NSAttributedString(
            string: text,
            attributes: [
                .font: UIFont.boldSystemFont(ofSize: 13), .foregroundColor: UIColor.systemYellow,
            ]
        ).draw(at: CGPoint(x: one.viewBox.x1 + 6, y: one.viewBox.y1 + 4))
        UIColor.systemTeal.setFill()
        for mark in one.landmarks { fill(Silliness.Disc(center: mark.view, radius: 3)) }
    }

    private func draw(_ silly: Silliness) {
        UIColor.systemOrange.setFill()
        for corners in silly.ears {
            let ear = UIBezierPath()
            for (i, corner) in corners.enumerated() {
                if i == 0 { ear.move(to: corner.cgPoint) } else { ear.addLine(to: corner.cgPoint) }
            }
            ear.close()
            ear.fill()
        }
        UIColor.systemPink.setFill()
        for pompom in silly.pompoms { fill(pompom) }
        for eye in silly.eyes {
            UIColor.white.setFill()
            fill(eye.white)
            UIColor.black.setFill()
            fill(eye.pupil)
        }
    }

    private func fill(_ disc: Silliness.Disc) {
        UIBezierPath(
            arcCenter: disc.center.cgPoint, radius: CGFloat(disc.radius), startAngle: 0,
            endAngle: 2 * CGFloat.pi, clockwise: true
        ).fill()
    }
}
