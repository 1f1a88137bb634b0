"""Reads Keras source and writes PyTorch source."""
