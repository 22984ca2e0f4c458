"""What is written is whole or not there; what is read is held to its hash.

Takes paths; gives files and folders that appear in one step (`files`), and results kept between
runs (`cache`). What strangers wrote is read by `texts` and `arrays`, which trust none of it.
"""

from mobilecat.disk.files import (
    MARK,
    is_litter,
    links_out,
    mapped,
    new_folder,
    refuse_golden,
    relative_path,
    remove_folder,
    sha256_of,
    size_of,
    write_bytes,
    write_text,
)
from mobilecat.disk.texts import json_from_text, read_json, read_text, toml_from_text

__all__ = [
    "MARK",
    "is_litter",
    "json_from_text",
    "links_out",
    "mapped",
    "new_folder",
    "read_json",
    "read_text",
    "refuse_golden",
    "relative_path",
    "remove_folder",
    "sha256_of",
    "size_of",
    "toml_from_text",
    "write_bytes",
    "write_text",
]
