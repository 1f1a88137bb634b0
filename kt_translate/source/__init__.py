"""Keras text: syntax and names."""
