"""Labelled pictures: COCO JSON, VOC XML, YOLO txt, Crawford `.cat` and labels.json, one a module.

Frame: pixels of the upright picture (EXIF applied, as `mobilecat.pictures.reading` reads it),
origin top-left, pixel edges. docs/evaluate.md says how each format's numbers are brought there.
"""

from mobilecat.measure.datasets.base import Dataset, DatasetError
from mobilecat.measure.datasets.labelled import Labelled
from mobilecat.measure.datasets.table import FORMATS, load_dataset

__all__ = ["FORMATS", "Dataset", "DatasetError", "Labelled", "load_dataset"]
