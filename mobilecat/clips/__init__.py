"""Moving pictures in and out: clips, folders of frames; FFmpeg only ever in a confined child."""
