"""Every model that a source builds has an entry and a factory that makes it."""

from __future__ import annotations

import pytest

from kt_translate.diagnostics import Log
from kt_translate.layers.layer import Layer
from kt_translate.lower.writer import Writer
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
import numpy as np
import keras
from keras import Input, Model, Sequential, layers
from keras.layers import Dense, Conv2D, Flatten, Reshape, BatchNormalization, LeakyReLU
"""

GAN = HEAD + """
class GAN():
    def __init__(self, rows=9, latent_dim=6):
        self.img_shape = (rows, 8, 1)
        self.latent_dim = latent_dim
        optimizer = keras.optimizers.Adam(0.0002, 0.5)
        self.discriminator = self.build_discriminator()
        self.discriminator.compile(loss='binary_crossentropy', optimizer=optimizer, metrics=['accuracy'])
        self.generator = self.build_generator()
        z = Input(shape=(self.latent_dim,))
        img = self.generator(z)
        self.discriminator.trainable = False
        self.combined = Model(z, self.discriminator(img))
        self.combined.compile(loss='binary_crossentropy', optimizer=optimizer)

    def build_generator(self):
        model = Sequential()
        model.add(Dense(16, input_dim=self.latent_dim))
        model.add(LeakyReLU(0.25))
        model.add(BatchNormalization(momentum=0.8))
        model.add(Dense(int(np.prod(self.img_shape)), activation='tanh'))
        model.add(Reshape(self.img_shape))
        noise = Input(shape=(self.latent_dim,))
        return Model(noise, model(noise))

    def build_discriminator(self):
        model = Sequential()
        model.add(Conv2D(4, kernel_size=3, strides=2, input_shape=self.img_shape, padding="same"))
        model.add(LeakyReLU(0.25))
        model.add(Flatten())
        model.add(Dense(1, activation='sigmoid'))
        img = Input(shape=self.img_shape)
        return Model(img, model(img))

    def train(self, epochs, batch_size=128):
        for epoch in range(epochs):
            noise = np.random.normal(0, 1, (batch_size, self.latent_dim))
            loss = self.combined.train_on_batch(noise, np.ones((batch_size, 1)))
            print("%d [loss: %f]" % (epoch, loss))


if __name__ == '__main__':
    gan = GAN()
"""


@pytest.mark.usefixtures("float64")
def test_a_class_that_keeps_models() -> None:
    pair = Pair(GAN)
    assert not pair.errors
    names = {m["source_name"] for m in pair.done.models}
    assert names == {
        *("GAN.discriminator", "GAN.generator", "GAN.combined"),
        *("GAN.build_generator", "GAN.build_discriminator"),
    }
    assert {m["source_kind"] for m in pair.done.models} == {"method"}
    pair.check("GAN.generator", "GAN().generator")
    pair.check("GAN.build_generator", "GAN(5, 3).build_generator()", "5, 3")
    pair.check("GAN.discriminator", "GAN(rows=10).discriminator", "rows=10")
    pair.check("GAN.combined", "GAN(7).combined", "7")
    assert [t["model"] for t in pair.done.training] == ["GAN.discriminator", "GAN.combined"]
    assert pair.done.code.count("class ") < 40


METHODS = HEAD + """
class Base:
    def __init__(self, units):
        self.units = units

    def head(self, x, classes):
        return Dense(classes, activation="softmax")(x)


class Classifier(Base):
    def __init__(self, units, classes=3):
        super().__init__(units)
        self.classes = classes

    def build(self, features, depth=2):
        inputs = Input((features,))
        x = inputs
        for _ in range(depth):
            x = Dense(self.units, activation="relu")(x)
        return Model(inputs, self.head(x, self.classes))

    @staticmethod
    def linear(features):
        return Sequential([Input((features,)), Dense(1)])

    def set_up(self):
        self.model = self.build(4)


model = Classifier(8).build(5)
"""


@pytest.mark.usefixtures("float64")
def test_methods_with_parameters_of_their_own() -> None:
    pair = Pair(METHODS)
    assert not pair.errors
    pair.check("Classifier.build", "Classifier(7, 4).build(6)", "7, 6, 4")
    pair.check("Classifier.linear", "Classifier.linear(5)", "5")
    pair.check("Classifier.model", "[c := Classifier(3), c.set_up(), c.model][2]", "3")
    pair.check("model", "model")


HANDED = HEAD + """
class Coder:
    def load(self, features, path):
        self.create(features, path=path)

    def create(self, features, width=3, path=None):
        inputs = Input((features,))
        self.encoder = Model(inputs, Dense(width)(inputs))
        if path:
            self.encoder.load_weights(path)
"""


@pytest.mark.usefixtures("float64")
def test_what_a_method_makes_is_not_told_again_for_those_that_call_it() -> None:
    pair = Pair(HANDED)
    assert not pair.errors
    assert [e["source_name"] for e in pair.done.models] == ["Coder.encoder"]
    pair.check("Coder.encoder", "[c := Coder(), c.create(4, 5), c.encoder][2]", "4, 5")


FUNCTIONS = HEAD + """
LATENT = 5

def build_autoencoder(features, width=7):
    inputs = Input((features,), name="features")
    code = Dense(LATENT, activation="relu")(Dense(width)(inputs))
    encoder = Model(inputs, code, name="encoder")
    latent = Input((LATENT,))
    decoder = Model(latent, Dense(features)(latent), name="decoder")
    return encoder, decoder, Model(inputs, decoder(encoder(inputs)))

def named(features):
    inputs = Input((features,))
    x = Dense(4)(inputs)
    return {"whole": Model(inputs, Dense(2)(x)), "part": Model(inputs, x)}

def with_notes(units=3):
    return Sequential([Input((4,)), Dense(units)]), "a note"

encoder, decoder, autoencoder = build_autoencoder(12)
both = named(3)
several = [with_notes(n)[0] for n in (2, 4)]
small = with_notes(units=2)[0]
"""


@pytest.mark.usefixtures("float64")
def test_functions_that_give_several_models() -> None:
    pair = Pair(FUNCTIONS)
    assert not pair.errors
    for index in (0, 2):  # the report's shapes are those of the first
        source = f"build_autoencoder(6, 4)[{index}]"
        pair.check("build_autoencoder", source, "6, 4", index=index)
    for name in ("encoder", "decoder", "autoencoder", "both['whole']", "both['part']", "small"):
        pair.check(name, name)
    pair.check("several[0]", "several[0]")
    pair.check("several[1]", "several[1]")
    pair.check("with_notes", "with_notes(6)[0]", "6")
    code = pair.done.code
    assert "def make_small() -> WithNotes:" in code
    assert "return WithNotes(units=2)" in code
    assert "return autoencoder.encoder, autoencoder.decoder, autoencoder" in code


PARTS = HEAD + """
WIDTH = 4

def down(filters, apply_norm=True):
    block = Sequential()
    block.add(Conv2D(filters, 3, strides=2, padding="same", use_bias=False))
    if apply_norm:
        block.add(BatchNormalization())
    block.add(LeakyReLU(0.25))
    return block

def Generator(widths=(6, 8)):
    inputs = Input((9, 8, 2))
    x = down(WIDTH, apply_norm=False)(inputs)
    stack = [down(width) for width in widths]
    for layer in stack:
        x = layer(x)
    return Model(inputs, x)

steps = 3
def late():
    return Sequential([Input((steps,)), Dense(2)])
early = late()
steps = 5
later = late()
generator = Generator()
"""


@pytest.mark.usefixtures("float64")
def test_models_made_of_what_functions_give() -> None:
    pair = Pair(PARTS)
    assert not pair.errors
    code = pair.done.code
    assert "self.down = Down(2, filters=WIDTH, apply_norm=False)" in code
    assert code.count('(nn.Module):\n    """``down``') == 1
    pair.check("generator", "generator")
    pair.check("Generator", "Generator()")
    pair.check("early", "early")  # what the function reads has changed since
    pair.check("later", "later")
    source = "[m := down(5), m.build((None, 9, 8, 4))][0]"
    pair.check("down", source, "5, in_channels=4")


REBOUND = HEAD + """
model = Sequential([Input((4,)), Dense(3)])
model.compile(loss="mse")
first = model
model = Sequential()
model.add(Input((5,)))
model.add(Dense(2, activation="tanh"))
other = model
model.add(Dense(1))
for width in (3, 4):
    model = Sequential([Input((6,)), Dense(width)])
"""


@pytest.mark.usefixtures("float64")
def test_a_variable_bound_to_several_models() -> None:
    pair = Pair(REBOUND)
    assert not pair.errors
    assert [m["line"] for m in pair.entries("model", "variable")] == [7, 10, 16]
    pair.check("model", "first", occurrence=0)
    pair.check("model", "other", occurrence=1)
    pair.check("model", "model", occurrence=2)
    pair.check("first", "first")
    pair.check("other", "other")
    assert pair.entries("first")[0]["torch_name"] == pair.entries("model")[0]["torch_name"]


TOGETHER = HEAD + """
from keras.layers import Conv2DTranspose
def build(width, code=2):
    picture = Input((7, 6, 3))
    x = Conv2D(width, 3, activation="relu")(picture)
    encoder = Model(picture, Dense(code)(Flatten()(x)))
    point = Input((code,))
    y = Reshape((3, 4, width))(Dense(12 * width)(point))
    decoder = Model(point, [Conv2DTranspose(3, 3)(y), y])
    return {"all": Model(picture, decoder(encoder(picture))[0]), "parts": (encoder, decoder)}
"""


@pytest.mark.usefixtures("float64")
def test_each_of_several_models_has_its_own_inputs_and_outputs() -> None:
    pair = Pair(TOGETHER)
    assert not pair.errors
    (entry,) = pair.entries("build")
    assert [m["path"] for m in entry["models"]] == ["['all']", "['parts'][0]", "['parts'][1]"]
    assert entry["inputs"] == entry["models"][0]["inputs"]
    assert entry["models"][2]["inputs"][0]["permute"] is None
    for index, path in enumerate(m["path"] for m in entry["models"]):
        pair.check("build", f"build(4, 3){path}", "4, 3", index=index)


LOCAL = HEAD + """
def build(inputs, classes):
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.Conv2D(classes, 1)(x)
    return Model(inputs, layers.GlobalAveragePooling2D()(x))

def never_called(epochs=3):
    scratch = Sequential([Input((4,)), Dense(2)])
    scratch.compile(loss="mse")
    scratch.fit(np.zeros((8, 4)), np.zeros((8, 2)), epochs=epochs)

def main():
    net = build(Input((9, 8, 3)), 5)
    net.compile(optimizer="sgd", loss="mse")
    inner = Sequential([Input((3,)), Dense(2)])
    inner.summary()

main()
"""


@pytest.mark.usefixtures("float64")
def test_models_that_functions_keep_to_themselves() -> None:
    pair = Pair(LOCAL)
    assert not pair.errors
    entry = pair.entries("build", "function")[0]
    assert entry["inferred"] == {"in_channels": 3}
    pair.check("build", "build(Input((9, 8, 3)), 4)", "4")
    pair.check("build", "build(Input((9, 8, 2)), 4)", "4, in_channels=2")
    pair.check("inner", "Sequential([Input((3,)), Dense(2)])")
    assert [m["line"] for m in pair.entries("scratch", "variable")] == [13]


SCRIPT = HEAD + """
import argparse

class Trainer(object):
    def __init__(self, args):
        self.model = self.build(args.classes)

    def build(self, classes):
        return Sequential([Input((4,)), Dense(classes, activation="softmax")])

def get_model(classes, rate=0.5):
    inputs = Input((3,))
    return Model(inputs, Dense(classes)(layers.Dropout(rate)(inputs)))

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--classes", type=int, default=6)
    parser.add_argument("--name", "-n")
    args = parser.parse_args([])
    trainer = Trainer(args)
    model = get_model(args.classes)

if __name__ == "__main__":
    main()
"""


@pytest.mark.usefixtures("float64")
def test_a_script_with_a_command_line() -> None:
    pair = Pair(SCRIPT)
    assert not pair.errors
    assert all(m["status"] == "translated" for m in pair.done.models)
    pair.check("get_model", "get_model(5)", "5")
    source = "Trainer(argparse.Namespace(classes=6)).model"
    pair.check("Trainer.model", source, "argparse.Namespace(classes=6)")
    pair.check("Trainer.build", "Trainer(argparse.Namespace(classes=6)).build(4)", "None, 4")


GUESSED = HEAD + """
def unet(input_size, n_classes, filters=4):
    inputs = Input(shape=input_size)
    x = Conv2D(filters, 3, padding="same", activation="relu")(inputs)
    return Model(inputs, Conv2D(n_classes, 1)(x))

def deferred(units):
    return Sequential([Dense(units), Dense(2)])

def flat(units):
    return Sequential([Flatten(), Reshape((2, -1)), Dense(units)])
"""


OCR = """
import keras
from keras.layers import Dense, Input, Lambda

def ocr(training):
    inputs = Input((4,))
    y = Dense(3)(inputs)
    labels = Input((3,))
    loss = Lambda(lambda a: a[0] - a[1])([y, labels])
    if training:
        return keras.Model([inputs, labels], loss)
    else:
        return keras.Model([inputs], y)
"""


@pytest.mark.usefixtures("float64")
def test_a_likely_sample_goes_before_the_first_branch() -> None:
    pair = Pair(OCR)
    pair.check("ocr", "ocr(False)", "False")
    assert len(pair.entries("ocr")[0]["inputs"]) == 1


@pytest.mark.usefixtures("float64")
def test_functions_that_nothing_calls() -> None:
    pair = Pair(GUESSED)
    pair.check("unet", "unet((6, 7, 3), 4)", "(6, 7, 3), 4")
    warnings = [d for d in pair.log.diagnostics if d.severity == "warning"]
    assert [d.code for d in warnings] == ["KT101", "KT101"]
    assert "input_size=(64, 64, 3)" in warnings[0].message
    assert "in_features is a parameter" in warnings[1].message
    errors = [d for d in pair.log.diagnostics if d.severity == "error"]
    assert [d.code for d in errors] == ["KT303"]
    assert "--input-shape flat=" in errors[0].hint
    assert pair.entries("flat")[0]["status"] == "unsupported"
    with pytest.raises(NotImplementedError, match=r"flat \(model.py:\d+\)"):
        pair.torch.flat(3)


@pytest.mark.usefixtures("float64")
def test_an_input_shape_said_by_hand() -> None:
    pair = Pair(GUESSED, input_shapes={"deferred": (5,), "unet": (8, 8, 2), "flat": (5, 4)})
    assert not pair.errors
    assert pair.entries("deferred")[0]["inferred"] == {"in_features": 5}
    source = "[m := deferred(3), m.build((None, 5))][0]"
    pair.check("deferred", source, "3")
    pair.check("unet", "unet((6, 7, 3), 4)", "(6, 7, 3), 4")


USED = HEAD + """
def make_mlp(units=6):
    model = Sequential([Dense(units, activation="relu"), Dense(2)])
    model.compile(loss="mse")
    return model

(x_train, y_train), _ = keras.datasets.boston_housing.load_data()
mlp = make_mlp()
mlp.fit(x_train, y_train, epochs=2)
"""


def test_a_sequential_model_learns_its_input_from_use() -> None:
    log = Log()
    done = translate(USED, "model.py", Options(), log)
    assert not log.has_errors
    entries = {m["source_name"]: m for m in done.models}
    assert entries["make_mlp"]["inferred"] == {"in_features": 13}
    assert entries["mlp"]["inputs"][0]["shape"] == [None, 13]
    assert "return Mlp(in_features=13)" in done.code


COPIES = HEAD + """
model = Sequential([Input((4,)), Dense(3, name="a"), Dense(2)])
clone = keras.models.clone_model(model)
again = keras.models.model_from_json(model.to_json())
clone.add(Dense(5))
model.save("model.keras")
loaded = keras.models.load_model("model.keras")
strange = keras.models.load_model("other.keras")
"""


def test_copies_of_models() -> None:
    log = Log()
    done = translate(COPIES, "model.py", Options(), log)
    entries = {m["source_name"]: m for m in done.models}
    assert entries["again"]["torch_name"] == entries["model"]["torch_name"]
    assert entries["loaded"]["torch_name"] == entries["model"]["torch_name"]
    assert entries["clone"]["outputs"][0]["shape"] == [None, 5]
    assert entries["model"]["outputs"][0]["shape"] == [None, 2]
    assert [(d.code, d.place.line) for d in log.diagnostics] == [("KT107", 13)]


def test_options_that_name_nothing() -> None:
    log = Log()
    options = Options(input_shapes={"modle": (3,)}, settings={"WIDHT": "3", "WIDTH": "7"})
    text = HEAD + "WIDTH = 4\nmodel = Sequential([Input((2,)), Dense(WIDTH)])\n"
    done = translate(text, "model.py", options, log)
    assert "nn.Linear(2, 7)" in done.code
    messages = [d.message for d in log.diagnostics]
    assert any("--input-shape modle" in m and "model" in m for m in messages)
    assert any("--set WIDHT" in m for m in messages)
    assert len(messages) == 2


def test_keras_modules_that_a_function_is_handed() -> None:
    text = (
        "import keras\n"
        "from keras_applications import get_submodules_from_kwargs\n"
        "backend, layers = None, None\n"
        "def block(x, n):\n"
        "    axis = 3 if backend.image_data_format() == 'channels_last' else 1\n"
        "    return layers.BatchNormalization(axis=axis)(layers.Conv2D(n, 3)(x))\n"
        "def build(n=4, **kwargs):\n"
        "    global backend, layers\n"
        "    backend, layers, models, utils = get_submodules_from_kwargs(kwargs)\n"
        "    inputs = layers.Input((8, 9, 3))\n"
        "    return models.Model(inputs, block(inputs, n))\n"
        "def other(n=4, **modules):\n"
        "    layers, models = modules['layers'], modules['models']\n"
        "    inputs = layers.Input((5,))\n"
        "    return models.Model(inputs, layers.Dense(n)(inputs))\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert not log.has_errors
    assert [m["status"] for m in done.models] == ["translated", "translated"]


def test_what_old_sources_ask_of_their_backend() -> None:
    text = (
        "from keras import backend as K\nfrom keras import layers, Model, Input\n"
        "HASHES = {'small': 'abc'}\n"
        "class FixedDropout(layers.Dropout):\n"
        "    def _get_noise_shape(self, inputs):\n"
        "        shape = K.shape(inputs)\n"
        "        return tuple(shape[i] if s is None else s for i, s in enumerate(self.noise_shape))\n"
        "def swish(x):\n"
        "    if K.backend() == 'tensorflow':\n"
        "        return K.tf.nn.swish(x)\n"
        "    return x * K.sigmoid(x)\n"
        "def build(name='large', weights='imagenet', stage=2):\n"
        "    i = Input((8, 8, 3))\n"
        "    x = layers.Conv2D(4, 3, activation=swish, name='one')(i)\n"
        "    x = layers.Conv2D(4, 3, activation=swish, name='two')(x)\n"
        "    x = FixedDropout(0.2, noise_shape=(None, 1, 1, 1))(x)\n"
        "    whole = Model(i, x)\n"
        "    end = whole.get_layer('one' if stage == 1 else 'two').output\n"
        "    if weights == 'imagenet':\n        whole.load_weights(HASHES[name])\n"
        "    return Model(i, layers.Flatten()(end))\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert not log.has_errors
    assert {m["source_name"]: m["status"] for m in done.models}["build"] == "translated"
    assert "silu" in done.code.lower()


def test_layers_that_are_asked_for_by_place_or_name_in_a_builder(float64: None) -> None:
    text = (
        "import keras\n"
        "from keras import layers\n"
        "i = keras.Input((10, 8, 3))\n"
        "x = layers.Conv2D(4, 3, activation='relu', name='a')(i)\n"
        "base = keras.Model(i, layers.Conv2D(5, 3, activation='relu', name='b')(x))\n"
        "def conv(x, n):\n"
        "    x = layers.Conv2D(n, 3, padding='same')(x)\n"
        "    return layers.Activation('relu')(layers.BatchNormalization()(x))\n"
        "def body(inputs):\n"
        "    return keras.Model(inputs, conv(conv(inputs, 4), 6))\n"
        "def late(n=3):\n"
        "    m = body(keras.Input((8, 8, 3)))\n"
        "    y = layers.Dense(n)(layers.GlobalAveragePooling2D()(m.output))\n"
        "    return keras.Model(m.input, [y, layers.Flatten()(m.layers[3].output)])\n"
        "def head(layer_name='a', n=2):\n"
        "    found = base.get_layer(layer_name).output\n"
        "    return keras.Model(base.input, [found, layers.Dense(n)(base.output)])\n"
        "def handed(inputs, n):\n"
        "    backbone = keras.Model(inputs, conv(conv(inputs, 4), 5))\n"
        "    y = conv(backbone.output, n)\n"
        "    return keras.Model(inputs, layers.Concatenate()([y, backbone.layers[3].output]))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("late", "late()")
    pair.check("late", "late(5)", "5")
    pair.check("head", "head(n=3)", "n=3")
    pair.check("handed", "handed(keras.Input((6, 7, 2)), 3)", "n=3, in_channels=2")


def test_models_that_are_implied_by_inputs_and_tensors(float64: None) -> None:
    """Functions and methods that make inputs and give tensors; parts of them stay parts."""
    text = (
        "import keras\n"
        "from keras import layers\n"
        "def encoder(height=32, n=4, pretrained='imagenet'):\n"
        "    assert height % 4 == 0, 'two poolings'\n"
        "    inputs = keras.Input((height, 32, 3))\n"
        "    x = inputs\n"
        "    levels = []\n"
        "    for i in range(3):\n"
        "        x = layers.Conv2D(n * 2**i, 3, padding='same', activation='relu')(x)\n"
        "        levels.append(x)\n"
        "        x = layers.MaxPooling2D(2)(x)\n"
        "    if pretrained == 'imagenet':\n"
        "        keras.Model(inputs, x).load_weights('weights.h5')\n"
        "    return inputs, levels\n"
        "def pair(n=3):\n"
        "    a, b = keras.Input((4,), name='a'), keras.Input((5,), name='b')\n"
        "    return {'x': layers.Dense(n)(a), 'y': layers.Dense(n)(b)}\n"
        "class Net:\n"
        "    def __init__(self, n=4):\n"
        "        self.n = n\n"
        "    def build_network(self, input_shape, **kwargs):\n"
        "        i = keras.Input(input_shape)\n"
        "        return i, layers.Dense(self.n)(i)\n"
        "def finished(i, o):\n"
        "    return keras.Model(i, layers.Reshape((-1, keras.Model(i, o).output_shape[-1]))(o))\n"
        "def whole(n=2, height=8):\n"
        "    i = keras.Input((height, 8, 1))\n"
        "    return finished(i, layers.Conv2D(n, 3)(i))\n"
        "def scaled(x):\n"
        "    return x / 255.0\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    assert {m["source_name"] for m in pair.done.models} == {
        "encoder",
        "pair",
        "Net.build_network",
        "whole",
    }
    pair.check("encoder", "keras.Model(*encoder())")
    pair.check("encoder", "keras.Model(*encoder(36, 2))", "36, 2")
    shape = "(7, 5, 3)"
    pair.check("Net.build_network", f"keras.Model(*Net(5).build_network({shape}))", f"{shape}, n=5")
    pair.check("whole", "whole(3)", "3")
    with pytest.raises(AssertionError, match="height % 4"):
        pair.torch.encoder(34)


def test_samples_that_the_source_would_refuse_give_way_to_others(float64: None) -> None:
    """Checks on arguments say which values they let pass; a layer that is chosen by a text is the sample's."""
    text = (
        "import keras\n"
        "from keras import layers\n"
        "def encoder(height=48, width=56, n=4):\n"
        "    assert height % 32 == 0 and width % 32 == 0\n"
        "    i = keras.Input((height, width, 3))\n"
        "    return keras.Model(i, layers.Conv2D(n, 3, strides=2)(i))\n"
        "def whole(classes, height=100):\n"
        "    if height != 40:\n"
        "        raise ValueError('only 40')\n"
        "    i = keras.Input((height, 8))\n"
        "    return keras.Model(i, layers.Conv1D(classes, 3)(i))\n"
        "def of_any_rank(output_shape, n=3):\n"
        "    dimensions = output_shape[:-1]\n"
        "    if not len(dimensions) in [2, 3]:\n"
        "        raise ValueError('squares and cubes')\n"
        "    conv = getattr(layers, 'Conv{}D'.format(len(dimensions)))\n"
        "    i = keras.Input(output_shape)\n"
        "    return keras.Model(i, conv(n, 3)(i))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("encoder", "encoder(32, 64, 5)", "32, 64, 5")
    pair.check("whole", "whole(3, 40)", "3, 40")
    pair.check("of_any_rank", "of_any_rank((9, 8, 2))", "(9, 8, 2)")
    with pytest.raises(ValueError, match="height != 40"):
        pair.torch.whole(3, 41)
    with pytest.raises(NotImplementedError, match="Conv2D"):
        pair.torch.of_any_rank((9, 8, 7, 2))


def test_lists_of_widths_are_guessed_as_such(float64: None) -> None:
    """A parameter that has a number for each of several layers; what only hands it on is no part of a model."""
    text = (
        "import keras\n"
        "from keras import layers\n"
        "def base(x, filter_num, other=None):\n"
        "    if other is not None:\n"
        "        keras.Model(x, x).load_weights(other)\n"
        "    for n in filter_num[1:]:\n"
        "        x = layers.Conv2D(n, 3, padding='same')(x)\n"
        "    return x\n"
        "def whole(input_size, filter_num):\n"
        "    '''The depth is len(filter_num).'''\n"
        "    i = keras.Input(input_size)\n"
        "    return keras.Model(i, base(layers.Conv2D(filter_num[0], 3)(i), filter_num))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    assert [m["source_name"] for m in pair.done.models] == ["whole"]
    pair.check("whole", "whole((9, 8, 3), (4, 5, 6, 7))", "(9, 8, 3), (4, 5, 6, 7)")


def test_models_from_the_inside_of_a_sequential(float64: None) -> None:
    text = (
        "import keras\n"
        "from keras import layers\n"
        "def base(n=6):\n"
        "    model = keras.Sequential()\n"
        "    model.add(keras.Input((16, 16, 3)))\n"
        "    model.add(layers.Conv2D(n, 3, activation='relu', name='first'))\n"
        "    model.add(layers.MaxPooling2D(2))\n"
        "    model.add(layers.Conv2D(4, 3))\n"
        "    model.add(layers.Flatten())\n"
        "    return model\n"
        "def head(n=5):\n"
        "    model = base(n)\n"
        "    model.load_weights('x.h5')\n"
        "    out = layers.Flatten()(model.layers[-3].output)\n"
        "    return keras.Model(model.layers[0].input, layers.Dense(2)(out))\n"
        "small = keras.Sequential([keras.Input((8,)), layers.Dense(6, 'relu'), layers.Dense(5)])\n"
        "features = keras.Model(small.inputs, small.layers[-2].output)\n"
        "more = keras.Model(small.inputs, [layers.Dense(3)(small.layers[0].output), small.layers[-1].output])\n"
        "first = base()\n"
        "named = keras.Model(first.inputs, first.get_layer('first').output)\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    for name in ("small", "features", "more", "named"):
        pair.check(name, name)
    pair.check("head", "head(7)", "7")


@pytest.mark.usefixtures("float64")
def test_a_part_of_a_model_with_a_gap_is_not_translated_without_it() -> None:
    pair = Pair(HEAD + """
def build():
    base = Sequential([Input((6, 6, 2)), layers.Conv2D(3, 3)])
    base.add(layers.Nowhere(4))
    base.add(layers.Flatten())
    base.add(Dense(2))
    return Model(base.input, base.layers[-2].output)
""")
    assert pair.entries("build")[0]["status"] == "unsupported"


def test_a_gap_in_several_models_of_a_method_is_told() -> None:
    pair = Pair(HEAD + """
class Coder:
    def build(self):
        inputs = Input((4,))
        x = layers.Nowhere(3)(inputs)
        encoder = Model(inputs, x)
        decoder = Model(inputs, Dense(2)(x))
        return encoder, decoder
""")
    assert pair.entries("Coder.build")[0]["status"] == "unsupported"


def test_a_copy_with_states_is_taken_apart(float64: None) -> None:
    text = (
        "import keras\n"
        "from keras import layers\n"
        "words = keras.Input((None, 5))\n"
        "_, h, c = layers.LSTM(4, return_state=True)(words)\n"
        "given = keras.Input((None, 3))\n"
        "decoder = layers.LSTM(4, return_sequences=True, return_state=True)\n"
        "out, _, _ = decoder(given, initial_state=[h, c])\n"
        "out = layers.Dense(3, activation='softmax')(out)\n"
        "steps = keras.ops.arange(4)\n"
        "model = keras.Model([words, given], out)\n"
        "model = keras.models.clone_model(model)\n"
        "_, h_enc, c_enc = model.layers[2].output\n"
        "encoder = keras.Model(model.input[0], [h_enc, c_enc])\n"
        "states = [keras.Input((4,)), keras.Input((4,))]\n"
        "y, h_dec, c_dec = model.layers[3](model.input[1], initial_state=states)\n"
        "y = model.layers[4](y)\n"
        "stepwise = keras.Model([model.input[1]] + states, [y, h_dec, c_dec])\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    assert "_, h, c = with_states(" in pair.done.code
    pair.check("encoder", "encoder")
    pair.check("stepwise", "stepwise")


def test_a_defect_leaves_the_rest_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> object:
        raise ZeroDivisionError("a defect")

    text = (
        HEAD
        + "one = Sequential([Input((2,)), Dense(3)])\ntwo = Sequential([Input((2,)), Flatten()])\n"
    )
    write = Writer.write
    with monkeypatch.context() as patched:
        patched.setattr(Layer, "bind", classmethod(broken))
        log = Log()
        done = translate(text, "model.py", Options(), log)
    assert {d.code for d in log.diagnostics} >= {"KT005"}
    monkeypatch.setattr(
        Writer, "write", lambda self: broken() if self.code.name == "One" else write(self)
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert [d.code for d in log.diagnostics] == ["KT005"]
    assert "at kt_translate/written.py" in log.diagnostics[0].message
    assert "ZeroDivisionError: a defect" in log.diagnostics[0].message
    assert [(m["source_name"], m["status"]) for m in done.models] == [
        ("one", "unsupported"),
        ("two", "translated"),
    ]


SAME_NAMES = HEAD + """
class Classifier:
    def __init__(self, directory, input_shape, classes, units=4, build=True):
        self.directory = directory
        self.units = units
        if build:
            self.model = self.build_model(input_shape, classes)

    def build_model(self, input_shape, classes):
        inputs = Input(input_shape)
        x = Dense(self.units, activation="relu")(inputs)
        self.path = self.directory + "best.keras"
        return Model(inputs, Dense(classes)(x))
"""


@pytest.mark.usefixtures("float64")
def test_a_method_that_takes_what_its_class_takes() -> None:
    pair = Pair(SAME_NAMES)
    assert not pair.errors
    made = "Classifier('out', (5, 4, 2), 3, build=False)"
    pair.check("Classifier.model", "Classifier('out', (5, 4, 2), 3).model", "'out', (5, 4, 2), 3")
    pair.check("Classifier.build_model", f"{made}.build_model((6, 4, 3), 2)", "(6, 4, 3), 2")
    units = "Classifier('out', (5, 4, 2), 3, 7, False)"
    pair.check(
        "Classifier.build_model", f"{units}.build_model((6, 4, 3), 2)", "(6, 4, 3), 2, units=7"
    )


TRAINER = HEAD + """
class Gan(keras.Model):
    def __init__(self, latent=4, **kwargs):
        super().__init__(**kwargs)
        self.latent = latent
        self.generator = self.build_generator(6)

    def build_generator(self, features, **kwargs):
        inputs = Input((self.latent,))
        x = Dense(features)(inputs)
        if "act" in kwargs.keys():
            x = layers.Activation(kwargs["act"])(x)
        return Model(inputs, x)

    def train_step(self, data):
        return {}
"""


@pytest.mark.usefixtures("float64")
def test_models_that_methods_of_a_model_make_which_only_trains_them() -> None:
    pair = Pair(TRAINER)
    assert not pair.errors
    pair.check("Gan.generator", "Gan(5).generator", "5")
    made = "Gan.build_generator"
    pair.check(made, "Gan(5).build_generator(3)", "3, latent=5")
    pair.check(made, "Gan().build_generator(3, act='tanh')", "3, act='tanh'")


COPIED = """
import keras
from keras.layers import Dense, Input


class Stacked:
    def __init__(self, sizes=(6, 5, 4), seed=1):
        self.sizes = sizes
        self.model = self.build()

    def build(self):
        x = inputs = Input((self.sizes[0],))
        for i, size in enumerate(self.sizes[1:]):
            x = Dense(size, name="part_%d" % i)(x)
        return keras.Model(inputs, x)

    def part(self, place, seed=0):
        return keras.Sequential([Input((self.sizes[place],)), Dense(self.sizes[place + 1])])

    def start(self):
        for i in range(len(self.sizes) - 1):
            self.model.get_layer("part_%d" % i).set_weights(self.part(i).get_weights())
        self.model.layers[-1].set_weights(self.part(0).layers[-1].get_weights())
"""


@pytest.mark.usefixtures("float64")
def test_weights_that_layers_are_given_make_no_model_another() -> None:
    pair = Pair(COPIED)
    assert not pair.errors
    pair.check("Stacked.model", "Stacked((3, 4, 5, 6)).model", "(3, 4, 5, 6)")
    pair.check("Stacked.part", "Stacked((3, 4, 5, 6)).part(2)", "2, (3, 4, 5, 6)")


@pytest.mark.parametrize("layer", ["Dense(3)", "LSTM(3)", "Conv1D(3, 2)", "BatchNormalization()"])
def test_channels_that_nothing_tells(layer: str) -> None:
    text = (
        "from keras import Input, Model, layers\n"
        f"i = Input((4, None))\nmodel = Model(i, layers.{layer}(i))\n"
    )
    done = translate(text, "model.py", Options(), log := Log())
    assert "KT303" in {d.code for d in log.diagnostics}
    assert "None, 3" not in done.code


def test_a_method_that_is_given_functions_is_part_of_those_that_call_it(float64: None) -> None:
    text = (
        "from keras import Input, Model\n"
        "from keras.layers import Dense\n"
        "def plain(units):\n"
        "    def f(x):\n"
        "        return Dense(units, activation='tanh')(x)\n"
        "    return f\n"
        "class Builder:\n"
        "    @staticmethod\n"
        "    def build(shape, n, block):\n"
        "        i = x = Input(shape)\n"
        "        for units in (4, 6):\n"
        "            x = block(units)(x)\n"
        "        return Model(i, Dense(n)(x))\n"
        "    @staticmethod\n"
        "    def small(shape, n):\n"
        "        return Builder.build(shape, n, plain)\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    assert [m["source_name"] for m in pair.done.models] == ["Builder.small"]
    assert (
        "build is written out" in next(d for d in pair.log.diagnostics if d.code == "KT301").message
    )
    pair.check("Builder.small", "Builder.small((5,), 3)", "(5,), 3")


def test_a_base_class_hands_on_what_it_is_given(float64: None) -> None:
    """A class that is of no use by itself; those that extend it are made by others."""
    text = (
        "import keras\n"
        "from keras import layers, ops\n"
        "import numpy as np\n"
        "import tensorflow as tf\n"
        "class Base(layers.Layer):\n"
        "    def __init__(self, **kwargs):\n"
        "        super().__init__()\n"
        "        self.mha = layers.MultiHeadAttention(**kwargs)\n"
        "        self.norm = layers.LayerNormalization()\n"
        "class Cross(Base):\n"
        "    def call(self, x, context):\n"
        "        y, self.scores = self.mha(x, context, return_attention_scores=True)\n"
        "        return self.norm(x + y)\n"
        "class Own(Base):\n"
        "    def call(self, x):\n"
        "        return self.norm(x + self.mha(x, x, use_causal_mask=True))\n"
        "class Block(layers.Layer):\n"
        "    def __init__(self, dim, heads=2):\n"
        "        super().__init__()\n"
        "        self.own = Own(num_heads=heads, key_dim=dim, dropout=0.1)\n"
        "        self.cross = Cross(num_heads=heads, key_dim=dim)\n"
        "        table = np.arange(20)[:, np.newaxis] * np.ones((1, dim + 2))\n"
        "        self.table = tf.cast(table, 'float64')\n"
        "    def call(self, x, context):\n"
        "        x = x + self.table[tf.newaxis, :x.shape[1], :]\n"
        "        return self.cross(self.own(x), context)\n"
        "i, c = keras.Input((5, 6)), keras.Input((4, 6))\n"
        "model = keras.Model([i, c], Block(4)(i, c))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    assert {m["source_name"] for m in pair.done.models} == {"Cross", "Own", "Block", "model"}
    assert all(m["status"] == "translated" for m in pair.done.models)
    pair.check("model", "model")
    told = "        x = x + self.table[tf.newaxis, :x.shape[1], :]\n"  # that inputs are sequences
    classes = text.partition("i, c =")[0].replace(told, "")
    uncalled = translate(classes, "model.py", Options(), Log())
    entries = {m["source_name"]: m["status"] for m in uncalled.models}
    assert entries == dict.fromkeys(("Cross", "Own", "Block"), "translated")


def test_a_parameter_that_says_how_many_weights_there_are_is_the_samples(float64: None) -> None:
    text = (
        "import keras\n"
        "from keras import layers\n"
        "class Tied(layers.Layer):\n"
        "    def __init__(self, n, width, tie=True):\n"
        "        super().__init__()\n"
        "        self.e = layers.ReversibleEmbedding(\n"
        "            n, width, tie_weights=tie, embeddings_initializer='ones'\n"
        "        )\n"
        "    def call(self, x):\n"
        "        return self.e(self.e(x) * 2, reverse=True)\n"
        "i = keras.Input((6,), dtype='int32')\n"
        "model = keras.Model(i, Tied(9, 4)(i))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("model", "model")
    with pytest.raises(NotImplementedError, match="tie = True"):
        pair.torch.Tied(9, 4, tie=False)


PER_STEP = """
import keras
from keras import layers


def last(name):
    start = keras.Input((7, 4))
    return start, layers.Conv1D(5, 3, padding="same", name=name)(start)


def softmax():
    start, x = last("a")
    return keras.Model(start, layers.Activation("softmax")(x))


def over_steps():
    start, x = last("b")
    return keras.Model(start, layers.Softmax(axis=1)(x))


def op():
    start, x = last("c")
    return keras.Model(start, keras.ops.softmax(x))


def pointwise():
    start, x = last("d")
    return keras.Model(start, keras.ops.sigmoid(x))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["softmax", "over_steps", "op", "pointwise"])
def test_the_activation_of_every_step_is_over_the_axis_that_keras_means(name: str) -> None:
    Pair(PER_STEP).check(name, f"{name}()")


def test_a_class_of_which_no_model_comes_is_told() -> None:
    text = HEAD + """
import json


class Net:
    def __init__(self, path):
        with open(path) as file:
            self.widths = [int(width) for width in json.load(file)["widths"]]
        self.model = self.build()

    def build(self):
        x = i = Input((4,))
        for width in self.widths:
            x = Dense(width)(x)
        return Model(i, x)
"""
    done = translate(text, "model.py", Options(), log := Log())
    assert [(m["source_name"], m["status"]) for m in done.models] == [("Net.build", "unsupported")]
    assert "KT107" in {d.code for d in log.diagnostics}


GIVEN_A_FUNCTION = """
import keras
from keras import layers


def plain(size=8):
    inputs = keras.Input((size, size, 3))
    return inputs, layers.Conv2D(4, 3)(inputs)


def wide(size=8):
    inputs = keras.Input((size, size, 3))
    return inputs, layers.Conv2D(5, 1)(inputs)


def build(classes, encoder=plain, size=10):
    inputs, x = encoder(size=size)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x))


def build_wide(classes, size=9):
    model = build(classes, wide, size)
    model.kind = "wide"
    return model
"""


def test_a_builder_that_takes_a_function_for_another_has_its_own(float64: None) -> None:
    pair = Pair(GIVEN_A_FUNCTION)
    assert not pair.errors
    for name, given in (("build", "3"), ("build", "2, size=7"), ("build_wide", "3")):
        pair.check(name, f"{name}({given})", given)
    with pytest.raises(NotImplementedError, match="encoder"):
        pair.torch.build(3, "wide")


NAMED_BY_ITEMS = """
from collections import namedtuple

import keras
from keras import layers

Feature = namedtuple("Feature", ["name", "size"])
FEATURES = [Feature("b", 3), Feature("a", 2)]


def build(features=FEATURES, name="z"):
    inputs = {}
    for f in features:
        inputs[f.name] = layers.Input((f.size,), name=f.name)
    last = layers.Input((1,), name=name)
    x = layers.Concatenate()([layers.Dense(4)(inputs[f.name]) for f in features] + [last])
    return keras.Model([*inputs.values(), last], layers.Dense(2)(x))
"""


def test_inputs_are_called_what_the_settings_call_them(float64: None) -> None:
    pair = Pair(NAMED_BY_ITEMS)
    pair.check("build", "build()")
    (entry,) = pair.entries("build")
    assert [port["name"] for port in entry["inputs"]] == ["b", "a", "z"]
    assert "self, b: Tensor, a: Tensor, last: Tensor" in pair.done.code


LEFT_IN_AN_ATTRIBUTE = """
import keras
from keras import layers


class Tagger:
    def __init__(self, n_in=5, units=(6, 4), dropout=0.0, deep=False):
        self.n_in, self.units, self.dropout, self.deep = n_in, units, dropout, deep
        self.model = None

    def build(self):
        inputs = y = layers.Input((self.n_in,))
        for i in range(len(self.units)):
            y = layers.Dense(self.units[i], activation="tanh")(y)
            if self.dropout > 0:
                y = layers.Dropout(self.dropout)(y)
        if self.deep:
            y = layers.Dense(3, activation="tanh")(y)
        self.model = keras.Model(inputs, layers.Dense(2)(y))
"""


@pytest.mark.usefixtures("float64")
def test_a_method_that_gives_nothing_and_leaves_a_model() -> None:
    pair = Pair(LEFT_IN_AN_ATTRIBUTE)
    assert [d.code for d in pair.log.diagnostics] == []
    assert "class TaggerModel(nn.Module):" in pair.done.code
    for given in ("", "4, (3,)", "dropout=0.5, deep=True, units=(2, 7, 3)"):
        built = f"(lambda t: (t.build(), t.model)[1])(Tagger({given}))"
        pair.check("Tagger.model", built, given)


def test_classes_of_models_that_no_name_tells_of() -> None:
    text = HEAD + (
        "class LeNet:\n    @staticmethod\n    def build(width):\n"
        "        return Sequential([Input((width,)), Dense(2)])\n\n\n"
        "class Agent:\n    def __init__(self, width=3):\n"
        "        self.width = width\n        self.model = self._build_model()\n\n"
        "    def _build_model(self):\n"
        "        return Sequential([Input((self.width,)), Dense(2)])\n"
    )
    done = translate(text, "model.py", Options(), Log())
    assert "class LeNetModel(nn.Module):" in done.code
    assert "class AgentModel(nn.Module):" in done.code
