"""A generative adversarial network, kept in a class as many examples of Keras have it."""

import numpy as np
from tensorflow.keras.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    LeakyReLU,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)
from tensorflow.keras.models import Model, Sequential
from tensorflow.keras.optimizers import Adam


class GAN:
    def __init__(self):
        self.img_shape = (28, 28, 1)
        self.latent_dim = 16

        optimizer = Adam(0.0002, 0.5)
        self.discriminator = self.build_discriminator()
        self.discriminator.compile(loss="binary_crossentropy", optimizer=optimizer)

        self.generator = self.build_generator()
        z = Input(shape=(self.latent_dim,))
        img = self.generator(z)

        valid = self.discriminator(img)
        self.combined = Model(z, valid)
        self.combined.compile(loss="binary_crossentropy", optimizer=Adam(0.0002, 0.5))

    def build_generator(self):
        model = Sequential()
        model.add(Dense(8 * 7 * 7, activation="relu", input_dim=self.latent_dim))
        model.add(Reshape((7, 7, 8)))
        model.add(UpSampling2D())
        model.add(Conv2D(12, kernel_size=3, padding="same"))
        model.add(BatchNormalization(momentum=0.8))
        model.add(LeakyReLU(0.2))
        model.add(UpSampling2D(interpolation="bilinear"))
        model.add(Conv2D(self.img_shape[-1], kernel_size=3, padding="same", activation="tanh"))
        noise = Input(shape=(self.latent_dim,))
        return Model(noise, model(noise))

    def build_discriminator(self):
        model = Sequential()
        model.add(Conv2D(8, kernel_size=3, strides=2, input_shape=self.img_shape, padding="same"))
        model.add(LeakyReLU(0.2))
        model.add(Dropout(0.25))
        model.add(Conv2D(12, kernel_size=3, strides=2, padding="same"))
        model.add(ZeroPadding2D(padding=((0, 1), (0, 1))))
        model.add(BatchNormalization(momentum=0.8))
        model.add(LeakyReLU(0.2))
        model.add(Flatten())
        model.add(Dense(1, activation="sigmoid"))
        img = Input(shape=self.img_shape)
        return Model(img, model(img))

    def train(self, images, epochs, batch_size=32):
        valid, fake = np.ones((batch_size, 1)), np.zeros((batch_size, 1))
        for _ in range(epochs):
            noise = np.random.normal(0, 1, (batch_size, self.latent_dim))
            self.discriminator.trainable = True
            self.discriminator.train_on_batch(images, valid)
            self.discriminator.train_on_batch(self.generator.predict(noise), fake)
            # Only the generator is trained in the combined model.
            self.discriminator.trainable = False
            self.combined.train_on_batch(noise, valid)


if __name__ == "__main__":
    gan = GAN()
    gan.train(np.load("digits.npy"), epochs=100)
