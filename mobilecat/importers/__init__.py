"""Model files in: one small module a format, each file → frozen graph."""
