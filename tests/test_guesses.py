"""Builders of which the file does not tell what they are given: their code tells what that is like."""

from __future__ import annotations

import pytest

from kt_translate import builders
from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = "import keras\nimport numpy as np\nimport random\nfrom keras import layers\n\n\n"


def test_dicts_by_the_keys_that_are_read(float64: None) -> None:
    text = """
def compile_model(network, num_classes, input_shape):
    activation = network['activation']
    x = inputs = keras.Input(input_shape)
    for _ in range(network['num_layers']):
        x = layers.Dense(network["model"]["units"], activation=activation)(x)
    model = keras.Model(inputs, layers.Dense(num_classes)(x))
    model.compile(loss='mse', optimizer=network['optimizer'])
    return model


def train_and_score(network, x, y):
    model = compile_model(network, 10, (20,))
    model.fit(x, y)
    return model.evaluate(x, y)[1]


if random.random() > 2:
    train_and_score(random.choice([]), *np.load("data.npz"))
"""
    pair = Pair(HEAD + text)
    assert [m["source_name"] for m in pair.done.models] == ["compile_model"]
    network = {"num_layers": 3, "model": {"units": 6}, "activation": "tanh", "optimizer": "sgd"}
    pair.check("compile_model", f"compile_model({network}, 4, (5,))", f"{network}, 4, (5,)")


def test_a_list_that_only_its_type_comment_tells(float64: None) -> None:
    text = """
def halved(rates):
    return [rate // 2 for rate in rates]


def build(num_feat,  # type: int
          nb_filters,  # type: int
          dilations,  # type: List[int]
          length):
    # type: (...) -> keras.Model
    x = inputs = keras.Input((length, num_feat))
    for rate in halved(dilations):
        x = layers.Conv1D(nb_filters, 2, padding="causal", dilation_rate=rate + 1)(x)
    return keras.Model(inputs, x)
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    pair.check("build", "build(3, 4, [1, 2, 4], 12)", "3, 4, [1, 2, 4], 12")


def test_a_dict_that_is_copied_first(float64: None) -> None:
    text = """
class Net:
    def __init__(self, raw_params):
        params = dict(raw_params)
        self.time_steps = int(params['total_time_steps'])
        self.input_size = int(params['input_size'])
        self.dropout_rate = float(params['dropout_rate'])
        self.model = self.build_model()

    def build_model(self):
        inputs = keras.Input((self.time_steps, self.input_size))
        x = layers.Dropout(self.dropout_rate)(layers.LSTM(4)(inputs))
        return keras.Model(inputs, layers.Dense(self.input_size)(x))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    given = {"total_time_steps": 5, "input_size": 3, "dropout_rate": 0.2}
    pair.check("Net.model", f"Net({given}).model", f"{given}")


def test_settings_that_functions_hand_on_from_one_to_the_next(float64: None) -> None:
    text = """
def conv(x, filters, stride=1, **params):
    return layers.Conv1D(filters, params["conv_size"], strides=stride, padding="same")(x)


def block(x, index, stride, **params):
    x = conv(x, params["conv_start"] * (index + 1), stride if index else 1, **params)
    return layers.Activation(params["conv_activation"])(x)


def build_network(**params):
    inputs = keras.Input(shape=params["input_shape"])
    x = conv(inputs, 3, **params)
    for index, stride in enumerate(params["conv_strides"]):
        x = block(x, index, stride, **params)
    return keras.Model(inputs, layers.Dense(params["num_categories"])(x))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    given = (
        "input_shape=(12, 3), conv_strides=[1, 2, 1], conv_size=4, conv_start=5,"
        " conv_activation='tanh', num_categories=6"
    )
    pair.check("build_network", f"build_network({given})", given)
    with pytest.raises(NotImplementedError, match="not translated for 'stride' in params"):
        pair.torch.build_network(stride=2, **eval(f"dict({given})"))


def test_lists_of_dicts_that_an_object_keeps(float64: None) -> None:
    text = """
class Residual:
    def __init__(self, reg_const, input_dim, output_dim, hidden_layers):
        self.reg_const = reg_const
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.hidden_layers = hidden_layers
        self.model = self._build()

    def layer(self, x, filters, kernel_size):
        penalty = keras.regularizers.l2(self.reg_const)
        return layers.Conv2D(filters, kernel_size, padding="same", kernel_regularizer=penalty)(x)

    def _build(self):
        inputs = keras.Input(shape=self.input_dim)
        first = self.hidden_layers[0]
        x = self.layer(inputs, self.hidden_layers[0]["filters"], first["kernel_size"])
        if len(self.hidden_layers) > 1:
            for h in self.hidden_layers[1:]:
                x = layers.add([x, self.layer(x, h["filters"], h["kernel_size"])])
        return keras.Model(inputs, layers.Dense(self.output_dim)(layers.Flatten()(x)))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    hidden = [{"filters": 3, "kernel_size": (3, 2)}] * 2
    for given in (f"1e-3, (6, 5, 2), 4, {hidden}", f"1e-3, (6, 5, 2), 4, {hidden[:1]}"):
        pair.check("Residual.model", f"Residual({given}).model", given)


def test_what_only_data_tell_of_an_object(float64: None) -> None:
    """The constructor runs the method: what it makes are the object's, and nothing else."""
    text = """
class Critic:
    def __init__(self, input_dim, filters=3):
        self.input_dim = input_dim
        self.filters = filters
        self._build()

    def _build(self):
        inputs = keras.Input(shape=self.input_dim)
        x = inputs
        for i in range(self.filters):
            x = layers.Conv2D(4 + i, 3, padding="same")(x)
        self.critic = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))


def train():
    data = np.load("data.npy")
    return Critic(data.shape[1:])
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    assert [m["source_name"] for m in pair.done.models] == ["Critic.critic"]
    pair.check("Critic.critic", "Critic((7, 6, 2), 4).critic", "(7, 6, 2), 4")


GATHERED = """
def build(width=5, **params):
    x = inputs = keras.Input((width,))
    for _ in range(params.get("depth", 2)):
        x = layers.Dense(params["units"], activation=params.get("activation", "tanh"))(x)
    if params.get("norm", False):
        x = layers.BatchNormalization()(x)
    return keras.Model(inputs, layers.Dense(params["model"]["classes"])(x))
"""


def test_settings_by_any_names(float64: None) -> None:
    """What a function takes as ``**params`` is a dict of settings to its class, whether the file calls it or not."""
    settings = "units=3, model={'classes': 2}"
    for calls in ("", f"settings = dict({settings})\nmodel = build(4, **settings)\n"):
        pair = Pair(HEAD + GATHERED + calls)
        assert pair.errors == []
        for given in (settings, f"6, {settings}, norm=True, depth=1, activation='relu'"):
            pair.check("build", f"build({given})", given)
    pair.check("model", "model")


def test_objects_of_the_class_that_a_parameter_is_of(float64: None) -> None:
    text = """
class Sizes:
    units = 4
    depth = 3


class Config:
    def __init__(self, classes=2):
        self.classes = classes
        self.model = Sizes()


class Net:
    def __init__(self, config: Config):
        self.config = config
        self.model = None

    def build(self):
        sizes = self.config.model
        x = inputs = keras.Input((5,))
        for _ in range(sizes.depth):
            x = layers.Dense(sizes.units)(x)
        self.model = keras.Model(inputs, layers.Dense(self.config.classes)(x))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    net = pair.keras["Net"](pair.keras["Config"](3))
    net.build()
    pair.keras["built"] = net.model
    pair.check("Net.model", "built", "Config(3)")


@pytest.mark.usefixtures("float64")
def test_a_default_of_none_is_kept_where_other_arguments_have_to_be_guessed() -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\n"
        "def build(cfg, context_size=None):\n"
        "    x = start = keras.Input((5,))\n"
        "    found = []\n"
        "    for i in range(cfg['layers']):\n"
        "        found.append(layers.Dense(cfg['units'])(x if i == 0 else found[-1]))\n"
        "    x = layers.concatenate([x] + found)\n"
        "    output = layers.Dense(3)(x)\n"
        "    if context_size is None:\n"
        "        model = keras.Model(inputs=[start], outputs=[output])\n"
        "    else:\n"
        "        context = keras.Input(shape=(context_size,))\n"
        "        more = layers.Dense(2)(layers.concatenate([x, context]))\n"
        "        model = keras.Model(inputs=[start, context], outputs=[more, output])\n"
        "    return model\n"
    )
    given = "{'layers': 2, 'units': 4}"
    pair.check("build", f"build({given})", given)


def test_a_key_of_a_table_and_a_word_that_is_compared_are_the_first_of_them(float64: None) -> None:
    text = """
WIDTHS = [6, 4, 8]
KINDS = {"small": 3, "large": 5}


def build(phi, kind, mode, depth):
    cells = {"gru": layers.GRU, "lstm": layers.LSTM}
    x = inputs = keras.Input((7, 4))
    x = layers.Dense(WIDTHS[phi])(x)
    x = cells[mode](KINDS[kind])(x)
    repeats = [2, 1] if depth == 18 else [1, 3]
    for repeat in repeats:
        for _ in range(repeat):
            x = layers.Dense(5)(x)
    return keras.Model(inputs, x)
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    assert not [d for d in pair.log.diagnostics if d.code == "KT101"]
    given = "1, 'large', 'lstm', 34"
    pair.check("build", f"build({given})", given)


def test_objects_by_what_is_read_of_a_parameter(float64: None) -> None:
    """A class without a name in common, whose settings are read by another name of the parameter; a variable."""
    text = """
import argparse


class Defaults:
    input_shape = (5,)
    units = 4
    classes = 2


class Base:
    def __init__(self, config):
        self.config = config


class Net(Base):
    def __init__(self, config):
        super().__init__(config)
        self.model = self.build()

    def build(self):
        c = self.config
        inputs = keras.Input(c.input_shape)
        x = layers.Dense(c.units)(inputs)
        return keras.Model(inputs, layers.Dense(c.classes)(x))


def make(flags):
    inputs = keras.Input((flags.width,))
    return keras.Model(inputs, layers.Dense(flags.neurons)(inputs))


parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=3)
parser.add_argument("--neurons", type=int, default=7)
args = parser.parse_args([])
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    assert "KT101" not in {d.code for d in pair.log.diagnostics}
    pair.keras["built"] = pair.keras["Net"](pair.keras["Defaults"]()).model
    pair.check("Net.model", "built", "Defaults()")
    other = "__import__('types').SimpleNamespace(width=2, neurons=4)"
    pair.check("make", f"make({other})", other)


def test_what_a_function_that_is_called_compares_with(float64: None) -> None:
    text = """
def pooled(x, level, input_shape):
    if input_shape == (8, 8):
        sizes = {1: 4, 2: 2}
    elif input_shape == (12, 6):
        sizes = {1: 3, 2: 1}
    else:
        raise ValueError(input_shape)
    return layers.AveragePooling2D(sizes[level], padding="same")(x)


def build(width, input_shape):
    half = tuple(int(np.ceil(n / 2)) for n in input_shape)
    x = inputs = keras.Input((*input_shape, 3))
    x = pooled(layers.Conv2D(width, 3, padding="same")(x), 1, input_shape)
    return keras.Model(inputs, layers.Dense(sum(half))(pooled(x, 2, input_shape)))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    pair.check("build", "build(4, (12, 6))", "4, (12, 6)")


def test_shapes_and_flags_by_the_attributes_that_keep_them(float64: None) -> None:
    """Pictures are made by other classes of the file: this one has layers for rows alone."""
    text = """
class Pixels:
    def build(self):
        inputs = keras.Input((8, 8, 3))
        return keras.Model(inputs, layers.Flatten()(layers.Conv2D(2, 3)(inputs)))


class Critic:
    def __init__(self, inp_dim, out_dim, dueling):
        self.env_dim = inp_dim
        self.act_dim = out_dim
        self.model = self.network(dueling)

    def network(self, dueling):
        state = keras.Input((self.env_dim))
        x = layers.Dense(5)(state)
        if(dueling):
            x = layers.Dense(3)(x)
        return keras.Model(state, layers.Dense(self.act_dim)(x))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    pair.keras["built"] = pair.keras["Critic"]((4,), 2, False).model
    pair.check("Critic.model", "built", "(4,), 2, False")


def test_a_number_that_nothing_tells_is_in_no_docstring(float64: None) -> None:
    text = """
def build(nb_classes, kind):
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(x) if kind == "a" else x
    x = layers.Conv2D(nb_classes, 3, activation="softmax")(x)
    model = keras.Model(inputs, x)
    model.compile("adam", "categorical_crossentropy")
    return model
"""
    pair = Pair(HEAD + text)
    assert "UNKNOWN" not in pair.done.code
    pair.check("build", "build(3, 'b')", "3, 'b'")


def test_an_input_by_what_looks_it_up(float64: None) -> None:
    text = """
def construct(user_input, count):
    latent = layers.Embedding(
        count, 8, name="user", input_length=1
    )(
        user_input)
    latent = keras.ops.squeeze(latent, 1)
    return keras.Model(user_input, layers.Dense(2)(latent[:, 3:]))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    (entry,) = pair.entries("construct")
    assert entry["inputs"][0]["shape"] == [None, 1]


def test_a_shape_in_parentheses(float64: None) -> None:
    text = (
        "def build(input_size, units=3):\n"
        "    model = keras.Sequential()\n"
        "    model.add(layers.LSTM(units, input_shape=(input_size)))\n"
        "    return model\n"
    )
    assert Pair(HEAD + text.replace("layers.LSTM(units", "layers.Masking(-1.0")).errors == []
    Pair(HEAD + text).check("build", "build((5, 2))", "(5, 2)")


def test_what_is_flattened_has_more_than_one_axis(float64: None) -> None:
    text = (
        "def build(input_shape, units=3):\n"
        "    inputs = keras.Input(input_shape)\n"
        "    return keras.Model(inputs, layers.Dense(units)(layers.Flatten()(inputs)))\n"
    )
    Pair(HEAD + text).check("build", "build((5, 2))", "(5, 2)")


def test_a_shape_of_which_another_class_reads_more_than_was_guessed(float64: None) -> None:
    text = """
class Network:
    def build_network(self, shape):
        inputs = keras.Input(shape)
        x = layers.Reshape((shape[0] * shape[1],))(inputs)
        return inputs, layers.Dense(4, activation="relu")(x)


class Classifier:
    def __init__(self, rate=0.1):
        self.rate = rate
        self._network = Network()

    def build_model(self, shape, classes):
        inputs, x = self._network.build_network(shape)
        return keras.Model(inputs, layers.Dense(classes)(layers.Dropout(self.rate)(x)))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    pair.check("Classifier.build_model", "Classifier().build_model((6, 5), 3)", "(6, 5), 3")


def test_what_a_constructor_does_not_let_pass(float64: None) -> None:
    text = """
class Tall:
    def __init__(self, include_top=True, input_shape=None, classes=None):
        if include_top and classes is None:
            raise ValueError("classes")
        if input_shape is None:
            raise ValueError("input_shape")
        self.include_top = include_top
        self.input_shape = input_shape
        self.classes = classes

    def build(self, units=4):
        inputs = keras.Input(self.input_shape)
        x = layers.Flatten()(layers.Conv2D(units, 3)(inputs))
        return keras.Model(inputs, layers.Dense(self.classes)(x) if self.include_top else x)
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    for given in ("input_shape=(8, 9, 2), classes=3", "False, (8, 6, 3)"):
        more = given.replace("False", "include_top=False").replace("(8, 6", "input_shape=(8, 6")
        pair.check("Tall.build", f"Tall({given}).build(5)", f"units=5, {more}")


def test_a_dict_without_the_keys_that_are_asked_for_first(float64: None) -> None:
    text = """
from collections.abc import Iterable


def creator(config):
    x = inputs = keras.Input((config["features"],))
    if "first" in config and "second" in config:
        units = (config["first"], config["second"])
    else:
        units = config.get("units", [6, 5])
    units = [units] if not isinstance(units, Iterable) else units
    for width in units:
        x = layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(config["outputs"])(x))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    least = {"features": 4, "outputs": 3}
    for more in ({}, {"first": 7, "second": 2}, {"units": (4, 3, 2)}):
        pair.check("creator", f"creator({least | more})", str(least | more))


OF_INPUTS = """
class Base:
    def __init__(self, rate=0.1):
        self.rate = rate

    def inputs(self, length):
        return [keras.Input((length, 4)), keras.Input((length, 3))]

    def _build(self, inputs, output):
        return keras.Model(inputs, layers.Dropout(self.rate)(output))


class Net(Base):
    def __call__(self, inputs):
        x = layers.Conv1D(5, 3)(inputs[0])
        other = inputs[1]
        x = layers.Concatenate()([layers.Flatten()(x), layers.Flatten()(other)])
        return self._build(inputs, layers.Dense(2)(x))


def build(inputs, units=3):
    x = inputs[0]
    return keras.Model(inputs, layers.Dense(units)(x))
"""


def test_inputs_that_are_read_off_a_list(float64: None) -> None:
    pair = Pair(HEAD + OF_INPUTS)
    assert pair.errors == []
    assert {m["source_name"] for m in pair.done.models} == {"Net.__call__", "build"}
    sizes = "inputs_0_length=7, inputs_0_features=4, inputs_1_length=7, inputs_1_features=3"
    pair.check("build", "build([keras.Input((5, 6))], 4)", "4, in_features=6")
    pair.check("Net.__call__", "(lambda net: net(net.inputs(7)))(Net())", sizes)


def test_builders_that_took_long_in_vain_leave_others_few_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "import keras\nfrom keras import layers\n" + "".join(
        f"def build{i}(shape, units, kind):\n"
        "    x = start = keras.Input(shape)\n"
        "    if kind not in ('a', 'b', 'c', 'd', 'e'):\n        raise ValueError(kind)\n"
        "    return keras.Model(start, unheard_of(layers.Dense(units)(x)))\n"
        for i in range(2)
    )
    runs: list[str] = []
    tried = builders.arguments
    monkeypatch.setattr(
        builders, "arguments", lambda ev, f, given: runs.append(f.name) or tried(ev, f, given)
    )
    translate(text, "model.py", Options(), Log())
    patient = runs.count("build1")
    runs.clear()
    monkeypatch.setattr(builders, "PATIENCE", 0)
    translate(text, "model.py", Options(), Log())
    assert runs.count("build1") < patient


PARTS = {
    "added to": "size + (channels,)",
    "made a tuple": "tuple(size) + (channels,)",
    "made a list": "list(size) + [channels]",
    "starred": "(*size, channels)",
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("rank", [2, 3])
def test_a_parameter_may_be_a_shape_but_for_the_channels(
    name: str, rank: int, float64: None
) -> None:
    text = f"""
import keras
from keras import layers


def build(size, channels=2, filters=3):
    start = keras.Input({PARTS[name]})
    x = layers.Conv{rank}D(filters, 3, padding="same", activation="relu")(start)
    return keras.Model(start, layers.Dense(2)(layers.Flatten()(x)))
"""
    size = (6, 4, 5)[:rank]
    for given in ({}, {"": (*size, 2)}):
        pair = Pair(text, input_shapes=given)
        assert pair.errors == []
        pair.check("build", f"build({size})", f"{size}")


def test_what_is_built_for_pictures_and_volumes_is_read_for_pictures(float64: None) -> None:
    text = """
def build(shape):
    if len(shape) == 3:
        conv, pool, kernel = layers.Conv2D, layers.GlobalMaxPooling2D, (2, 2)
    elif len(shape) == 4:
        conv, pool, kernel = layers.Conv3D, layers.GlobalMaxPooling3D, (2, 2, 2)
    else:
        raise ValueError(shape)
    inputs = keras.Input(shape)
    return keras.Model(inputs, pool()(conv(4, kernel)(inputs)))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    pair.check("build", "build((6, 5, 2))", "(6, 5, 2)")


def test_a_static_method_does_not_ask_for_what_the_constructor_checks(float64: None) -> None:
    text = """
class Agent:
    def __init__(self, states, actions, own=True, maker=None):
        self.net = Agent.network((states,), actions) if own else maker(states, actions)

    @staticmethod
    def network(shape, actions):
        inputs = keras.Input(shape)
        return keras.Model(inputs, layers.Dense(actions)(layers.Dense(6)(inputs)))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    pair.check("Agent.network", "Agent.network((3,), 4)", "(3,), 4")
