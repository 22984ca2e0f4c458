"""Accuracy on labelled pictures: what a conversion cost, artifact by artifact."""
