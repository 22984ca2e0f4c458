"""What an export leaves on disk, as values: artifacts, and bundle.json, their contract.

Takes a folder; gives a `Bundle` held to its hashes (`contract`), or a chain of two (`cascade`).
Nothing here runs or writes an artifact.
"""

from mobilecat.bundle.contract import (
    FILE,
    HASH_DIGITS,
    LABELS,
    SCHEMA,
    ArtifactRecord,
    Bundle,
    CalibrationRecord,
    Kind,
    SourceRecord,
    TensorContract,
    Value,
    open_bundle,
    short_lists,
)

__all__ = [
    "FILE",
    "HASH_DIGITS",
    "LABELS",
    "SCHEMA",
    "ArtifactRecord",
    "Bundle",
    "CalibrationRecord",
    "Kind",
    "SourceRecord",
    "TensorContract",
    "Value",
    "open_bundle",
    "short_lists",
]
