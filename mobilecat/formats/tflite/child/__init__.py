"""LiteRT in a process of its own, for files that are not ours."""
