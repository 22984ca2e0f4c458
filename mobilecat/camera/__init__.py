"""What a phone hands over: pixel buffers, and a frame's whole way into a model and onto a view."""
