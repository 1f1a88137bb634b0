"""An abstract interpreter of model-building code."""
