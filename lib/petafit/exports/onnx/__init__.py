"""Linear models as graphs of ONNX."""
