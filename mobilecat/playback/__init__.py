"""A moving picture through every lane of a bundle, frame by frame."""
