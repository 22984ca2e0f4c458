"""Rows of the tests of heads, a file a family: `tests/heads/rows.py`."""
