"""Compile detectors and landmark models for phones, run every artifact, hold it to goldens."""

__version__ = "0.1.0"
