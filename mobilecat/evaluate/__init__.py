"""Accuracy on labelled pictures: what a conversion cost, artifact by artifact."""

from mobilecat.evaluate.report import Evaluation
from mobilecat.evaluate.run import evaluate

__all__ = ["Evaluation", "evaluate"]
