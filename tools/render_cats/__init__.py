"""Scenes with drawn cat faces, with exact boxes and landmarks. Everything is drawn here.

    python -m tools.render_cats OUT --count 1000 --seed 0 --size 320x320
    python -m tools.render_cats --golden

The nine landmarks and their order are those of the photos in Crawford's CAT set: left eye, right
eye, mouth, left ear-1, -2, -3, right ear-1, -2, -3. Left is the side of the picture: the smaller x
on an upright face. Both ears are named in the order of x: an ear's 1 and 3 are the ends of its
base and 2 is its tip, so left ear-1 and right ear-3 are the outer ends. Mouth is where the line
below the nose meets the lips.

labels.json is that of the photos (`landmark_order`, `side`, `images`: a list of files with
`width`, `height`, `landmarks9`, `box_xyxy_from_landmarks`, `box_xyxy_clipped`). A picture with
several faces has one entry a face, in a row, each with the same `file`. A picture without a face
has one entry with null for the landmarks and the boxes.
"""

from __future__ import annotations

from tools.render_cats.scene import Scene, Style, render_scene

__all__ = ["Scene", "Style", "render_scene"]
