"""Which thresholds serve a labelled set best: one inference a picture, then arithmetic."""
