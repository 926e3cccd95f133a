"""Models in the formats of other programs: Spark ML's pipelines and ONNX."""
