"""Several inputs and outputs: two texts share an embedding and an encoder; tags join them."""

import keras
from keras import layers

num_tags = 12
num_words = 5000
num_departments = 4

title = keras.Input((None,), dtype="int32", name="title")
body = keras.Input((None,), dtype="int32", name="body")
tags = keras.Input((num_tags,), name="tags")

embed = layers.Embedding(num_words, 24, name="words")
encode = layers.GRU(20, name="encoder")
title_code = encode(embed(title))
body_code = encode(embed(body))

x = layers.concatenate([title_code, body_code, tags])
difference = layers.Subtract()([title_code, body_code])
x = layers.Dense(16, activation="elu")(layers.Concatenate()([x, difference]))
x = layers.Dropout(0.3)(x)

priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
department = layers.Dense(num_departments, activation="softmax", name="department")(x)

model = keras.Model(inputs=[title, body, tags], outputs=[priority, department])
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-3),
    loss={"priority": "binary_crossentropy", "department": "categorical_crossentropy"},
    loss_weights={"priority": 1.0, "department": 0.2},
)
