"""The command line: a thin verb each. Exit codes: 0 held, 1 fell short, 2 unusable input."""

from mobilecat.cli.main import main

__all__ = ["main"]
