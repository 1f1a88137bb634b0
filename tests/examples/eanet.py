"""EANet: attention with external memories, in functions that reshape and transpose."""

import keras
from keras import layers, ops

num_heads = 2
embedding_dim = 8
num_patches = 9
dim_coefficient = 2
attention_dropout = 0.2
projection_dropout = 0.2


def external_attention(x, dim, num_heads, dim_coefficient=4, attention_dropout=0):
    _, num_patch, channel = x.shape
    assert dim % num_heads == 0
    num_heads = num_heads * dim_coefficient

    x = layers.Dense(dim * dim_coefficient)(x)
    # create tensor [batch_size, num_patches, num_heads, dim * dim_coefficient // num_heads]
    x = ops.reshape(x, (-1, num_patch, num_heads, dim * dim_coefficient // num_heads))
    x = ops.transpose(x, axes=[0, 2, 1, 3])
    # a linear layer M_k
    attn = layers.Dense(dim // dim_coefficient)(x)
    # normalize attention map
    attn = layers.Softmax(axis=2)(attn)
    # double-normalization
    attn = layers.Lambda(
        lambda attn: ops.divide(attn, 1e-9 + ops.sum(attn, axis=-1, keepdims=True))
    )(attn)
    attn = layers.Dropout(attention_dropout)(attn)
    # a linear layer M_v
    x = layers.Dense(dim * dim_coefficient // num_heads)(attn)
    x = ops.transpose(x, axes=[0, 2, 1, 3])
    x = ops.reshape(x, [-1, num_patch, dim * dim_coefficient])
    # a linear layer to project original dim
    x = layers.Dense(dim)(x)
    return layers.Dropout(projection_dropout)(x)


def mlp(x, embedding_dim, mlp_dim, drop_rate=0.2):
    x = layers.Dense(mlp_dim, activation=ops.silu)(x)
    x = layers.Dropout(drop_rate)(x)
    x = layers.Dense(embedding_dim)(x)
    return layers.Dropout(drop_rate)(x)


def transformer_encoder(x, embedding_dim, mlp_dim, num_heads, dim_coefficient):
    residual_1 = x
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    x = external_attention(x, embedding_dim, num_heads, dim_coefficient, attention_dropout)
    x = layers.add([x, residual_1])
    residual_2 = x
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    x = mlp(x, embedding_dim, mlp_dim)
    return layers.add([x, residual_2])


def get_model():
    inputs = layers.Input(shape=(num_patches, 12))
    x = layers.Dense(embedding_dim)(inputs)
    for _ in range(2):
        x = transformer_encoder(x, embedding_dim, 16, num_heads, dim_coefficient)
    x = layers.GlobalAveragePooling1D()(x)
    outputs = layers.Dense(3, activation="softmax")(x)
    return keras.Model(inputs=inputs, outputs=outputs)


model = get_model()
