"""What changed between two releases of a model: in what they say of themselves, and on pictures."""
