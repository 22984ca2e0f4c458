"""The confined children that hold FFmpeg (PyAV): one reads a clip, one writes one."""
