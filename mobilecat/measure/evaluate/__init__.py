"""Accuracy on labelled pictures: what a conversion cost, artifact by artifact."""

from mobilecat.measure.evaluate.report import Evaluation
from mobilecat.measure.evaluate.run import evaluate

__all__ = ["Evaluation", "evaluate"]
