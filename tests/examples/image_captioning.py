"""A caption's decoder: tokens with a causal mask attend to the features of a picture."""

import keras
from keras import layers, ops

VOCAB_SIZE = 20
SEQ_LENGTH = 7
EMBED_DIM = 6
FF_DIM = 10


class TransformerEncoderBlock(layers.Layer):
    def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.attention_1 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.dense_1 = layers.Dense(embed_dim, activation="relu")

    def call(self, inputs, training=None, mask=None):
        inputs = self.layernorm_1(inputs)
        inputs = self.dense_1(inputs)
        attention_output_1 = self.attention_1(
            query=inputs, value=inputs, key=inputs, attention_mask=None, training=training
        )
        return self.layernorm_2(inputs + attention_output_1)


class TransformerDecoderBlock(layers.Layer):
    def __init__(self, embed_dim, ff_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.attention_1 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.attention_2 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn_layer_1 = layers.Dense(ff_dim, activation="relu")
        self.ffn_layer_2 = layers.Dense(embed_dim)
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.layernorm_3 = layers.LayerNormalization()
        self.embedding = layers.Embedding(VOCAB_SIZE, embed_dim)
        self.out = layers.Dense(VOCAB_SIZE, activation="softmax")

    def call(self, inputs, encoder_outputs, training=None):
        inputs = self.embedding(inputs)
        causal_mask = self.get_causal_attention_mask(inputs)
        attention_output_1 = self.attention_1(
            query=inputs, value=inputs, key=inputs, attention_mask=causal_mask, training=training
        )
        out_1 = self.layernorm_1(inputs + attention_output_1)
        attention_output_2 = self.attention_2(
            query=out_1, value=encoder_outputs, key=encoder_outputs, training=training
        )
        out_2 = self.layernorm_2(out_1 + attention_output_2)
        ffn_out = self.ffn_layer_2(self.ffn_layer_1(out_2))
        return self.out(self.layernorm_3(ffn_out + out_2, training=training))

    def get_causal_attention_mask(self, inputs):
        input_shape = ops.shape(inputs)
        sequence_length = input_shape[1]
        i = ops.arange(sequence_length)[:, None]
        j = ops.arange(sequence_length)
        mask = ops.cast(i >= j, dtype="int32")
        return ops.reshape(mask, (1, sequence_length, sequence_length))


picture = keras.Input((9, 5))
caption = keras.Input((SEQ_LENGTH,), dtype="int32")
features = TransformerEncoderBlock(EMBED_DIM, FF_DIM, num_heads=1)(picture)
words = TransformerDecoderBlock(EMBED_DIM, FF_DIM, num_heads=2)(caption, features)
model = keras.Model([picture, caption], words)
