"""From the model graph to classes."""
