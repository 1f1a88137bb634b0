"""Transfer learning: a network of keras.applications, frozen, and a head of one's own."""

import keras
from keras import layers

base = keras.applications.MobileNetV2(
    input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None
)
base.trainable = False

inputs = keras.Input((32, 32, 3))
x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
x = base(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.2)(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
