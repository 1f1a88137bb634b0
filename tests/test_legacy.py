"""Keras 1 and 2: what a source was written for, and its layers as Keras 3 calls them."""

from __future__ import annotations

import ast
import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.emit.old_calls import modern
from kt_translate.emit.slices import slice_of
from kt_translate.graph.objects import KerasFunction
from kt_translate.layers import catalogue
from kt_translate.layers.layer import REGISTRY, Layer, RuleError
from kt_translate.layers.legacy import merge_call, modernize
from kt_translate.pipeline import Options, translate
from kt_translate.source.flavour import flavour_of
from kt_translate.source.names import canonical

catalogue.load()


# -- which Keras ----------------------------------------------------------------------------------

FLAVOURS = [
    ("3", "import keras\nfrom keras import layers\nm = keras.Sequential([layers.Dense(3)])"),
    ("3", "from tensorflow import keras\nfrom tensorflow.keras import layers"),
    (
        "3",
        "import tensorflow as tf\nfrom tensorflow.keras.layers import Dense\nfrom tensorflow.keras import backend as K\nx = K.mean(y)",
    ),
    ("2", "import keras.backend as K\nx = K.mean(y)"),
    ("2", "from keras import backend as K\nx = K.mean(y)"),
    ("3", "from keras import backend as K\nif K.image_data_format() == 'channels_first': pass"),
    ("2", "from keras.layers.core import Dense, Dropout\nfrom keras.models import Sequential"),
    ("2", "import tf_keras as keras"),
    ("3", "import keras_core as keras"),
    ("2", "from keras.models import Sequential\nmodel.fit_generator(gen)"),
    ("2", "from keras.optimizers import Adam\nopt = Adam(lr=0.001)"),
    (
        "1",
        "from keras.layers import Convolution2D\nx = Convolution2D(64, 3, 3, border_mode='same')(x)",
    ),
    ("1", "from keras.layers import merge\nx = merge([a, b], mode='concat', concat_axis=1)"),
    ("1", "from keras.models import Model\nm = Model(input=a, output=b)"),
    ("1", "from keras.layers import Dense\nDense(output_dim=10)"),
    ("2", "import tensorflow as tf\nfrom tensorflow.python.keras.layers import Dense"),
    ("2", "from tensorflow.contrib.keras import layers"),
    ("2", "import tensorflow as tf\nsess = tf.compat.v1.Session()\nfrom keras.layers import Dense"),
    ("3", "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras"),
    ("3", "import keras\n# nb_epoch = 3\n'''border_mode=1'''\nx = keras.layers.Dense(3)"),
    ("2", "from keras.layers import (Dense,\n    CuDNNLSTM,  # fast\n    Dropout)"),
    ("2", "from keras.utils import np_utils"),
    (
        "2",
        "from tensorflow.keras.layers import *\nSeparableConv2D(4, 3, kernel_regularizer=l2(d))(x)",
    ),
    ("2", "import tensorflow as tf\no = tf.keras.optimizers.legacy.Adam(1e-3)"),
    ("3", "import keras\nx = keras.ops.mean(y)"),
    ("2", "from keras.engine import Layer"),
    (
        "2",
        "from keras.layers.core import Dense\nnb_epoch = 3\nnb_filter = 4\ndef f(x, nb_filter=3):\n    return Conv2D(nb_filter, 3)(x)\nmodel.fit(x, y, epochs=nb_epoch)",
    ),
    ("1", "from keras.layers import Conv2D\nmodel.fit(x, y, batch_size=f(3), nb_epoch=12)"),
    ("1", "from keras.layers import Convolution2D\nConvolution2D(64, 3, 3, activation='relu')"),
    ("3", "from keras.layers import Convolution2D\nConvolution2D(64, (3, 3), activation='relu')"),
    (
        "2",
        "from keras.layers import Conv2D, LSTM\nConv2D(4, (3, 3), kernel_initializer='he_normal')\nConv3D(4, 3, 3, 3, border_mode='same')",
    ),
    ("1", "from keras.layers import LSTM\nLSTM(output_dim=32,\n  input_shape=(3, 4))"),
    (
        "3",
        "from keras.layers import Layer\nclass Att(Layer):\n    def __init__(self, W_regularizer=None, b_constraint=None):\n        pass\nAtt(W_regularizer=f(2))",
    ),
    (
        "2",
        "from keras.layers import Dense\nDense(3, W_regularizer=l2(1))\nclass Att(Layer):\n    def compute_output_shape(self, s): return s",
    ),
]


@pytest.mark.parametrize(("flavour", "source"), FLAVOURS)
def test_flavour(flavour: str, source: str) -> None:
    assert flavour_of(source) == flavour


def test_imports_within_statements_are_brought_up_to_tf_keras() -> None:
    tried = "try:\n    from keras.engine import merge\nexcept ImportError:\n    from keras.layers.merge import add, concatenate"
    (made,) = modern(ast.parse(tried).body[0], "2")
    assert "from tf_keras.layers import concatenate" in ast.unparse(made)
    assert "keras.layers.merge" not in ast.unparse(made)


# -- names ----------------------------------------------------------------------------------------

NAMES = """
keras.layers.core.Merge                              keras.layers.Merge
keras.layers.convolutional.Convolution2D             keras.layers.Convolution2D
keras.layers.convolutional.conv2d.Conv2D             keras.layers.Conv2D
keras.layers.advanced_activations.LeakyReLU          keras.layers.LeakyReLU
keras.layers.normalization_v2.BatchNormalization     keras.layers.BatchNormalization
keras.layers.merge                                   keras.layers.merge
keras.layers.merge.concatenate                       keras.layers.concatenate
keras.layers.merging.concatenate.concatenate         keras.layers.concatenate
keras.engine.topology.merge                          keras.layers.merge
keras.legacy.layers.merge                            keras.layers.merge
keras.legacy.layers.MaxoutDense                      keras.layers.MaxoutDense
keras.layers.embeddings.Embedding                    keras.layers.Embedding
keras.layers.recurrent.LSTM                          keras.layers.LSTM
keras.layers.rnn.lstm.LSTM                           keras.layers.LSTM
keras.layers.wrappers.TimeDistributed                keras.layers.TimeDistributed
keras.layers.noise.GaussianNoise                     keras.layers.GaussianNoise
keras.layers.pooling.MaxPooling2D                    keras.layers.MaxPooling2D
keras.layers.local.LocallyConnected1D                keras.layers.LocallyConnected1D
keras.layers.experimental.preprocessing              keras.layers.experimental.preprocessing
keras.layers.experimental.preprocessing.Rescaling    keras.layers.Rescaling
keras.engine.topology.Layer                          keras.Layer
keras.engine.base_layer.InputSpec                    keras.layers.InputSpec
keras.engine.training.Model                          keras.Model
keras.engine.network.Network                         keras.Model
keras.engine.sequential.Sequential                   keras.Sequential
keras.engine.topology.get_source_inputs              keras.utils.get_source_inputs
keras.engine.topology                                keras.layers.topology
keras.utils.layer_utils.get_source_inputs            keras.utils.get_source_inputs
keras.utils.np_utils                                 keras.utils.np_utils
keras.utils.np_utils.to_categorical                  keras.utils.to_categorical
keras.utils.vis_utils.plot_model                     keras.utils.plot_model
keras.utils.visualize_util.plot                      keras.utils.plot_model
keras.backend.tensorflow_backend                     keras.backend
keras.backend.tensorflow_backend.set_session         keras.backend.set_session
keras.initializations.normal                         keras.initializers.normal
keras.objectives.mse                                 keras.losses.mse
keras.regularizers.WeightRegularizer                 keras.regularizers.L1L2
keras.constraints.maxnorm                            keras.constraints.max_norm
keras.optimizer_v2.adam.Adam                         keras.optimizers.Adam
keras.optimizers.optimizer_experimental.adam.Adam    keras.optimizers.Adam
keras.wrappers.scikit_learn.KerasClassifier          keras.wrappers.scikit_learn.KerasClassifier
keras.preprocessing.sequence.pad_sequences           keras.preprocessing.sequence.pad_sequences
tensorflow.python.keras.layers.Dense                 keras.layers.Dense
tensorflow.python.keras._impl.keras.layers.Dense     keras.layers.Dense
tensorflow.contrib.keras.python.keras.layers.Dense   keras.layers.Dense
tensorflow.compat.v1.keras.layers.CuDNNGRU           keras.layers.CuDNNGRU
tensorflow.compat.v1.keras.layers.GRU                keras.layers.GRUV1
tensorflow.compat.v1.keras.layers.Dense              keras.layers.Dense
tf.compat.v1.keras                                   keras.compat.v1
tensorflow.compat.v1.keras.layers                    keras.compat.v1.layers
keras.compat.v1.layers.LSTMCell                      keras.layers.LSTMCellV1
keras.compat.v1.backend                              keras.backend
tensorflow.keras.experimental.CosineDecay            keras.optimizers.schedules.CosineDecay
tensorflow.keras.optimizers.experimental.AdamW       keras.optimizers.AdamW
tensorflow.keras                                     keras
keras.api._v2.keras.layers.Dense                     keras.layers.Dense
keras_core.layers.Dense                              keras.layers.Dense
keras.applications.VGG16                             keras.applications.VGG16
keras.applications.vgg16.VGG16                       keras.applications.VGG16
keras.applications.resnet50.ResNet50                 keras.applications.ResNet50
keras_applications.resnet_v2.ResNet50V2              keras.applications.ResNet50V2
keras.applications.vgg16                             keras.applications.vgg16
keras.applications.vgg16.preprocess_input            keras.applications.vgg16.preprocess_input
keras.applications.mobilenet.DepthwiseConv2D         keras.layers.DepthwiseConv2D
keras.applications.mobilenet.relu6                   keras.activations.relu6
"""


@pytest.mark.parametrize(("path", "expected"), [line.split() for line in NAMES.split("\n") if line])
def test_canonical_names(path: str, expected: str) -> None:
    assert canonical(path) == expected


# -- layers ---------------------------------------------------------------------------------------


def made(name: str, *args: Any, flavour: str = "1", **kwargs: Any) -> Layer:
    name, new_args, new_kwargs = modernize(name, list(args), kwargs, flavour)
    return REGISTRY[name].bind(new_args, new_kwargs, flavour)


CASES: list[tuple[Layer, dict[str, Any]]] = [
    (
        made("Convolution2D", 64, 3, 5, border_mode="same", subsample=(2, 1), dim_ordering="tf"),
        {
            "filters": 64,
            "kernel_size": (3, 5),
            "padding": "same",
            "strides": (2, 1),
            "data_format": "channels_last",
        },
    ),
    (made("Convolution2D", 64, 3, nb_col=2), {"kernel_size": (3, 2)}),
    (made("Convolution2D", 64, nb_row=1, nb_col=2), {"kernel_size": (1, 2)}),
    (
        made("Convolution2D", nb_filter=8, nb_row=1, nb_col=2, init="he_normal", bias=False),
        {"filters": 8, "kernel_size": (1, 2), "kernel_initializer": "he_normal", "use_bias": False},
    ),
    (
        made("Convolution2D", 8, 3, 3, "he_normal", "relu", None, "same"),
        {
            "kernel_size": (3, 3),
            "kernel_initializer": "he_normal",
            "activation": "relu",
            "padding": "same",
        },
    ),
    (made("Conv2D", 64, 3, 2, flavour="2"), {"kernel_size": 3, "strides": 2}),
    (made("Convolution2D", 64, (3, 3), (2, 2)), {"kernel_size": (3, 3), "strides": (2, 2)}),
    (
        made("Convolution1D", nb_filter=8, filter_length=5, subsample_length=2, W_regularizer="l2"),
        {"filters": 8, "kernel_size": 5, "strides": 2, "kernel_regularizer": "l2"},
    ),
    (made("Convolution3D", 8, 3, 4, 5), {"kernel_size": (3, 4, 5)}),
    (
        made("Convolution3D", 8, kernel_dim1=1, kernel_dim2=2, kernel_dim3=3),
        {"kernel_size": (1, 2, 3)},
    ),
    (
        made("AtrousConvolution2D", 8, 3, 3, atrous_rate=(2, 2)),
        {"kernel_size": (3, 3), "dilation_rate": (2, 2)},
    ),
    (
        made("Deconvolution2D", 8, 3, 3, (None, 14, 14, 8), subsample=(2, 2), border_mode="same"),
        {"filters": 8, "kernel_size": (3, 3), "strides": (2, 2), "padding": "same"},
    ),
    (
        made("Deconvolution2D", 8, 3, 3, output_shape=(None, 14, 14, 8)),
        {"kernel_size": (3, 3), "padding": "valid"},
    ),
    (
        made("SeparableConvolution2D", 8, 3, 3, depth_multiplier=2, border_mode="same"),
        {"filters": 8, "kernel_size": (3, 3), "depth_multiplier": 2, "padding": "same"},
    ),
    (
        made("SeparableConv2D", 8, 3, kernel_regularizer="l2", flavour="2"),
        {"filters": 8, "kernel_size": 3, "depthwise_regularizer": None},
    ),
    (
        made("Dense", output_dim=10, init="uniform", W_regularizer="l2", b_constraint="nonneg"),
        {
            "units": 10,
            "kernel_initializer": "uniform",
            "kernel_regularizer": "l2",
            "bias_constraint": "nonneg",
        },
    ),
    (made("TimeDistributedDense", 10), {"units": 10}),
    (made("Dropout", p=0.3), {"rate": 0.3}),
    (made("SpatialDropout2D", p=0.3, dim_ordering="default"), {"rate": 0.3, "data_format": None}),
    (made("GaussianNoise", sigma=0.1), {"stddev": 0.1}),
    (made("GaussianDropout", p=0.1), {"rate": 0.1}),
    (made("LeakyReLU", alpha=0.1), {"negative_slope": 0.1}),
    (made("PReLU", init="zero"), {"alpha_initializer": "zero"}),
    (
        made("Embedding", 100, 8, init="normal", input_length=7, W_regularizer="l2"),
        {"embeddings_initializer": "normal", "embeddings_regularizer": "l2"},
    ),
    (
        made("LSTM", output_dim=8, inner_init="glorot_uniform", inner_activation="sigmoid"),
        {
            "units": 8,
            "recurrent_initializer": "glorot_uniform",
            "recurrent_activation": "sigmoid",
            "unit_forget_bias": True,
        },
    ),
    (
        made("LSTM", 8, forget_bias_init="zero", consume_less="gpu", dropout_W=0.1, dropout_U=0.2),
        {
            "unit_forget_bias": False,
            "dropout": 0.1,
            "recurrent_dropout": 0.2,
            "recurrent_activation": "hard_sigmoid",
        },
    ),
    (made("GRU", 8), {"recurrent_activation": "hard_sigmoid", "reset_after": False}),
    (made("GRU", 8, flavour="2"), {"recurrent_activation": "sigmoid", "reset_after": True}),
    (made("SyncBatchNormalization", axis=1), {"axis": 1, "synchronized": True}),
    (made("CuDNNGRU", 8), {"recurrent_activation": "sigmoid", "reset_after": True}),
    (made("CuDNNLSTM", 8), {"recurrent_activation": "sigmoid"}),
    (
        made("MaxPooling2D", (2, 2), strides=(1, 1), border_mode="same", dim_ordering="th"),
        {"pool_size": (2, 2), "padding": "same", "data_format": "channels_first"},
    ),
    (made("MaxPooling1D", pool_length=4, stride=2), {"pool_size": 4, "strides": 2}),
    (made("UpSampling1D", length=3), {"size": 3}),
    (made("ZeroPadding2D", (1, 1), dim_ordering="th"), {"data_format": "channels_first"}),
    (
        made("BatchNormalization", mode=0, axis=1, gamma_init="one"),
        {"axis": 1, "gamma_initializer": "one"},
    ),
    (made("Flatten"), {}),
]


@pytest.mark.parametrize(("layer", "settings"), CASES, ids=lambda v: type(v).__name__)
def test_old_arguments(layer: Layer, settings: dict[str, Any]) -> None:
    assert {name: getattr(layer, name) for name in settings} == settings


@pytest.mark.parametrize("name", ["LSTM", "LSTMCell", "GRU", "GRUCell"])
def test_layers_of_version_1_start_as_those_of_tf_keras(name: str) -> None:
    theirs = getattr(importlib.import_module("tf_keras.api._v1.keras.layers"), name)(3).get_config()
    layer = REGISTRY[f"{name}V1"].bind([3], {}, "2")
    for setting in ("activation", "recurrent_activation", "use_bias", "reset_after"):
        assert getattr(layer, setting, None) == theirs.get(setting)
    assert layer.keras_kind == theirs["name"].rstrip("_0123456789")


VERSION_1 = """
import tensorflow.compat.v1 as tf
from tensorflow.compat.v1 import keras
from tensorflow.compat.v1.keras.layers import *
from tensorflow.compat.v1.keras.layers import LSTMCell as Cell


def first():
    inputs = tf.keras.Input((5, 3))
    return tf.keras.Model(inputs, tf.keras.layers.GRU(4)(inputs))


def second():
    inputs = Input((5, 3))
    x = Bidirectional(LSTM(4, return_sequences=True))(BatchNormalization()(inputs))
    x = keras.layers.RNN(Cell(3), return_sequences=True)(x)
    return keras.models.Model(inputs, tf.compat.v1.keras.layers.LSTM(2, "tanh", "sigmoid")(x))
"""


@pytest.mark.parametrize("name", ["first", "second"])
def test_models_of_version_1_compute_what_tf_keras_does(name: str) -> None:
    check_with_tf_keras(VERSION_1, name, (5, 3))


PARTS_OF_COUNTS = """
import tensorflow as tf, tf_keras

layers = tf_keras.layers


def squeezed(x, filters, ratio=0.4):
    y = layers.SeparableConv2D(filters * ratio, 1)(x)
    return x * layers.Conv2DTranspose(filters, 1)(layers.Conv2D(filters * ratio, 1)(y))


def build(width=16):
    inputs = tf_keras.Input((6, 5, 3))
    x = layers.GlobalAveragePooling2D()(squeezed(layers.Conv2D(width, 3)(inputs), width))
    return tf_keras.Model(inputs, layers.Dense(9 / 2)(layers.Dense(width / 3)(x)))
"""


def test_counts_that_are_no_whole_numbers() -> None:
    check_with_tf_keras(PARTS_OF_COUNTS, "build", (6, 5, 3))


MASKS_OF_STEPS = """
import tensorflow as tf, tf_keras

layers = tf_keras.layers


def build(width=4):
    inputs = tf_keras.Input((7, 2))
    indices = layers.Lambda(lambda x: tf.cast(tf.abs(x) * 2, "int32"))(inputs)
    x = layers.Embedding(20, width, mask_zero=True)(indices)
    x = layers.TimeDistributed(layers.Bidirectional(layers.LSTM(3)))(x)
    x = layers.Bidirectional(layers.LSTM(width, return_sequences=True))(x)
    return tf_keras.Model(inputs, layers.Dense(2)(x))
"""


def test_steps_in_which_nothing_is_are_masked() -> None:
    check_with_tf_keras(MASKS_OF_STEPS, "build", (7, 2))


PRIVATE_TYPES = """
import tensorflow as tf, tf_keras


class Halved(tf_keras.layers.Layer):
    def call(self, inputs):
        half = tf.constant(0.5, dtype=self._compute_dtype)
        return tf.cast(inputs, self._compute_dtype_object) * half


def build():
    inputs = tf_keras.Input((4,))
    return tf_keras.Model(inputs, tf_keras.layers.Dense(3)(Halved()(inputs)))
"""


def test_what_keras_2_keeps_of_the_type_of_a_layer() -> None:
    check_with_tf_keras(PRIVATE_TYPES, "build", (4,))


POLICIES = """
import tensorflow as tf, tf_keras
from tf_keras import layers, mixed_precision

mixed_precision.set_global_policy(mixed_precision.Policy("float32"))


class Turned(layers.Layer):
    def __init__(self, length):
        super().__init__()
        kind = mixed_precision.global_policy().compute_dtype
        self.waves = tf.sin(tf.cast(tf.range(length), dtype=kind) / 3)

    def call(self, x):
        return tf.cast(x, self.dtype_policy.compute_dtype) * self.waves[: tf.shape(x)[1], None]


def build():
    inputs = tf_keras.Input((4, 3))
    x = Turned(6)(inputs)
    if mixed_precision.global_policy().name == "mixed_float16":
        x = layers.ReLU()(x)
    full = mixed_precision.Policy("float32")
    return tf_keras.Model(inputs, layers.Activation("softmax", dtype=full)(x))
"""


def test_policies_of_precision() -> None:
    check_with_tf_keras(POLICIES, "build", (4, 3))
    log = Log()
    mixed = POLICIES.replace('Policy("float32"))', 'Policy("mixed_float16"))')
    translate(mixed, "model.py", Options(), log)
    assert any("torch.autocast" in d.message for d in log.diagnostics)


NAMED = """
import tensorflow as tf, tf_keras
from tf_keras import backend as K
from tf_keras.utils import get_custom_objects

layers = tf_keras.layers


def wave(x):
    return x * K.sigmoid(1.5 * x)


def slow_tanh(x):
    return 1.7 * K.tanh(0.6 * x)


get_custom_objects().update({"wave": layers.Activation(wave), "slow": slow_tanh})
get_custom_objects()["bend"] = lambda x: x + K.softplus(x)


def build():
    inputs = tf_keras.Input((5, 3))
    x = layers.Dense(4, activation="wave")(inputs)
    x = layers.Activation("bend")(layers.Dense(4, "slow")(x))
    x = layers.RNN(layers.GRUCell(3), time_major=False)(x)
    return tf_keras.Model(inputs, layers.Lambda(tf_keras.activations.get("bend"))(x))
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_source_gives_a_name_among_those_of_keras() -> None:
    check_with_tf_keras(NAMED, "build", (5, 3))


def test_a_name_of_keras_that_a_source_gives_to_something_else() -> None:
    log = Log()
    translate(NAMED.replace('"slow"', '"tanh"'), "model.py", Options(), log)
    assert any("within a recurrent layer" in d.message for d in log.diagnostics)


def check_with_tf_keras(source: str, name: str, shape: tuple[int, ...]) -> None:
    """Translates the source and compares with what the parity test runs of it."""
    log = Log()
    done = translate(source, "model.py", Options(), log)
    assert not log.diagnostics
    ours: dict[str, Any] = {"__name__": "written"}
    sys.modules["written"] = ModuleType("written")
    exec(compile(done.code, "written.py", "exec"), ours)
    theirs: dict[str, Any] = {}
    exec(slice_of(source, [name], flavour="2"), theirs)
    keras_model, model = theirs[name](), ours[name]().eval()
    ours["load_keras_weights"](model, keras_model)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    given = torch.from_numpy(np.moveaxis(x, -1, 1).copy() if len(shape) == 3 else x)
    np.testing.assert_allclose(model(given).detach(), keras_model(x).numpy(), atol=1e-5)


def test_old_layers_are_of_keras_2_beyond_their_defaults() -> None:
    assert made("GRU", 8).flavour == "2"
    assert made("GRU", 8, flavour="3").flavour == "3"


@pytest.mark.parametrize("name", ["LSTM", "Convolution1D", "TimeDistributedDense"])
def test_sequences_say_their_shape_in_two_arguments(name: str) -> None:
    arguments = (
        {"nb_filter": 3, "filter_length": 2} if name == "Convolution1D" else {"output_dim": 3}
    )
    assert made(name, input_dim=16, input_length=5, **arguments).common.input_shape == (5, 16)
    assert made(name, input_dim=16, **arguments).common.input_shape == (None, 16)


def test_the_length_of_an_embedding() -> None:
    assert made("Embedding", 100, 8, input_length=7).common.input_length == 7


@pytest.mark.parametrize("name", ["MaxoutDense", "Highway", "Merge", "SReLU"])
def test_what_no_later_keras_has_is_said(name: str) -> None:
    with pytest.raises(RuleError) as caught:
        modernize(name, [], {}, "1")
    assert caught.value.code == "KT203"
    assert caught.value.hint


def test_a_mode_of_batch_normalization_that_later_keras_lacks() -> None:
    with pytest.raises(RuleError, match="mode=1"):
        modernize("BatchNormalization", [], {"mode": 1}, "1")


@pytest.mark.parametrize(
    ("args", "kwargs", "name", "settings"),
    [
        (["x"], {}, "Add", {}),
        (["x", "sum"], {"name": "total"}, "Add", {"name": "total"}),
        (["x"], {"mode": "mul"}, "Multiply", {}),
        (["x"], {"mode": "ave"}, "Average", {}),
        (["x"], {"mode": "max"}, "Maximum", {}),
        (["x", "concat"], {"concat_axis": 1}, "Concatenate", {"axis": 1}),
        (["x"], {"mode": "concat"}, "Concatenate", {"axis": -1}),
        (["x"], {"mode": "dot", "dot_axes": [1, 2]}, "Dot", {"axes": [1, 2]}),
    ],
)
def test_merge(
    args: list[Any], kwargs: dict[str, Any], name: str, settings: dict[str, Any]
) -> None:
    inputs, found, given = merge_call(args, kwargs)
    assert (inputs, found, given) == ("x", name, settings)


def test_merge_with_a_function_is_a_lambda_layer() -> None:
    function = KerasFunction("anything")
    assert merge_call(["x"], {"mode": function, "output_shape": (3,)}) == (
        "x",
        "Lambda",
        {"function": function},
    )


def test_a_mode_of_merge_that_is_not_done() -> None:
    with pytest.raises(RuleError, match="cos"):
        merge_call(["x", "cos"], {})
