"""Training of the demo models: `python -m tools.train_demo detector|landmarks --help`."""
