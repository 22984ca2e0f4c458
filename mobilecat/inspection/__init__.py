"""Say what a model file holds, whoever made it."""

from mobilecat.inspection.base import Inspection, Port, inspect_file

__all__ = ["Inspection", "Port", "inspect_file"]
