"""Functions of Keras, TensorFlow and numpy on tensors of the model."""
