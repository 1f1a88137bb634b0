"""A graph attention layer with weights of its own, on node states and an adjacency matrix."""

import keras
from keras import layers, ops


class GraphAttention(layers.Layer):
    def __init__(
        self, units, kernel_initializer="glorot_uniform", kernel_regularizer=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], self.units),
            trainable=True,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.kernel_attention = self.add_weight(
            shape=(self.units, 2),
            trainable=True,
            initializer=self.kernel_initializer,
            name="kernel_attention",
        )
        self.built = True

    def call(self, inputs):
        node_states, adjacency = inputs
        transformed = ops.matmul(node_states, self.kernel)
        scores = ops.matmul(transformed, self.kernel_attention)
        pairs = scores[:, :, :1] + ops.transpose(scores[:, :, 1:], (0, 2, 1))
        pairs = ops.leaky_relu(pairs, negative_slope=0.2)
        attention = ops.softmax(ops.where(adjacency > 0, pairs, -1e9), axis=-1)
        return ops.matmul(attention, transformed)


class MultiHeadGraphAttention(layers.Layer):
    def __init__(self, units, num_heads=3, merge_type="concat", **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.merge_type = merge_type
        self.attention_layers = [GraphAttention(units) for _ in range(num_heads)]

    def call(self, inputs):
        states, adjacency = inputs
        outputs = [layer([states, adjacency]) for layer in self.attention_layers]
        if self.merge_type == "concat":
            outputs = ops.concatenate(outputs, axis=-1)
        else:
            outputs = ops.mean(ops.stack(outputs, axis=-1), axis=-1)
        return ops.relu(outputs)


nodes = keras.Input((6, 5))
adjacency = keras.Input((6, 6))
x = layers.Dense(8, activation="relu")(nodes)
for _ in range(2):
    x = MultiHeadGraphAttention(4, num_heads=2)([x, adjacency]) + x
model = keras.Model([nodes, adjacency], layers.Dense(3)(x))
