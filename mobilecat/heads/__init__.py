"""Heads: what a network's raw outputs mean.

Each kind has two forms, written independently: `heads/<kind>.py` decodes in the graph and is baked
into the artifacts; `heads/reference/<kind>.py` decodes in numpy and judges them. To add one, copy
`yunet.py` and `reference/yunet.py`, and give its parameters a class in `mobilecat/spec/values.py`.
"""

from mobilecat.heads.base import Candidates, Head, graph_head, reference_decode

__all__ = ["Candidates", "Head", "graph_head", "reference_decode"]
