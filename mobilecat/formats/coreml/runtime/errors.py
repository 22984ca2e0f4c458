"""How the runtime says that a file cannot be run: refused with all reasons, or not readable."""

from __future__ import annotations

from mobilecat.errors import ArtifactError, MobileCatError, Problem, UnsupportedError


class UnsupportedOp(UnsupportedError):
    """The artifact is sound, but needs ops that this runtime does not have; lists all of them."""


class InputError(MobileCatError):
    """What was handed to `predict` is not what the model's description asks for."""


def malformed(what: str, where: str = "") -> ArtifactError:
    """Return the error for bytes that are not a valid Core ML model."""
    return ArtifactError(
        "This Core ML model is damaged or contradicts itself", [Problem(what, where)]
    )


def refused(what: str, where: str = "", fix: str = "") -> UnsupportedOp:
    """Return the error for one op or option that the runtime cannot execute."""
    return UnsupportedOp(
        "The Core ML runtime cannot execute this model", [Problem(what, where, fix)]
    )
