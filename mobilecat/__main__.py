"""`python -m mobilecat`."""

from mobilecat.cli import main

main()
