"""Sizes and bars that apps really meet, so that a fitted number can be given its likely name."""

from __future__ import annotations

from mobilecat.diagnosis.facts import Facts
from mobilecat.geometry.affine import Size

# Points. developer.apple.com/design/human-interface-guidelines/layout (specifications: safe areas);
# m3.material.io/components/app-bars and developer.android.com/develop/ui/views/layout/edge-to-edge.
BARS: dict[float, str] = {
    20: "the status bar of an iPhone with a home button, or of an iPad",
    24: "Android's status bar, or a recent iPad's",
    34: "the home indicator's safe area",
    44: "a navigation bar, or the status bar of an iPhone X",
    47: "the status bar of an iPhone 12 to 14",
    48: "Android's navigation bar",
    49: "a tab bar",
    50: "the status bar of an iPhone 12 mini",
    54: "the status bar of an iPhone 15 or 16",
    56: "an Android or Flutter app bar",
    59: "the safe area below a Dynamic Island",
    62: "the safe area of an iPhone 16 Pro or 17",
    64: "a status bar with a navigation bar, or a large app bar",
    80: "an Android status bar with an app bar",
    83: "a tab bar with the home indicator",
    88: "an iPhone X's status bar with a navigation bar",
    91: "an iPhone 12's status bar with a navigation bar",
    103: "the safe area below a Dynamic Island with a navigation bar",
}
_BAR_OFF = 1.2

# Windows of phones and tablets, in points; what cameras deliver, in pixels.
_WINDOWS: tuple[tuple[int, int], ...] = (
    *((320, 568), (375, 667), (414, 736), (375, 812), (414, 896), (390, 844), (428, 926)),
    *((393, 852), (430, 932), (402, 874), (440, 956), (420, 912), (360, 800), (411, 914)),
    *((412, 915), (360, 640), (411, 731), (768, 1024), (820, 1180), (834, 1194), (1024, 1366)),
)
_FRAMES: tuple[tuple[int, int], ...] = (
    *((1920, 1080), (1280, 720), (640, 480), (1920, 1440), (3840, 2160), (4032, 3024)),
    *((1440, 1080), (960, 540), (352, 288), (640, 640), (320, 320), (416, 416), (300, 300)),
)
_CLOSE = 0.012


def bar_like(points: float) -> str:
    """Return the bar that is about so high, with its height; empty where none is."""
    height = min(BARS, key=lambda h: abs(h - points))
    return f"{BARS[height]} ({height:g})" if abs(height - points) <= _BAR_OFF else ""


def size_like(f: Facts, sx: float, sy: float) -> str:
    """Return which size an app took for its own, where boxes came out sx and sy times as large.

    Sizes of the facts come first, then such as windows and cameras have; empty where none fits.
    """
    if min(sx, sy) <= 1e-3:
        return ""
    if f.view is not None:
        own, whose, kind, common = f.view.size, "view", "as a window is", _WINDOWS
        named = [("the picture", f.image_wh), ("the frame", f.frame_wh), ("the model", f.model_wh)]
    else:
        own, whose, kind, common = f.image_wh, "picture", "as a camera's frame is", _FRAMES
        named = [("the model", f.model_wh)]
    known = [(size, f"as {name} is") for name, size in named]
    known += [(Size(*wh), kind) for wh in common] + [(Size(*wh[::-1]), kind) for wh in common]
    for size, of in known:
        if _near(Size(own.w * sx, own.h * sy), size):
            return f"as if the {whose} were {size.w:g} × {size.h:g}, {of}"
    for size, of in known:
        if _near(Size(own.w / sx, own.h / sy), size):
            return f"as if what is scaled were {size.w:g} × {size.h:g}, {of}"
    return ""


def _near(a: Size, b: Size) -> bool:
    return abs(a.w - b.w) <= _CLOSE * b.w and abs(a.h - b.h) <= _CLOSE * b.h
