"""Hold artifacts to goldens and to the source: compare, judge, report."""

from mobilecat.judge.report import Report
from mobilecat.judge.run import validate

__all__ = ["Report", "validate"]
