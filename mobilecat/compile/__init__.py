"""One command's work: spec → bundle."""

from mobilecat.compile.artifact import CONTRACT, emit, variant_of
from mobilecat.compile.whole import Exported, export, import_options, require_replaceable

__all__ = [
    "CONTRACT",
    "Exported",
    "emit",
    "export",
    "import_options",
    "require_replaceable",
    "variant_of",
]
