"""A convnet as it was written for Keras 1: sizes one by one, and border modes."""

from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential
from keras.optimizers import SGD
from keras.regularizers import l2

nb_classes = 10
img_rows, img_cols = 28, 28
nb_filters = 16
nb_conv = 3

model = Sequential()
model.add(
    Convolution2D(
        nb_filters, nb_conv, nb_conv, border_mode="same", input_shape=(img_rows, img_cols, 1)
    )
)
model.add(Activation("relu"))
model.add(Convolution2D(nb_filters, nb_conv, nb_conv, subsample=(2, 2), init="he_normal"))
model.add(BatchNormalization(mode=0))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(output_dim=32, activation="tanh", W_regularizer=l2(0.01)))
model.add(Dense(nb_classes, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer=SGD(lr=0.01, momentum=0.9))
model.fit(X_train, Y_train, batch_size=128, nb_epoch=12)  # noqa: F821
