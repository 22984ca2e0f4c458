"""Where a model looks: heat maps of the source and of every artifact, side by side."""
