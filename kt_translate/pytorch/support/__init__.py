"""Torch code that is copied into translations."""
