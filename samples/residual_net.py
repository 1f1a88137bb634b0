"""A residual network for small pictures: blocks are functions, stages a loop, shortcuts a condition."""

import keras
from keras import layers, regularizers

weight_decay = 1e-4


def conv_bn(x, filters, kernel_size=3, stride=1, activation=True):
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=regularizers.l2(weight_decay),
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.LeakyReLU(negative_slope=0.1)(x) if activation else x


def residual_block(x, filters, stride=1):
    shortcut = x
    # The shortcut is a convolution only where the shape changes.
    if stride != 1 or x.shape[-1] != filters:
        shortcut = conv_bn(x, filters, kernel_size=1, stride=stride, activation=False)
    y = conv_bn(x, filters, stride=stride)
    y = conv_bn(y, filters, activation=False)
    return layers.ReLU()(layers.Add()([y, shortcut]))


def build_resnet(input_shape=(32, 32, 3), num_classes=10, widths=(8, 16, 24), depth=2):
    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, widths[0])
    for i, width in enumerate(widths):
        for j in range(depth):
            x = residual_block(x, width, stride=2 if i > 0 and j == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


if __name__ == "__main__":
    model = build_resnet(depth=1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.1, decay_steps=20, warmup_steps=2, warmup_target=0.2
    )
    model.compile(
        optimizer=keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    (x_train, y_train), _ = keras.datasets.cifar10.load_data()
    model.fit(x_train / 255.0, y_train, batch_size=64, epochs=20)
