"""What is written is whole or not there; what is read is held to its hash.

Takes paths; gives files and folders that appear in one step (`files`), and results kept between
runs (`cache`).
"""

from mobilecat.disk.files import (
    MARK,
    new_folder,
    refuse_golden,
    remove_folder,
    sha256_of,
    size_of,
    write_text,
)

__all__ = [
    "MARK",
    "new_folder",
    "refuse_golden",
    "remove_folder",
    "sha256_of",
    "size_of",
    "write_text",
]
