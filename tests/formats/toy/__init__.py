"""A format that nobody uses, in one folder: an ONNX graph behind four letters, run by onnx's own
reference evaluator. It shows what a new format is made of, and that nothing else has to know it."""
