"""A small vision transformer: layers of its own, made of Keras's."""

import keras
from keras import layers, ops


class Patches(layers.Layer):
    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, images):
        size = self.patch_size
        height, width, channels = images.shape[1:]
        x = ops.reshape(images, (-1, height // size, size, width // size, size, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, (height // size) * (width // size), size * size * channels))


class PatchEncoder(layers.Layer):
    def __init__(self, num_patches, dim, **kwargs):
        super().__init__(**kwargs)
        self.num_patches = num_patches
        self.projection = layers.Dense(dim)
        self.positions = layers.Embedding(input_dim=num_patches, output_dim=dim)

    def call(self, patches):
        return self.projection(patches) + self.positions(ops.arange(self.num_patches))


class Block(layers.Layer):
    def __init__(self, dim, num_heads, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.attention = layers.MultiHeadAttention(
            num_heads, key_dim=dim // num_heads, dropout=dropout
        )
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.mlp = keras.Sequential([layers.Dense(2 * dim, activation="gelu"), layers.Dense(dim)])

    def call(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y)
        return x + self.mlp(self.norm2(x))


def build_vit(image_size=24, patch_size=6, dim=20, num_heads=4, depth=2, num_classes=5):
    inputs = keras.Input((image_size, image_size, 3))
    x = Patches(patch_size)(inputs)
    x = PatchEncoder((image_size // patch_size) ** 2, dim)(x)
    for _ in range(depth):
        x = Block(dim, num_heads)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x))


model = build_vit()
model.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
