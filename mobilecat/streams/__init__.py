"""What an app drew on a clip, frame by frame, and the fault of its stream that explains it."""
