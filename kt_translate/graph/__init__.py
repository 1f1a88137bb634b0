"""The model, in Keras's terms: symbolic values, tensors, nodes."""
