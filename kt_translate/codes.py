"""Every diagnostic code: how bad it is, what it means, an example, and what to do about it."""

from __future__ import annotations

from inspect import cleandoc
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Code(NamedTuple):
    """A kind of diagnostic; the explanation is Markdown that also reads well as plain text."""

    severity: Severity
    title: str
    explanation: str
    hint: str


CODES: dict[str, Code] = {}


def _declare(code: str, severity: Severity, title: str, explanation: str, hint: str) -> None:
    if code in CODES:
        raise ValueError(f"diagnostic {code} is declared twice")
    CODES[code] = Code(severity, title, cleandoc(explanation), hint)


_declare(
    "KT001",
    "error",
    "cannot read the source",
    """
    The source file does not exist, may not be read, is not UTF-8 text (or the encoding that its
    first lines declare), holds NUL bytes, is a notebook whose JSON is damaged, or is larger
    than 10 MB. Nothing is written.
    """,
    "check the path; give a Python file or a notebook, as UTF-8 text",
)
_declare(
    "KT002",
    "error",
    "not Python",
    """
    The source cannot be parsed as Python 3. Nothing is written. Code of Python 2 is a frequent
    case:

        print "accuracy", score[1]
    """,
    "mend the syntax (2to3 or futurize help with Python 2), then translate again",
)
_declare(
    "KT003",
    "warning",
    "no Keras model in it",
    """
    The file was read and no function, class or statement in it builds a Keras model or layer,
    so the translation has no module. A file that gets its model from another one is a frequent
    case:

        from my_models import build_model
        model = build_model()
    """,
    "translate the file that makes the layers",
)
_declare(
    "KT004",
    "error",
    "output edited by hand",
    """
    The output file exists and is not what kt-translate wrote: the hash in its first line does
    not fit the rest, or it has no such line. Somebody's work may be in it, so it is kept.

        # kt-translate 0.1.0: from model.py sha256:..., this file sha256:...
    """,
    "give another -o, or --force to overwrite it",
)
_declare(
    "KT005",
    "error",
    "an error of kt-translate itself",
    """
    A statement, or the class of a model, met a defect of kt-translate. It is left out with all
    that hangs on it; the rest of the file is translated. The message says where in kt-translate
    it happened:

        an error of kt-translate itself, at kt_translate/ops/indexing.py:26: KeyError: 'x'
    """,
    "please report it together with the source",
)
_declare(
    "KT101",
    "warning",
    "input size, or way of a condition, guessed",
    """
    Keras learns the size of its input when data first arrives; PyTorch must be told when the
    module is made. Nothing tells it for certain, so a likely one was taken from elsewhere (or the
    first branch of a condition on unknown data), for example from the reshape of a data set:

        x_train = x_train.reshape(-1, 784)
        model = Sequential([Dense(10)])
    """,
    "check the size in the output; --input-shape NAME=784 settles it",
)
_declare(
    "KT102",
    "error",
    "unknown value reaches a setting",
    """
    A setting that decides what the model is made of comes from somewhere that reading alone
    cannot follow: a file, the command line, the data, another package.

        config = json.load(open("config.json"))
        model.add(Dense(config["units"]))
    """,
    "give the value: --set NAME=VALUE, with the name of the variable and a Python literal",
)
_declare(
    "KT103",
    "error",
    "evaluation limit reached",
    """
    Following the code that builds the model took more steps, deeper calls or larger containers
    than allowed. A loop that ends only when some data is used up, or a recursion without a
    known end, does that:

        while not converged(model):
            model.add(Dense(8))
    """,
    "give the values that end the loop by --set NAME=VALUE, or translate the function that "
    "builds one model",
)
_declare(
    "KT104",
    "error",
    "Python construct not understood",
    """
    Model-building code uses a Python construct that is not followed (`async`, a metaclass,
    `exec`, a generator with `send`). What depends on it is not translated; everything else is.

        exec("model.add(Dense(%d))" % units)
    """,
    "write this part in plain Python: assignments, calls, loops and conditions are all followed",
)
_declare(
    "KT106",
    "error",
    "the source raises here",
    """
    Running the code as it stands would raise an exception at this place, so there is no model
    to translate beyond it.

        def block(x, filters):
            if filters % 8:
                raise ValueError("filters must be a multiple of 8")
        x = block(x, 12)
    """,
    "mend the source; if the branch is not taken in earnest, give the value that decides it: "
    "--set NAME=VALUE",
)
_declare(
    "KT107",
    "error",
    "call cannot be evaluated",
    """
    A function is called whose source is not in the file and that is no known function of
    Python, NumPy or Keras, and a layer or a tensor depends on what it returns.

        from efficient_blocks import swish_block
        x = swish_block(x)
    """,
    "put the called function into the file (or its file beside it), or give its value: --set "
    "NAME=VALUE",
)
_declare(
    "KT108",
    "error",
    "Keras is not installed",
    """
    The model comes from `keras.applications`. It is translated from the source of the installed
    Keras, which is read and not imported, and there is none in this environment.

        base = keras.applications.VGG16(include_top=False)
    """,
    "install Keras where kt-translate runs: pip install keras (no backend is needed)",
)
_declare(
    "KT201",
    "error",
    "no rule yet for this layer",
    """
    The layer exists in Keras and could be written in PyTorch, but kt-translate does not know it
    yet. Its place in the output raises `NotImplementedError` with the source line; everything
    around it is translated.

        x = layers.SomeRareLayer(8)(x)
    """,
    "write this module by hand where the output says so, or add a declaration in "
    "kt_translate/layers/",
)
_declare(
    "KT202",
    "error",
    "PyTorch has no such thing",
    """
    The layer or operation does something that has no counterpart in a PyTorch module: it needs
    state that is learnt from a data set by `adapt()`, works on strings, or runs TensorFlow
    graph code.

        x = layers.TextVectorization(max_tokens=20000)(text)
    """,
    "do this step where the data is loaded, before the module",
)
_declare(
    "KT203",
    "error",
    "argument value not supported",
    """
    The layer is known, and this value of one of its arguments cannot be translated; the message
    lists those that can.

        x = layers.Conv1D(8, 3, padding="unheard-of")(x)
    """,
    "use one of the values that the message names, or write this module by hand",
)
_declare(
    "KT204",
    "error",
    "argument not known to Keras",
    """
    No version of Keras has this argument for this layer, or it got too many arguments: Keras
    itself would refuse it.

        x = layers.Dense(10, activaton="relu")(x)
    """,
    "check the argument's name against the Keras documentation",
)
_declare(
    "KT206",
    "error",
    "input shape does not fit",
    """
    The layer cannot take a tensor of this shape: Keras itself would refuse it when the model is
    built.

        x = keras.Input((10,))
        x = layers.Conv2D(8, 3)(x)      # needs (height, width, channels)
    """,
    "check the shapes; if the input shape was guessed or given by --input-shape, correct it",
)
_declare(
    "KT207",
    "note",
    "argument without effect in PyTorch",
    """
    The argument tells Keras how to compute, not what: it changes no result in PyTorch and was
    dropped.

        x = layers.LSTM(64, unroll=True)(x)
    """,
    "nothing needs to be done",
)
_declare(
    "KT208",
    "warning",
    "not translated for training",
    """
    What changes pictures at random in training only: in training mode its module raises
    NotImplementedError. Or an initializer of the source's own, or a regularizer or constraint that
    has no counterpart: weights that are loaded are right, and so is all that is computed with them.
    Or models that share layers, which Keras trains together: each factory makes modules of its own.

        x = layers.RandAugment(value_range=(0, 255))(x)
    """,
    "augment the data in the input pipeline; set the initial weights after the module is made",
)
_declare(
    "KT209",
    "warning",
    "a name that a layer reads late",
    """
    Keras calls the function of a Lambda layer whenever the model runs. A name around it that was
    bound anew in the meantime, as a loop does it, then holds what it was bound to last: here every
    part is the last one. That is what is translated.

        for i in range(3):
            parts.append(Lambda(lambda x: x[:, i])(inputs))
    """,
    "let the function keep the value: lambda x, i=i: x[:, i]",
)
_declare(
    "KT301",
    "note",
    "function specialised to the arguments given",
    """
    The structure hangs on an argument that one class cannot keep open: it is written for this one.

        def resnet(stack_fn): ...
        model = resnet(lambda x: stack(x, 64, 3))
    """,
    "nothing needs to be done; for other arguments change the call and translate again",
)
_declare(
    "KT302",
    "note",
    "structure not kept",
    """
    The code that builds this part could not be kept as it is written (a loop over another
    model's layers, say). The layers that it makes are written out one by one: longer to read,
    and exact.

        for layer in base.layers[:-2]:
            x = layer(x)
    """,
    "nothing needs to be done",
)
_declare(
    "KT303",
    "error",
    "input size not known",
    """
    Keras learns the size of this input when data first arrives, PyTorch must be told when the
    module is made, and neither the file nor the shapes of the weights tell it.

        def build():
            return Sequential([Flatten(), Dense(10)])
    """,
    "say it: --input-shape NAME=28,28,1, without the batch axis; NAME is the function or "
    "variable of the model",
)
_declare(
    "KT401",
    "note",
    "training call left out",
    """
    The call trains, evaluates or predicts on data. The output has the model, the loss, the
    optimizer and a training loop to call; the data is the caller's.

        model.fit(x_train, y_train, epochs=15)
    """,
    "call the output's functions with your data",
)
_declare(
    "KT402",
    "note",
    "pretrained weights are loaded by the loader",
    """
    The source loads weights while it builds the model. The translated module starts with fresh
    ones, and `load_keras_weights(module, weights)` loads those of the Keras model or of its
    file.

        model.load_weights("best.weights.h5")
    """,
    "call load_keras_weights(module, file) after making the module",
)
_declare(
    "KT501",
    "error",
    "optimizer not translated",
    """
    The optimizer, one of its arguments or its learning rate schedule has no exact counterpart
    yet.

        model.compile(optimizer=MyOptimizer(0.1), loss="mse")
    """,
    "write make_optimizer by hand; the modules and the loss are not concerned",
)
_declare(
    "KT502",
    "error",
    "loss not translated",
    """
    The loss is a function of the user's own that is not understood, or one without an exact
    counterpart yet.

        model.compile(optimizer="adam", loss=lambda y, p: my_package.distance(y, p))
    """,
    "write loss_fn(output, target) by hand; mind that Keras averages over the last axis first",
)
_declare(
    "KT503",
    "note",
    "metric left out",
    """
    The metric has no counterpart in the output. Metrics do not change training.

        model.compile(loss="mse", metrics=[my_metric])
    """,
    "compute it where the module is used, if it is needed",
)
