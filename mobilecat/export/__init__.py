"""One command's work: spec → bundle."""

from mobilecat.export.artifact import CONTRACT, emit, variant_of
from mobilecat.export.whole import Exported, export, import_options, require_replaceable

__all__ = [
    "CONTRACT",
    "Exported",
    "emit",
    "export",
    "import_options",
    "require_replaceable",
    "variant_of",
]
