"""Hold artifacts to goldens and to the source: compare, judge, report; record and approve."""

from mobilecat.validate.approve import approve, list_cases, pendings, record
from mobilecat.validate.report import Report
from mobilecat.validate.run import validate

__all__ = ["Report", "approve", "list_cases", "pendings", "record", "validate"]
