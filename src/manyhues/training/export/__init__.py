"""Trained runs to ONNX graphs."""
