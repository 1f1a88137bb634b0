"""A U-Net with atrous convolutions: skips, bilinear upsampling, a Dice loss of its own."""

import keras
from keras import layers, ops


def dice_loss(y_true, y_pred):
    overlap = ops.sum(y_true * y_pred)
    return 1 - (2 * overlap + 1) / (ops.sum(y_true) + ops.sum(y_pred) + 1)


def conv_block(x, filters, dilation=1):
    x = layers.Conv2D(filters, 3, padding="same", dilation_rate=dilation)(x)
    x = layers.GroupNormalization(groups=2)(x)
    return layers.Activation("swish")(x)


def build_unet(height=32, width=48, filters=4):
    inputs = keras.Input((height, width, 3))
    skips = []
    x = inputs
    for depth in range(2):
        x = conv_block(x, filters * 2**depth)
        skips.append(x)
        x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
    x = conv_block(x, filters * 4, dilation=2)
    for skip in reversed(skips):
        x = layers.UpSampling2D(2, interpolation="bilinear")(x)
        x = layers.Concatenate()([skip, x])
        x = layers.SeparableConv2D(skip.shape[-1], 3, padding="same", activation="relu")(x)
    mask = layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid", name="mask")(x)
    return keras.Model(inputs, mask)


model = build_unet()
model.compile(optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-5), loss=dice_loss)
