"""Image classification with the MLP-Mixer, whose block is a layer of its own."""

import keras
from keras import layers

num_classes = 4
num_blocks = 2
embedding_dim = 6
dropout_rate = 0.2
patch_size = 4
num_patches = (16 // patch_size) ** 2


class MLPMixerLayer(layers.Layer):
    def __init__(self, num_patches, hidden_units, dropout_rate, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mlp1 = keras.Sequential(
            [
                layers.Dense(units=num_patches, activation="relu"),
                layers.Dense(units=num_patches),
                layers.Dropout(rate=dropout_rate),
            ]
        )
        self.mlp2 = keras.Sequential(
            [
                layers.Dense(units=hidden_units, activation="relu"),
                layers.Dense(units=hidden_units),
                layers.Dropout(rate=dropout_rate),
            ]
        )
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def build(self, input_shape):
        return super().build(input_shape)

    def call(self, inputs):
        x = self.normalize(inputs)
        x_channels = keras.ops.transpose(x, axes=(0, 2, 1))
        mlp1_outputs = self.mlp1(x_channels)
        mlp1_outputs = keras.ops.transpose(mlp1_outputs, axes=(0, 2, 1))
        x = mlp1_outputs + inputs
        x_patches = self.normalize(x)
        mlp2_outputs = self.mlp2(x_patches)
        return x + mlp2_outputs


mlpmixer_blocks = keras.Sequential(
    [MLPMixerLayer(num_patches, embedding_dim, dropout_rate) for _ in range(num_blocks)]
)

inputs = layers.Input(shape=(16, 16, 3))
x = layers.Conv2D(embedding_dim, patch_size, strides=patch_size)(inputs)
x = layers.Reshape((num_patches, embedding_dim))(x)
x = mlpmixer_blocks(x)
representation = layers.GlobalAveragePooling1D()(x)
representation = layers.Dropout(rate=dropout_rate)(representation)
logits = layers.Dense(num_classes)(representation)
mlpmixer_classifier = keras.Model(inputs=inputs, outputs=logits)
