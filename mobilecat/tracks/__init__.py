"""What detections do over time: tracks, and how steady they are. Values in, values out."""
