"""Reads a captcha: one softmax for each of its digits."""

from tensorflow import keras
from tensorflow.keras import layers

HEIGHT, WIDTH, DIGITS = 20, 33, 4


def make_reader(height=HEIGHT, width=WIDTH, digits=DIGITS, classes=10):
    image = keras.Input((height, width, 1), name="image")
    x = image
    for i, count in enumerate([2, 1]):
        for _ in range(count):
            x = layers.Conv2D(8 * 2**i, 3, padding="same", kernel_initializer="he_uniform")(x)
            x = layers.BatchNormalization()(x)
            x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    outputs = [
        layers.Dense(classes, activation="softmax", name=f"digit_{i + 1}")(x) for i in range(digits)
    ]
    return keras.Model(image, outputs)


model = make_reader()
model.summary()
