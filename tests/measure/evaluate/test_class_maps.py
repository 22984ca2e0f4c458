"""mIoU of a class map against labelled outlines, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from mobilecat.compile import export
from mobilecat.measure.evaluate.run import evaluate
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network


def test_shares_of_pixels_counted_by_hand(tmp_path: Path) -> None:
    """16×8 in 8×4: 2 pixels a cell. The map: class 1 in columns 0–3, class 2 in columns 4–7.

    Picture one: labelled class 1 in x 0–6, class 2 in x 8–16. Picture two: class 1 in x 0–10.
    Class 1: shares 48 + 64 = 112 of 64 + 80 = 144 pixels. Class 2: 64 of 64 + 64 = 128.
    """
    scores = np.zeros((1, 3, 4, 8))
    scores[0, 1, :, :4] = scores[0, 2, :, 4:] = 1
    path = save_constant_network(tmp_path / "net.onnx", (8, 4), {"s": scores})
    spec = spec_from_text(
        f'name = "net"\nsource = "{path}"\nlabels = ["none", "a", "b"]\n[input]\nsize = [8, 4]\n'
        '[head]\nkind = "segments"\n[targets.onnx]\n[targets.tflite]\n'
    )
    export(spec, tmp_path / "out")
    data = tmp_path / "data"
    data.mkdir()
    boxes = [(1, 1, 0, 6), (1, 2, 8, 16), (2, 1, 0, 10)]  # picture, class, x of both sides
    told = {
        "images": [
            {"id": k, "file_name": f"{k}.png", "width": 16, "height": 8} for k in (1, 2)
        ],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [
            {
                "id": i + 1, "image_id": picture, "category_id": kind, "iscrowd": 0,
                "bbox": [x1, 0, x2 - x1, 8], "area": 8 * (x2 - x1),
                "segmentation": [[x1, 0, x2, 0, x2, 8, x1, 8]],
            }
            for i, (picture, kind, x1, x2) in enumerate(boxes)
        ],
    }  # fmt: skip
    for k in (1, 2):
        Image.new("RGB", (16, 8), (k, 0, 0)).save(data / f"{k}.png")
    (data / "labels.json").write_text(json.dumps(told))
    report = evaluate(tmp_path / "out", data, cache=tmp_path / "cache", max_drop=0.5)
    assert report.exit_code == 0
    for row in report.lanes:
        assert row.scores is not None and row.scores.class_map is not None
        found = row.scores.class_map
        assert row.scores.ap is None and found.pictures == 2
        by_name = dict(zip(report.classes, found.by_class, strict=True))
        np.testing.assert_allclose([by_name["a"], by_name["b"]], [112 / 144, 64 / 128], atol=1e-9)
        np.testing.assert_allclose(found.miou, (112 / 144 + 0.5) / 2, atol=1e-9)
    text = "\n".join(str(line) for line in report.words())
    assert "mIoU" in text and "63.89" in text
    assert report.to_json()["lanes"][0]["class_map"]["pictures"] == 2
