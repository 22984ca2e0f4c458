"""Read a .tflite: its flatbuffer as values, and its graph as ONNX, an operator at a time. No
lowering of ours takes part."""
