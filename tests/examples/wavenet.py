"""WaveNet: dilated causal convolutions with gates, and the sum of all skips."""

from keras.layers import Activation, Add, Conv1D, Dense, Input, Multiply
from keras.models import Model

n_filters = 6
n_quantization = 8


def wavenet_block(n_atrous_filters, atrous_filter_size, atrous_rate):
    def f(input_):
        residual = input_
        tanh_out = Conv1D(
            n_atrous_filters,
            atrous_filter_size,
            dilation_rate=atrous_rate,
            padding="causal",
            activation="tanh",
        )(input_)
        sigmoid_out = Conv1D(
            n_atrous_filters,
            atrous_filter_size,
            dilation_rate=atrous_rate,
            padding="causal",
            activation="sigmoid",
        )(input_)
        merged = Multiply()([tanh_out, sigmoid_out])
        skip_out = Conv1D(n_filters, 1, activation="relu", padding="same")(merged)
        out = Add()([skip_out, residual])
        return out, skip_out

    return f


def get_basic_generative_model(input_size):
    input_ = Input(shape=(input_size, 1))
    A = Conv1D(n_filters, 2, padding="causal")(input_)
    skip_connections = []
    for i in range(4):
        A, B = wavenet_block(n_filters, 2, 2**i)(A)
        skip_connections.append(B)
    net = Add()(skip_connections)
    net = Activation("relu")(net)
    net = Conv1D(n_filters, 1, activation="relu")(net)
    net = Conv1D(1, 1)(net)
    net = Dense(n_quantization, activation="softmax")(net)
    return Model(inputs=input_, outputs=net)


model = get_basic_generative_model(20)
