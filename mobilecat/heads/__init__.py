"""Heads: what a network's raw outputs mean.

Each kind has two forms, written independently: `heads/<kind>.py` decodes in the graph and is baked
into the artifacts; `heads/reference/<kind>.py` decodes in numpy and judges them. To add one:
docs/adding-a-head.md.
"""

from mobilecat.heads.base import (
    ANCHORS,
    NETWORKS_OWN,
    Candidates,
    EncodedAnchors,
    Finish,
    Head,
    graph_head,
    reference_decode,
)

__all__ = [
    "ANCHORS",
    "NETWORKS_OWN",
    "Candidates",
    "EncodedAnchors",
    "Finish",
    "Head",
    "graph_head",
    "reference_decode",
]
