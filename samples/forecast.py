"""Forecasting a series: causal convolutions, attention over the steps, a stack of recurrent layers."""

import keras
from keras import layers
from keras.constraints import max_norm

window, features = 24, 5

series = keras.Input((window, features))
x = layers.Masking(mask_value=-1.0)(series)
x = layers.LSTM(12, return_sequences=True, recurrent_activation="hard_sigmoid")(x)
x = layers.SimpleRNN(10, return_sequences=True)(x)
recurrent = layers.LSTM(8)(x)

y = layers.Conv1D(12, 3, padding="causal", dilation_rate=2, activation="relu")(series)
y = layers.AveragePooling1D(2)(y)
y = layers.LayerNormalization()(y)
scores = layers.Dense(1, use_bias=False)(y)
weights = layers.Softmax(axis=1)(scores)
attended = layers.Flatten()(layers.Dot(axes=1)([weights, y]))

joined = layers.Concatenate()([recurrent, attended])
joined = layers.Dense(10, activation="relu", kernel_constraint=max_norm(1.0))(joined)
model = keras.Model(series, layers.Dense(3)(joined))
model.compile(optimizer=keras.optimizers.Nadam(1e-2, clipnorm=1.0), loss=keras.losses.Huber(0.5))
