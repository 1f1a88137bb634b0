"""A sentiment classifier in a function; padding is masked."""

import keras
from keras import layers


def build_sentiment(vocab_size=20000, embedding_dim=64, units=32):
    tokens = keras.Input(shape=(None,), dtype="int32", name="tokens")
    x = layers.Embedding(vocab_size, embedding_dim, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.LSTM(units))(x)
    x = layers.Dense(units, activation="tanh")(x)
    score = layers.Dense(1, activation="sigmoid", name="score")(x)
    return keras.Model(tokens, score)
