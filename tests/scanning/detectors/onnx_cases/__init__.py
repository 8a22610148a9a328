"""Cases for the ONNX operators: each is one node that reads the images "x", and constants."""
