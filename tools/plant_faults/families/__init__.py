"""Faults of the heads' families: a file each, with FAULTS, by the builder of its network."""
