"""One declaration per Keras layer."""
