"""An autoencoder of two models, written with Sequential.add and with a functional model around both."""

from tensorflow import keras
from tensorflow.keras.layers import Conv2D, Conv2DTranspose, Dense, Flatten, Reshape

latent = 8

encoder = keras.Sequential(name="encoder")
encoder.add(Conv2D(16, 3, strides=2, padding="same", activation="relu", input_shape=(28, 28, 1)))
encoder.add(Flatten())
encoder.add(Dense(latent))

decoder = keras.Sequential(
    [
        keras.Input((latent,)),
        Dense(7 * 7 * 16, activation="relu"),
        Reshape((7, 7, 16)),
        Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
        Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
    ],
    name="decoder",
)

picture = keras.Input((28, 28, 1))
autoencoder = keras.Model(picture, decoder(encoder(picture)))
