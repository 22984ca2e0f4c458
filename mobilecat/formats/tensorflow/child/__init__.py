"""The child process: the only place that imports TensorFlow. See `..worker`."""
