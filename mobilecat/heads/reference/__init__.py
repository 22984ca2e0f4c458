"""Heads in numpy: slow, plain, and apart from the graph forms that they judge."""
