"""Models of our own, so that a newcomer needs none: cat faces, and nine points on each.

`tools/train_demo` trained them; the cards beside the models say on what, and how well.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
CASCADE = FOLDER / "cats.toml"
DETECTOR = FOLDER / "cat_faces.toml"
LANDMARKS = FOLDER / "cat_landmarks.toml"
PICTURES = FOLDER / "pictures"
GOLDEN = FOLDER / "golden"
PHOTO = FOLDER / "chelsea.png"
"""scikit-image's photo of a cat, by Stéfan van der Walt, in the public domain (CC0)."""
