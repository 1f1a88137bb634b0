"""Structured data with TabTransformer: inputs by the names of columns, embeddings of the categorical ones."""

import math

import keras
from keras import layers, ops

NUMERIC_FEATURE_NAMES = ["age", "capital_gain", "hours_per_week"]
CATEGORICAL_FEATURES_WITH_VOCABULARY = {
    "workclass": [" Private", " Local-gov", " State-gov"],
    "gender": [" Female", " Male"],
}
CATEGORICAL_FEATURE_NAMES = list(CATEGORICAL_FEATURES_WITH_VOCABULARY.keys())
FEATURE_NAMES = NUMERIC_FEATURE_NAMES + CATEGORICAL_FEATURE_NAMES

NUM_TRANSFORMER_BLOCKS = 2
NUM_HEADS = 2
EMBEDDING_DIMS = 6
MLP_HIDDEN_UNITS_FACTORS = [2, 1]


def create_model_inputs():
    inputs = {}
    for feature_name in FEATURE_NAMES:
        if feature_name in NUMERIC_FEATURE_NAMES:
            inputs[feature_name] = layers.Input(name=feature_name, shape=(), dtype="float32")
        else:
            inputs[feature_name] = layers.Input(name=feature_name, shape=(), dtype="int32")
    return inputs


def encode_inputs(inputs, embedding_dims):
    encoded_categorical_feature_list = []
    numerical_feature_list = []
    for feature_name in inputs:
        if feature_name in CATEGORICAL_FEATURE_NAMES:
            vocabulary = CATEGORICAL_FEATURES_WITH_VOCABULARY[feature_name]
            embedding = layers.Embedding(input_dim=len(vocabulary) + 2, output_dim=embedding_dims)
            encoded_categorical_feature_list.append(embedding(inputs[feature_name]))
        else:
            numerical_feature = ops.expand_dims(inputs[feature_name], -1)
            numerical_feature_list.append(numerical_feature)
    return encoded_categorical_feature_list, numerical_feature_list


def create_mlp(
    hidden_units, dropout_rate, activation, normalization_layer=layers.BatchNormalization, name=None
):
    mlp_layers = []
    for units in hidden_units:
        mlp_layers.append(normalization_layer())
        mlp_layers.append(layers.Dense(units, activation=activation))
        mlp_layers.append(layers.Dropout(dropout_rate))
    return keras.Sequential(mlp_layers, name=name)


def create_tabtransformer_classifier(num_transformer_blocks, num_heads, embedding_dims, factors):
    inputs = create_model_inputs()
    categorical, numerical = encode_inputs(inputs, embedding_dims)
    encoded_categorical_features = ops.stack(categorical, axis=1)
    numerical_features = layers.concatenate(numerical)

    for block_idx in range(num_transformer_blocks):
        attention_output = layers.MultiHeadAttention(
            num_heads=num_heads,
            key_dim=embedding_dims,
            dropout=0.1,
            name=f"multihead_attention_{block_idx}",
        )(encoded_categorical_features, encoded_categorical_features)
        x = layers.Add(name=f"skip_connection1_{block_idx}")(
            [attention_output, encoded_categorical_features]
        )
        x = layers.LayerNormalization(name=f"layer_norm1_{block_idx}", epsilon=1e-6)(x)
        encoded_categorical_features = x

    categorical_features = layers.Flatten()(encoded_categorical_features)
    numerical_features = layers.LayerNormalization(epsilon=1e-6)(numerical_features)
    features = layers.concatenate([categorical_features, numerical_features])
    mlp_hidden_units = [math.ceil(factor * features.shape[-1]) for factor in factors]
    features = create_mlp(
        hidden_units=mlp_hidden_units,
        dropout_rate=0.2,
        activation=keras.activations.selu,
        name="MLP",
    )(features)
    outputs = layers.Dense(units=1, activation="sigmoid", name="sigmoid")(features)
    return keras.Model(inputs=inputs, outputs=outputs)


model = create_tabtransformer_classifier(
    NUM_TRANSFORMER_BLOCKS, NUM_HEADS, EMBEDDING_DIMS, MLP_HIDDEN_UNITS_FACTORS
)
