"""Conditions on settings: what one branch makes and a later condition reads, and what no value can stand for."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log, RuleError
from kt_translate.evaluate.loops import _General
from kt_translate.evaluate.signals import Raised
from kt_translate.lower import loops
from kt_translate.lower.writer import Writer
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = "import keras\nfrom keras import layers\n\n\n"

AGAIN = {
    "the same condition": """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same", activation="relu")(inputs)
    if kind == "x":
        skip = layers.Conv2D(2, 1)(x)
        x = layers.MaxPooling2D()(x)
    else:
        x = layers.AveragePooling2D(2)(x)
    x = layers.UpSampling2D()(layers.Conv2D(n, 3, padding="same")(x))
    if kind == "x":
        x = layers.Conv2D(n, 1)(layers.Concatenate()([x, skip]))
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "a condition that says more": """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = inputs
    if kind in ("x", "z"):
        skip = layers.Conv2D(2, 1)(x)
    x = layers.Conv2D(n, 3, padding="same")(x)
    if kind == "x" and n > 1:
        x = layers.Concatenate()([x, skip])
    elif not kind != "z":
        x = layers.Concatenate()([skip, x, skip])
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "its opposite": """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    if kind != "x":
        x = layers.MaxPooling2D()(x)
    else:
        x, skip = layers.AveragePooling2D(2)(x), x
    x = layers.UpSampling2D()(layers.Conv2D(n, 3, padding="same")(x))
    if kind == "x":
        x = layers.Add()([x, skip])
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "one within another": """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    if n > 3:
        y = layers.Conv2D(3, 1)(x)
        if kind == "x":
            skip = layers.Conv2D(2, 1)(y)
        x = layers.Conv2D(n, 1)(y)
    x = layers.Conv2D(n, 3, padding="same")(x)
    if kind == "x":
        if n > 3:
            x = layers.Concatenate()([x, skip])
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "several, and what a chain makes on the way": """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    if kind == "x":
        x = layers.Conv2D(n, 3, padding="same")(x)
        first = x
        x = layers.BatchNormalization()(x)
    second = x
    x = layers.Conv2D(n, 3, padding="same")(x)
    if kind == "x":
        skips = [first, second]
    else:
        skips = [second]
    x = layers.Conv2D(n, 3, padding="same")(x)
    if kind == "x":
        x = layers.Concatenate()([x, *skips, first])
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "is it there": """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    skip = None
    if kind == "x":
        skip = layers.Conv2D(2, 1)(x)
    late = layers.Conv2D(n, 1)(x) if n > 2 else None
    x = layers.Conv2D(n, 3, padding="same")(x)
    if skip is not None:
        x = layers.Concatenate()([x, skip])
    x = x if late is None else layers.Concatenate()([x, late])
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "layers that are there": """
class Block(layers.Layer):
    def __init__(self, n, normed=True, kind="x", **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(n, 3, padding="same")
        self.norm = layers.BatchNormalization() if normed else None
        if kind == "x":
            self.short = layers.Conv2D(n, 1)
        else:
            self.short = None

    def call(self, inputs):
        x = self.conv(inputs)
        if self.norm is not None:
            x = self.norm(x)
        if self.short is not None:
            x = x + self.short(inputs)
        return x


def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = Block(n, kind=kind)(inputs)
    x = Block(n + 1, False)(x)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
    "what only another value tells": """
class Pool(layers.Layer):
    def __init__(self, n, sizes=None):
        super().__init__()
        self.n, self.settings = n, {"sizes": sizes}

    def build(self, shape):
        halved = None
        if self.settings["sizes"]:
            halved = [int(size // 2) for size in self.settings["sizes"]]
        self.conv = layers.Conv2D(self.n, 1)
        self.pool = layers.MaxPooling2D(2 if halved is None else halved)

    def call(self, x):
        return self.pool(self.conv(x))


def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = Pool(n)(inputs)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x if kind == "x" else layers.ReLU()(x)))
""",
    "two that one condition leaves": """
def build(kind="x", n=4):
    inputs = keras.Input((5,))
    x = layers.Dense(n)(inputs)
    if kind == "x":
        pair = [layers.Dense(n)(x), layers.Dense(n)(x)]
    else:
        pair = [layers.Dense(n, activation="relu")(x), x]
    y = layers.Subtract()(pair)
    a, b = (x, y) if n > 3 else (y, x)
    return keras.Model(inputs, layers.Subtract()([a, layers.Dense(n)(b)]))
""",
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", AGAIN)
def test_what_a_branch_leaves(name: str) -> None:
    pair = Pair(HEAD + AGAIN[name] + "\n\nmodel = build()\nother = build('y')\n")
    assert not pair.errors
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    pair.check("model", "model")
    pair.check("other", "other")
    for given in ("", "'y'", "'z'", "n=2", "'y', 3"):
        pair.check("build", f"build({given})", given)


PINNED = """
def build(kind="x", n=4):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    if kind == "x":
        skip = layers.Conv2D(n, 1)(x)
    if n > 3:
        x = layers.Conv2D(n, 3, padding="same")(x)
    x = layers.Add()([x, skip])
    for i in range(n):
        x = layers.Conv2D(n, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_only_that_condition_is_taken_for_granted() -> None:
    pair = Pair(HEAD + PINNED)
    assert not pair.errors
    noted = [d.message for d in pair.log.diagnostics if d.code == "KT301"]
    assert len(noted) == 1
    assert "kind == 'x'" in noted[0].replace('"', "'")
    for given in ("", "n=2"):
        pair.check("build", f"build({given})", given)
    with pytest.raises(NotImplementedError):
        pair.torch.build("y")


DEAD = """
def build(width=4, repeats=(2, 3, 2), classes=2):
    inputs = keras.Input((9, 8, 3))
    x = first = layers.Conv2D(width, 3, padding="same")(inputs)
    for stage, repeat in enumerate(repeats):
        for block in range(repeat):
            if block == 0 and stage > 0:
                x = layers.Conv2D(width * 2**stage, 3, strides=2, padding="same")(x)
            else:
                x = layers.Conv2D(width * 2**stage, 3, padding="same")(x)
    backbone = keras.Model(inputs, x)
    return keras.Model(backbone.input, layers.Conv2D(classes, 1)(first))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_sizes_of_loops_of_which_nothing_is_left() -> None:
    pair = Pair(HEAD + DEAD)
    assert not pair.errors
    for given in ("", "3, (1, 2)"):
        pair.check("build", f"build({given})", given)


STAGES = """
def build(widths=(4, 6, 8), kind="x"):
    inputs = keras.Input((9, 8, 3))
    x = inputs
    for width in widths:
        y = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.Concatenate()([layers.Conv2D(width, 1)(x), y])
    if kind == "x":
        x = layers.Conv2D(5, 1)(x)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_a_loop_that_cannot_be_written_is_unrolled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is read once more, and only that loop is not kept."""

    def fails(*_: object) -> None:
        raise RuleError("KT302", "this loop cannot be written")

    monkeypatch.setattr(loops, "_write_stages", fails)
    pair = Pair(HEAD + STAGES)
    assert not pair.errors
    assert "nn.ModuleList" not in pair.done.code.partition("# ---")[0]
    pair.check("model", "model")
    for given in ("", "kind='y'"):
        pair.check("build", f"build({given})", given)
    with pytest.raises(NotImplementedError):
        pair.torch.build((4, 6))


@pytest.mark.usefixtures("float64")
def test_where_that_does_not_help_what_was_written_first_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise RuleError("KT302", "this cannot be written")

    monkeypatch.setattr(Writer, "_finish", fails)
    pair = Pair(HEAD + STAGES)
    assert [m["status"] for m in pair.done.models] == ["unsupported", "unsupported"]
    assert len(pair.errors) == len(set(pair.errors)) == 2


@pytest.mark.usefixtures("float64")
def test_a_builder_that_fails_with_loops_kept_is_run_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise Raised("TypeError: this is no number")

    monkeypatch.setattr(_General, "_finish", fails)
    pair = Pair(HEAD + STAGES.replace("model = build()", ""))
    assert not pair.errors
    pair.check("build", "build()")


FORKS = {
    "models": """
def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    y = layers.Conv2D(n, 3, padding="same")(x)
    first = layers.Conv2D(1, 1, activation="sigmoid")(x)
    last = layers.Conv2D(1, 1, activation="sigmoid")(y)
    if deep:
        model = keras.Model(inputs, [first, last])
    else:
        model = keras.Model(inputs, last)
    return model
""",
    "what is returned": """
def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    y = layers.Conv2D(n, 3, padding="same")(x)
    if not deep:
        return keras.Model(inputs, layers.Conv2D(1, 1)(y))
    first = layers.Conv2D(1, 1)(x)
    last = layers.Conv2D(1, 1)(y)
    return keras.Model(inputs=inputs, outputs=(first, last))
""",
    "a list that grows": """
def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    outputs = []
    if deep:
        outputs.append(layers.Conv2D(1, 1)(x))
    if n > 3:
        x = layers.Conv2D(n, 3, padding="same")(x)
        outputs.append(layers.Conv2D(2, 1)(x))
    outputs.append(layers.Conv2D(3, 1)(x))
    return keras.Model(inputs, outputs)
""",
    "a tensor or a list": """
def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    outputs = layers.Conv2D(1, 1)(x)
    aside = layers.Conv2D(2, 1)(x)
    if deep:
        outputs = [outputs, aside]
    return keras.Model(inputs=[inputs], outputs=outputs)
""",
    "cases of which none has to hold": """
def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    outputs = layers.Conv2D(1, 1)(x)
    if n > 5:
        outputs = [outputs, layers.Conv2D(2, 1)(x), layers.Conv2D(3, 1)(x)]
    elif deep:
        aside = layers.Conv2D(2, 1)(x)
        aside = layers.Activation("tanh")(aside)
        outputs = [outputs, aside]
    return keras.Model(inputs, outputs)
""",
    "a conditional expression": """
def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    first = layers.Conv2D(2, 1)(x)
    last = layers.Conv2D(1, 1)(x)
    model = keras.Model(inputs, [last, first] if deep else last)
    model.compile("sgd", "mse")
    return model
""",
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", FORKS)
def test_outputs_that_hang_on_a_setting(name: str) -> None:
    text = HEAD + FORKS[name] + "\n\nmodel = build()\ndeep = build(deep=True)\n"
    pair = Pair(text)
    assert not pair.errors
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    pair.check("model", "model")
    pair.check("deep", "deep")
    for given in ("", "deep=True", "3", "3, True"):
        pair.check("build", f"build({given})", given)


CALLED = """
def base(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    y = layers.Conv2D(n, 3, padding="same")(x)
    return keras.Model(inputs, [x, y] if deep else y)


def build(n=4, deep=False):
    inputs = keras.Input((6, 6, 3))
    x = base(n, deep)(inputs)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x[-1] if deep else x))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_a_model_that_is_called_has_the_outputs_that_its_caller_asks_for() -> None:
    pair = Pair(HEAD + CALLED)
    assert not pair.errors
    pair.check("build", "build(3)", "3")
    pair.check("base", "base(deep=True)", "deep=True")
    pair.check("build", "build(deep=True)", "deep=True")


NEEDED = """
def build(n=4, skip=True):
    inputs = keras.Input((6, 6, 3))
    aside = layers.Conv2D(n, 1)(inputs)
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    aside = layers.ReLU()(layers.Conv2D(n, 1)(aside))
    if skip:
        x = layers.Add()([x, aside])
    return keras.Model(inputs, layers.Conv2D(n, 1)(x))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_layers_that_only_a_branch_needs() -> None:
    """Keras leaves them out where the condition does not hold."""
    pair = Pair(HEAD + NEEDED)
    assert not pair.errors
    for given in ("", "3, False"):
        pair.check("build", f"build({given})", given)


HANDED = """
def up(x, skip, n, concat=True):
    x = layers.Conv2D(n, 3, padding="same")(layers.UpSampling2D()(x))
    if concat:
        x = layers.Concatenate()([x, skip])
    return layers.Conv2D(n, 1)(x)


def build(n=4, concat=False):
    inputs = keras.Input((6, 6, 3))
    first = layers.Conv2D(n, 1)(inputs)
    second = layers.Conv2D(n, 3, padding="same")(inputs)
    x = layers.MaxPooling2D()(layers.Conv2D(n, 3, padding="same")(inputs))
    x = up(x, first, n, concat=False)
    x = layers.MaxPooling2D()(up(layers.MaxPooling2D()(x), second, n))
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_tensors_that_a_function_makes_nothing_of() -> None:
    """The layer that makes ``first`` is not part of the model."""
    pair = Pair(HEAD + HANDED)
    assert not pair.errors
    pair.check("model", "model")
    pair.check("build", "build(3)", "3")


STOPS = """
def build(upto="last"):
    model = keras.Sequential()
    model.add(layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)))
    if upto == "first":
        return model
    model.add(layers.Conv2D(5, 3))
    if upto == "second":
        model.add(layers.Conv2D(6, 1))
        return model
    model.add(layers.Conv2D(7, 3))
    return model


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_a_sequential_that_one_branch_returns_and_the_other_adds_to() -> None:
    pair = Pair(HEAD + STOPS)
    assert not pair.errors
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    for given in ("", "'first'", "'second'"):
        pair.check("build", f"build({given})", given)


UNTOLD = {  # the source, the arguments that its class takes, and those that it refuses
    "what is returned early": (
        """
def build(layer):
    made = keras.Sequential()
    made.add(layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)))
    if "conv1" == layer:
        return made
    made.add(layers.Conv2D(5, 3))
    if "conv2" == layer:
        return made
    return None
""",
        ["'conv1'", "'conv2'"],
        "'conv3'",
    ),
    "the last case": (
        """
def build(kind):
    inputs = keras.Input((5,))
    x = layers.Dense(4)(inputs)
    if "a" == kind:
        return keras.Model(inputs, layers.Dense(3)(x))
    x = layers.Dense(2)(x)
    if "b" == kind:
        return keras.Model(inputs, x)
""",
        ["'a'", "'b'"],
        "'c'",
    ),
    "a loop": (
        """
def build(kind):
    inputs = keras.Input((5,))
    x = layers.Dense(4)(inputs)
    while "b" == kind:
        x = layers.Dense(9)(x)
        kind = "c"
    return keras.Model(inputs, x)
""",
        ["'a'"],
        "'b'",
    ),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", UNTOLD)
def test_what_no_sample_tells_is_checked(name: str) -> None:
    text, taken, refused = UNTOLD[name]
    pair = Pair(HEAD + text)
    assert not pair.errors
    for given in taken:
        pair.check("build", f"build({given})", given)
    with pytest.raises(NotImplementedError):
        eval(f"build({refused})", vars(pair.torch))


STARTS = {
    "in a branch": """
def build(wide=False, units=4):
    model = keras.Sequential()
    if wide:
        model.add(layers.Dense(2 * units, activation="relu", input_shape=(5,)))
    else:
        model.add(layers.Dense(units, input_shape=(5,)))
    model.add(layers.Dense(1))
    return model
""",
    "in the first turn of a loop": """
def build(depth=3, units=4):
    model = keras.Sequential()
    for i in range(depth):
        if i == 0:
            model.add(layers.Dense(units, activation="tanh", input_shape=(5,)))
        else:
            model.add(layers.Dense(units, activation="tanh"))
    model.add(layers.Dense(1))
    return model
""",
}


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.usefixtures("float64")
def test_a_sequential_that_learns_its_input(name: str) -> None:
    pair = Pair("import keras\nfrom keras import layers\n" + STARTS[name])
    assert not pair.errors
    pair.check("build", "build()")


MEASURED = """
def build(n=12, verbose=True):
    metrics = ["accuracy"]
    if n >= 10:
        metrics.append("top_k_categorical_accuracy")
    if verbose:
        shown = ["loss"]
        loss = "mse"
    else:
        loss, shown = "mae", []
    model = keras.Sequential([keras.Input((4,)), layers.Dense(n)])
    model.compile("adam", loss, metrics=metrics)
    return model
"""


@pytest.mark.usefixtures("float64")
def test_what_only_training_reads_pins_nothing() -> None:
    pair = Pair(HEAD + MEASURED)
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    assert [m["name"] for m in pair.done.training[0]["metrics"]] == [
        "accuracy",
        "top_k_categorical_accuracy",
    ]
    for given in ("", "3", "3, False"):
        pair.check("build", f"build({given})", given)


SOUGHT = """
def index_of(model, name):
    for i, layer in enumerate(model.layers):
        if layer.name == name:
            return i
    raise ValueError(name)


def build(name="second", n=3):
    inputs = keras.Input((4,))
    x = inputs
    for part in ("first", "second", "third", "last"):
        x = layers.Dense(n, name=part)(x)
    base = keras.Model(inputs, x)
    found = base.layers[index_of(base, name)].output
    return keras.Model(inputs, layers.Dense(2)(found))
"""


@pytest.mark.usefixtures("float64")
def test_a_layer_that_is_sought_by_its_name_takes_the_name_for_granted() -> None:
    pair = Pair(HEAD + SOUGHT)
    assert not pair.errors
    pair.check("build", "build(n=5)", "n=5")
    assert pair.done.code.count("raise NotImplementedError") == 1
    with pytest.raises(NotImplementedError):
        pair.torch.build("third")


def test_a_conditional_expression_on_what_is_not_known_is_told() -> None:
    text = (
        "import keras\nimport numpy as np\nbias = np.load('y.npy')\nstart = keras.Input((5,))\n"
        "model = keras.Model(start, start if bias is None else start + bias)\n"
        "name = 'a' if bias is None else 'b'\n"
    )
    log = Log()
    translate(text, "model.py", Options(), log)
    assert [(d.code, d.place.line) for d in log.diagnostics] == [("KT101", 5)]


LOADED = """
def build(weights="imagenet", top=True, n=3):
    inputs = keras.Input((4,))
    x = layers.Dense(5)(inputs)
    if top:
        x = layers.Dense(n)(x)
    model = keras.Model(inputs, x)
    if weights == "imagenet":
        path = keras.utils.get_file("a" if top else "b", "https://no.where/a")
    elif weights:
        path = weights
    else:
        path = None
    if path:
        if path.endswith("/"):
            path = f"{path}best"
        model.load_weights(path)
        print("loaded", path)
    return model
"""


@pytest.mark.usefixtures("float64")
def test_which_weights_are_loaded_makes_no_model_another() -> None:
    pair = Pair(HEAD + LOADED)
    assert not pair.errors
    pair.check("build", "build(weights=None, top=False)", "weights=None, top=False")
    assert pair.done.code.count("nn.Module):") == 1


ROWS = """
FIRST, SECOND = "first", "second"
SIZE = 8


def block(x, filters, s):
    strides = (s, s)
    y = layers.Conv2D(filters, 3, strides=strides, padding="same")(x)
    if x.shape != y.shape:
        x = layers.Conv2D(filters, 1, strides=strides)(x)
    if strides != (1, 1) and strides in [(2, 2), (4, 4)]:
        x = layers.ELU()(x)
    if x.shape[1:3] == (SIZE, SIZE):
        x = layers.ReLU()(x)
    for kind in ["first", "third"]:
        if kind in (FIRST, SECOND):
            x = layers.LeakyReLU(0.5)(x)
    return layers.Add()([x, y])


def build(filters=4, s=1, size=8):
    inputs = keras.Input((size, size, 4))
    return keras.Model(inputs, block(block(inputs, filters, s), 2, 2))
"""


@pytest.mark.parametrize("given", ["", "5", "4, 2, 16", "4, 1, 16"])
def test_rows_in_which_settings_stand_are_compared(given: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(HEAD + ROWS)
    assert pair.errors == []
    pair.check("build", f"build({given})", given)


def test_a_row_of_settings_is_compared_with_one_that_is_given(float64: None) -> None:
    text = """
def build(widths=(4, 6), first=4, back=(6, 4)):
    x = inputs = keras.Input((3,))
    if (first, 6) == widths:
        x = layers.Dense(first)(x)
    mirrored = list(widths)[::-1]
    mirrored.reverse()
    assert mirrored[::-1] == list(back), "mirror"
    return keras.Model(inputs, layers.Dense(widths[1])(x))
"""
    pair = Pair(HEAD + text)
    assert pair.errors == []
    for given in ("", "(5, 7), 2, (7, 5)"):
        pair.check("build", f"build({given})", given)


CALCULATED = """
def build(dilations, n=3):
    if not all([d != 0 and d & (d - 1) == 0 for d in dilations]):
        dilations = [2**d for d in dilations]
    x = inputs = keras.Input((12, 2))
    for d in dilations:
        x = layers.Conv1D(n, 2, padding="causal", dilation_rate=d)(x)
    return keras.Model(inputs, x)
"""


@pytest.mark.usefixtures("float64")
def test_a_condition_that_calculates_is_of_numbers() -> None:
    pair = Pair(HEAD + CALCULATED)
    assert not pair.errors
    for given in ("(1, 2)", "(1, 2, 3), 2"):
        pair.check("build", f"build({given})", given)


HOLDING = [
    "NAMES.count(name) == 1",
    "NAMES.index(name) == 0",
    "(1, 2, 3).count(a) == 1",
    "'x' in {FIRST, 'z'}",
    "len({a, b}) == 2",
    "set(NAMES) == {name, 'y'}",
    "{'p': a, 'q': [b]} == {'p': 1, 'q': [2]}",
    "not list(NAMES).remove(name)",
]


@pytest.mark.parametrize("test", HOLDING)
def test_what_settings_are_looked_for_in(test: str, float64: None) -> None:
    text = (
        "FIRST, NAMES = 'x', ['x', 'y']\n\n\n"
        "def build(a=1, b=2, name='x'):\n"
        "    x = inputs = keras.Input((3,))\n"
        f"    if {test}:\n"
        "        x = layers.Dense(4, activation='tanh')(x)\n"
        "    return keras.Model(inputs, layers.Dense(2)(x))\n"
    )
    keras.utils.clear_session()
    pair = Pair(HEAD + text)
    assert not pair.log.diagnostics or {d.code for d in pair.log.diagnostics} == {"KT301"}
    pair.check("build", "build()")


@pytest.mark.parametrize(
    ("size", "other"), [("len([*range(n)])", "1, 3"), ("sum([*units])", "(3, 4, 5)")]
)
def test_how_many_items_there_are_is_taken_for_granted_aloud(
    size: str, other: str, float64: None
) -> None:
    text = (
        "def build(units=(3, 4), n=2):\n"
        "    x = inputs = keras.Input((3,))\n"
        f"    return keras.Model(inputs, layers.Dense({size})(x))\n"
    )
    keras.utils.clear_session()
    pair = Pair(HEAD + text)
    assert {d.code for d in pair.log.diagnostics} == {"KT301"}
    pair.check("build", "build()")
    with pytest.raises(NotImplementedError, match="translated for"):
        eval(f"build({other})", vars(pair.torch))


GRANTED = """
import numpy as np


def build(n=3, deep=False):
    x = inputs = keras.Input((4,))
    if deep:
        x = layers.Dense(int(np.arange(n, n + 3)[1]))(x)
    return keras.Model(inputs, layers.Dense(n)(x))
"""


@pytest.mark.usefixtures("float64")
def test_what_a_branch_takes_for_granted_is_checked_where_it_is_run() -> None:
    pair = Pair(HEAD + GRANTED)
    assert not pair.errors
    for given in ("", "n=5", "deep=True"):
        pair.check("build", f"build({given})", given)
    with pytest.raises(NotImplementedError, match="not translated for deep and n != 3"):
        pair.torch.build(5, deep=True)


def test_of_which_type_an_argument_is_that_has_none_by_default(float64: None) -> None:
    """What an object keeps of it under the condition has its name; what is only warned of decides nothing."""
    pair = check_kept(
        HEAD + """
import warnings

import numpy as np


class Net:
    def __init__(self, depth, widths):
        self.depth = depth
        self.widths = widths

    def build(self):
        if self.widths is None:
            self.kept = [4 * i for i in range(1, self.depth + 1)]
        elif isinstance(self.widths, (int, float)):
            self.kept = [int(self.widths) for _ in range(self.depth)]
        elif isinstance(self.widths, list):
            self.kept = self.widths
            assert len(self.kept) == self.depth
        if np.any(np.array(self.kept) > 100):
            warnings.warn("that is wide")
        x = inputs = keras.Input((4,))
        for k in range(self.depth):
            x = layers.Dense(self.kept[k])(x)
        return keras.Model(inputs, x)


def build(depth=3, widths=None):
    return Net(depth, widths).build()
""",
        "2, 5",
        "widths=3.5",
        "4, [3, 5, 2, 6]",
    )
    assert "kept[k]" in pair.done.code
    with pytest.raises(AssertionError, match="len"):
        pair.torch.build(4, [3, 2])


INPUTS = {
    "of several kinds": """
def build(vocab=10, width=None, deep=False):
    if width is None:
        inputs = keras.Input((6,), dtype="int32", name="words")
        x = layers.Embedding(vocab, 4)(inputs)
    else:
        inputs = x = keras.Input((6, width), name="words")
    return keras.Model(inputs, layers.Dense(3)(x))
""",
    "one of them used twice": """
def build(vocab=8, width=None, deep=False):
    if width is None:
        inputs = keras.Input((12,))
        x = layers.Dense(vocab)(inputs)
        x = layers.Reshape((4, 2))(layers.Multiply()([x, layers.Dense(vocab)(inputs)]))
    elif deep:
        inputs = keras.Input((4, width))
        x = layers.Add()([layers.Dense(2)(inputs), layers.Dense(2)(inputs)])
    else:
        inputs = x = keras.Input((width, 2))
    x = layers.Conv1D(5, 2, padding="same")(x)
    return keras.Model(inputs, layers.Dense(2)(x))
""",
    "read again": """
def build(vocab=8, width=None, deep=False):
    if width is None:
        inputs = keras.Input((5, 4, 3))
        x = layers.Conv2D(vocab, 3, padding="same")(inputs)
    else:
        inputs = keras.Input((5, 4, width))
        x = layers.Conv2D(width, 1)(layers.ReLU()(inputs))
    x = layers.Concatenate()([x, inputs])
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
""",
}


@pytest.mark.parametrize("given", ["width=3", "8, 5, True"])
@pytest.mark.parametrize("name", INPUTS)
def test_inputs_that_branches_make(name: str, given: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(HEAD + INPUTS[name])
    assert pair.errors == []
    assert {d.code for d in pair.log.diagnostics} <= {"KT101"}
    pair.check("build", "build()")
    theirs = eval(f"build({given})", pair.keras)
    ours = eval(f"build({given})", vars(pair.torch))
    pair.torch.load_keras_weights(ours, theirs)
    x = np.random.default_rng(0).normal(size=(2, *theirs.inputs[0].shape[1:]))
    first = pair.entries("build")[0]["inputs"][0]["permute"]
    turned = torch.from_numpy(x).permute(*first) if first else torch.from_numpy(x)
    got = ours(turned).detach().numpy()
    want = np.asarray(theirs(x))
    np.testing.assert_allclose(np.moveaxis(got, 1, -1) if first else got, want, rtol=1e-9)


def test_a_check_may_be_half_of_an_expression(float64: None) -> None:
    pair = check_kept(
        """
import keras
from keras import layers


def fail(problem):
    raise problem


def build(sizes=(3, 5), units=4):
    units >= 2 or fail(ValueError("units"))
    all(n % 2 == 1 for n in sizes) or fail(ValueError("sizes"))
    units > 9 and fail(ValueError("too many"))
    start = keras.Input((8, 3))
    x = layers.Concatenate()([layers.Conv1D(units, n, padding="same")(start) for n in sizes])
    return keras.Model(start, x)
""",
        "(7, 1, 3), 2",
    )
    for wrong, of in (("units=1", "units"), ("(4, 3)", "sizes"), ("units=10", "many|units > 9")):
        for side in (pair.keras, vars(pair.torch)):
            with pytest.raises(ValueError, match=of):
                eval(f"build({wrong})", side)


WRAPPED_IN_A_BRANCH = """
import keras
from keras import layers


def build(n=6, units=(5, 4), by_frame=True):
    inputs = y = keras.Input((n, 3))
    for u in units:
        dense = layers.Dense(u, activation="tanh")
        if by_frame:
            y = layers.TimeDistributed(dense)(2 * y)
        else:
            y = {other}(y)
    return keras.Model(inputs, y)
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("other", ["dense", "layers.TimeDistributed(dense)"])
def test_a_layer_that_one_branch_wraps_is_made_for_both(other: str) -> None:
    text = WRAPPED_IN_A_BRANCH.format(other=other)
    check_kept(text, "by_frame=False", "4, (3,), False", "4, (3,)")


@pytest.mark.parametrize("test", ["True", "self.low > 0"])
def test_what_a_class_is_not_translated_for_is_said_once(test: str, float64: None) -> None:
    text = (
        "import keras\nfrom keras import constraints, initializers, layers, regularizers\n"
        "class Split(layers.Layer):\n"
        "    def __init__(self, units, ratio=0.5, use_bias=True, start='zeros', penalty=None,\n"
        "                 limit=None, data_format=None):\n"
        "        super().__init__()\n"
        "        self.low = int(units * ratio)\n"
        "        self.high = units - self.low\n"
        "        self.given = dict(use_bias=use_bias, bias_initializer=initializers.get(start),\n"
        "                          bias_regularizer=regularizers.get(penalty),\n"
        "                          bias_constraint=constraints.get(limit), data_format=data_format)\n"
        f"        if {test}:\n"
        "            self.other = self._conv(self.low)\n"
        "        self.one = self._conv(self.high)\n"
        "    def _conv(self, units):\n"
        "        return layers.Conv2D(units, 3, padding='same', **self.given)\n"
        "    def call(self, x):\n"
        "        if self.low == 0:\n"
        "            return self.one(x)\n"
        "        return self.one(x), self.other(x)\n"
        "i = keras.Input((5, 5, 4))\n"
        "model = keras.Model(i, Split(6)(i))\n"
        "other = keras.Model(i, Split(6, 0.3, False, 'ones', 'l2')(i))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("model", "model")
    pair.check("other", "other")
    said = re.findall(r"translated for .*(?=\")", pair.done.code)
    assert len(said) == len({*said})
    assert {"translated for limit = None", "translated for data_format = None"} <= {*said}
    assert not any(" and " in each for each in said)
