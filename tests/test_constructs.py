"""Constructs of Python and of the world outside: what is known, what is not, and that nothing is wrong in silence."""

from __future__ import annotations

import importlib
from typing import Any

import keras
import pytest

from kt_translate.diagnostics import Log
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Array, Unknown
from kt_translate.graph.sym import known
from kt_translate.layers import catalogue
from kt_translate.ops import catalogue as op_catalogue
from kt_translate.pipeline import Options, translate
from kt_translate.source.syntax import Source
from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import keras\nfrom keras import layers\nimport numpy as np\n"


def run(text: str) -> dict[str, Any]:
    """The names of a module after it was evaluated."""
    catalogue.load()
    op_catalogue.load()
    ev = Interpreter(Source(text, "model.py"), Log(), {})
    ev.run_module()
    return ev.module.names


def value(expression: str, before: str = "") -> Any:
    found = run(f"{before}\nresult = {expression}\n")["result"]
    if isinstance(found, (Unknown, Array)):
        return found
    return list(known(found)) if isinstance(found, list) else known(found)


def errors_of(text: str) -> list[str]:
    log = Log()
    translate(text, "model.py", Options(), log)
    return [f"{d.code}: {d.message}" for d in log.diagnostics if d.severity == "error"]


DATA = "data = open('data.txt').read()"


@pytest.mark.parametrize(
    "expression",
    [
        "len(set(data))",
        "len(dict(data))",
        "len({c: i for i, c in enumerate(data)})",
        "len([c for c in data])",
        "len(sorted(list(set(data))))",
        "len(list(map(str, data)))",
        "len(list(filter(None, data)))",
        "[1, *data]",
        "max([3, len(data)])",
        "max(data)",
        "int(data)",
        "[1, 2, 3][len(data)]",
        "'%d' % len(data)",
        "f'{data}'",
        "tuple(data) >= (3, 5)",
    ],
)
def test_what_comes_of_unknown_data_is_unknown(expression: str) -> None:
    found = value(expression, DATA)
    assert isinstance(found, Unknown) or any(isinstance(v, Unknown) for v in found)


def test_what_a_loop_over_unknown_data_collects_is_unknown() -> None:
    names = run(
        "words, count, table = [], 0, {}\n"
        "for line in open('words.txt'):\n"
        "    words.append(line.strip())\n"
        "    table[line] = count\n"
        "    count += 1\n"
        "n, m, k = len(words), count, len(table)\n"
        "other = 5\n"
    )
    assert [isinstance(names[n], Unknown) for n in ("n", "m", "k")] == [True] * 3
    assert known(names["other"]) == 5


def test_a_model_that_grows_by_data_is_an_error() -> None:
    text = IMPORTS + (
        "model = keras.Sequential([keras.Input((4,))])\n"
        "for line in open('layers.txt'):\n"
        "    model.add(layers.Dense(3))\n"
    )
    assert any("KT102" in e for e in errors_of(text))


def test_a_model_with_an_output_that_is_not_known_is_not_written_without_it() -> None:
    text = "i = keras.Input((3,))\nmodel = keras.Model(i, [layers.Dense(2)(i), unknown(i)])\n"
    log = Log()
    assert "class Model" not in translate(IMPORTS + text, "model.py", Options(), log).code
    assert any(d.severity == "error" for d in log.diagnostics)


def test_a_loop_for_data_without_end_is_no_error() -> None:
    text = IMPORTS + (
        "import random\n"
        "pairs = []\n"
        "while len(pairs) < 9000:\n"
        "    if random.random() in pairs:\n"
        "        continue\n"
        "    pairs.append(1)\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
    )
    assert errors_of(text) == []


def test_a_loop_that_trains_and_samples_ends_soon() -> None:
    names = run(
        "count, seen = 0, []\n"
        "for epoch in range(40):\n"
        "    for i in range(4000):\n"
        "        count += 1\n"
        "        seen.append(i)\n"
        "units = 5\n"
    )
    assert isinstance(names["count"], Unknown)
    assert isinstance(
        value("len(seen)", "seen = []\nfor i in range(90000):\n    seen.append(i)"), Unknown
    )
    assert known(names["units"]) == 5


@pytest.mark.parametrize("expression", ["words[3]", "words[:-1]", "words[-1]", "list(words[1:])"])
def test_a_place_in_what_a_loop_over_data_has_filled_is_unknown(expression: str) -> None:
    before = f"{DATA}\nwords = []\nfor line in data:\n    words.append(line)"
    assert isinstance(value(expression, before), Unknown)


def test_operations_on_parts_of_data_are_no_error() -> None:
    text = IMPORTS + (
        "import tensorflow as tf\n"
        f"{DATA}\n"
        "both = tf.concat((data[:3], data[3:]), 0)\n"
        "pair = keras.ops.stack([np.zeros(3), data])\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
    )
    assert errors_of(text) == []


def test_a_model_of_what_is_not_known_is_in_the_report() -> None:
    text = IMPORTS + (
        f"{DATA}\n" "i = keras.Input(data)\n" "model = keras.Model(i, layers.Flatten()(i))\n"
    )
    done = translate(text, "model.py", Options(), Log())
    assert [(e["source_name"], e["status"]) for e in done.models] == [("model", "unsupported")]
    assert "def model(" in done.code


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[k + str(v) for k, v in {'a': 1, 'b': 2}.items()]", ["a1", "b2"]),
        ("list({'a': 1, 'b': 2}.values())", [1, 2]),
        ("sorted({'b': 1, 'a': 2}.keys())", ["a", "b"]),
        ("sorted([3, 1, 2], key=lambda n: -n)", [3, 2, 1]),
        ("(k := ['c10', 'c9'], k.sort(key=lambda n: int(n[1:])))[0]", ["c9", "c10"]),
        ("sorted(set('abca'))", ["a", "b", "c"]),
        ("type([1]) is list", True),
        ("type(3) is list or type(3) is tuple", False),
        ("eval('[64, 32]')", [64, 32]),
        ("globals().get('width', 0)", 7),
        ("(lambda *a, **k: (a, len(k)))(1, 2, b=3, a=4)", ((1, 2), 2)),
        ("next(n for n in [4, 5] if n > 4)", 5),
        ("any(n > 4 for n in [4, 5])", True),
        ("dict(zip('ab', [1, 2]), c=3)", {"a": 1, "b": 2, "c": 3}),
        ("round(7 / 2)", 4),
        ("sys.version_info >= (3, 5)", True),
        ("keras.__version__ >= '2.0'", True),
        ("[n for n in reversed(range(3))]", [2, 1, 0]),
    ],
)
def test_python(expression: str, expected: Any) -> None:
    assert value(expression, "import sys, keras\nwidth = 7") == expected


@pytest.mark.parametrize(
    "call",
    [
        "normalize_tuple(3, 2, 'strides')",
        "normalize_tuple([3, 2], 2, 'strides')",
        "normalize_padding('VALID')",
        "normalize_data_format(None)",
        "normalize_data_format('Channels_First')",
        *(
            f"conv_output_length({n}, 3, '{p}', 2)"
            for n in (8, 9)
            for p in ("same", "valid", "full")
        ),
        "conv_output_length(9, 3, 'valid', 1, dilation=2)",
        "conv_output_length(None, 3, 'valid', 1)",
        *(
            f"deconv_output_length(5, {k}, '{p}', None, 2)"
            for k in (1, 4)
            for p in ("same", "valid")
        ),
        "deconv_output_length(5, 4, 'full', stride=2)",
        *(f"deconv_output_length(5, 4, '{p}', 1, 2, 2)" for p in ("same", "valid", "full")),
    ],
)
def test_what_keras_layers_bring_their_settings_into_form_with(call: str) -> None:
    reference = importlib.import_module("tf_keras.src.utils.conv_utils")
    expected = eval(f"reference.{call}", {"reference": reference})
    for path in ("tensorflow.python.keras.utils", "keras.utils"):
        assert value(f"conv_utils.{call}", f"from {path} import conv_utils") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("functools.reduce(lambda a, b: a * b, [2, 3, 4])", 24),
        ("functools.reduce(lambda a, b: a + b, [2], 1)", 3),
        ("list(itertools.chain([1], [2, 3]))", [1, 2, 3]),
        ("list(itertools.product([1, 2], 'a'))", [(1, "a"), (2, "a")]),
        ("list(itertools.repeat(4, 2))", [4, 4]),
        ("collections.OrderedDict([('a', 1)])", {"a": 1}),
        ("collections.namedtuple('Block', 'filters kernel')(8, kernel=3).kernel", 3),
        ("operator.mul(3, 4)", 12),
        ("json.loads('{\"a\": [1]}')", {"a": [1]}),
        ("ast.literal_eval('(1, 2)')", (1, 2)),
        ("list(range(3))", [0, 1, 2]),
        ("string.digits", "0123456789"),
        ("isinstance((1, 2), collections.abc.Sequence) and isinstance(3, numbers.Number)", True),
        ("isinstance(3, (collections.abc.Iterable, numbers.Rational))", True),
        ("isinstance(3, collections.abc.Iterable)", False),
    ],
)
def test_standard_library(expression: str, expected: Any) -> None:
    before = "import functools, itertools, collections, operator, json, ast, string, numbers\nfrom six.moves import range"
    assert value(expression, before) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "2 ** np.insert(np.arange(0, 3, dtype=np.float32), 0, 0)",
        "(np.array([1, 2]) * 144).astype(int)",
        "np.array([1, 2]) * 2.5",
        "np.array([[1, 2], [3, 4]]) + np.array([10, 20])",
        "np.array([[1, 2], [3, 4]]).sum(axis=0)",
        "np.array([[1, 2], [3, 4]]).max(axis=-1)",
        "np.array([[1, 2], [3, 4]]).T.flatten()",
        "np.array([[1, 2], [3, 4]])[:, 1]",
        "np.arange(6).reshape(2, -1)",
        "np.eye(2).flatten()",
        "np.linspace(0, 1, 5)",
        "np.cumsum([1, 2, 3])",
        "np.round(np.array([1.4, 2.6]))",
        "np.concatenate([np.array([1, 2]), [3]])",
        "np.maximum([1, 5], 3)",
        "np.array([3, 1, 2])[np.array([3, 1, 2]) > 1]",
        "np.array([1, 2]) / 4",
        "np.array([0.1], dtype=np.float32) * 3",
        "np.append([1, 2], 3)",
        "np.clip([1, 5, 9], 2, 6)",
        "np.ceil(2.1)",
        "np.log2(8)",
        "int(np.prod((2, 3)))",
    ],
)
def test_numbers_are_those_of_numpy(expression: str) -> None:
    import numpy as np

    expected = eval(expression)
    found = value(expression, "import numpy as np")
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-6)
    whole = np.asarray(expected).dtype.kind in "iu"
    assert isinstance(np.ravel(np.array(found))[0].item(), int if whole else float)


def test_numbers_that_are_assigned_to() -> None:
    text = "import numpy as np\nch = 2 ** np.arange(3)\nch *= 10\nch[0] = 24\nch[1:] += 1\n"
    assert list(run(text)["ch"]) == [24, 21, 41]


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        ("x.reshape((x.shape[0], x.shape[1], 1)).shape[-1]", 1),
        ("x.reshape(-1, 28, 28, 1).shape[1:]", (28, 28, 1)),
        ("np.random.rand(8, 100).shape[1]", 100),
        ("np.random.normal(size=(4, 5)).shape", (4, 5)),
        ("np.random.rand(8, 100, 2)[np.random.permutation(8)].shape[1:]", (100, 2)),
    ],
)
def test_shapes_of_data_that_are_not_known(expression: str, shape: Any) -> None:
    assert value(expression, "import numpy as np\nx = np.loadtxt('x.csv')") == shape


def test_arguments_of_the_command_line() -> None:
    names = run(
        "import argparse\n"
        "def parse():\n"
        "    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--layers', nargs='?', default='[64,32]')\n"
        "    parser.add_argument('--size', type=int, default='5')\n"
        "    return parser.parse_args()\n"
        "args = parse()\n"
        "layers = eval(args.layers)\n"
        "size = vars(args)['size']\n"
        "given = vars(argparse.ArgumentParser().parse_args([]))\n"
    )
    assert names["layers"] == [64, 32]
    assert names["size"] == 5
    assert names["given"] == {}


# -- the world ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "assert sys.version_info >= (3, 5)",
        "from packaging import version\nassert version.parse(keras.__version__) >= version.parse('2.8')",
        "size = int('')",
        "print(len(sys.modules), len(keras.losses))",
        "first = [][0]",
        "assert len(open('a').read()) > 3",
        "sys.path[0:len(sys.argv)]",
    ],
)
def test_errors_of_the_world_are_none_of_the_model(statement: str) -> None:
    text = f"import sys\n{IMPORTS}{statement}\nmodel = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
    assert errors_of(text) == []


def test_a_model_that_hangs_on_an_error_is_an_error() -> None:
    text = (
        IMPORTS
        + "size = int('')\nmodel = keras.Sequential([keras.Input((4,)), layers.Dense(size)])\n"
    )
    assert any("KT102" in e for e in errors_of(text))


def test_what_is_not_translated_is_called_an_error() -> None:
    text = IMPORTS + (
        "def build(n):\n"
        "    i = keras.Input((n,))\n"
        "    return keras.Model(i, unknown_block(i))\n"
        "model = build(3)\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert log.has_errors
    assert all(m["status"] != "translated" for m in done.models)


def test_unknown_values_are_not_printed_as_code() -> None:
    text = IMPORTS + (
        "i = keras.Input((4,))\n"
        "w = keras.initializers.Constant(open('w').read())\n"
        "model = keras.Model(i, layers.Dense(3, kernel_initializer=w)(i))\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert "<unknown" not in done.code
    compile(done.code, "model_pt.py", "exec")


# -- models ---------------------------------------------------------------------------------------

MODELS = {
    "stars": (
        "from keras.models import *\nfrom keras.layers import *\nfrom keras.optimizers import *\n"
        "i = Input((4,))\nmodel = Model(i, Dense(3, activation='tanh')(i))\n"
    ),
    "stars_of_applications": (
        "from keras.models import *\nfrom keras.layers import *\nfrom keras.applications import *\n"
        "i = Input((4,))\nmodel = Model(i, Dense(3, activation='tanh')(i))\n"
    ),
    "stars_later_wins": (
        "from math import *\nfrom keras.layers import *\nfrom keras.models import Model\n"
        "i = Input((4,))\nmodel = Model(i, Dense(int(floor(3.7)))(i))\n"
    ),
    "dict_views": IMPORTS
    + (
        "SIZES = {'first': 5, 'second': 2}\n"
        "i = keras.Input((3,))\nx = i\n"
        "for name, size in SIZES.items():\n"
        "    x = layers.Dense(size, name=name)(x)\n"
        "model = keras.Model(i, layers.Dense(sum(SIZES.values()))(x))\n"
    ),
    "compose": IMPORTS
    + (
        "from functools import reduce, wraps\n"
        "def compose(*funcs):\n"
        "    return reduce(lambda f, g: lambda *a, **kw: g(f(*a, **kw)), funcs)\n"
        "@wraps(layers.Conv2D)\n"
        "def conv(*args, **kwargs):\n"
        "    settings = {'padding': 'same'}\n"
        "    settings.update(kwargs)\n"
        "    return layers.Conv2D(*args, **settings)\n"
        "i = keras.Input((6, 5, 3))\n"
        "x = compose(conv(4, (3, 3), use_bias=False), layers.BatchNormalization(), layers.ReLU())(i)\n"
        "model = keras.Model(i, x)\n"
    ),
    "own_activations": IMPORTS
    + (
        "class Maker:\n"
        "    def swish(self, x):\n"
        "        return x * keras.ops.relu(x + 3.0) / 6.0\n"
        "    def build(self):\n"
        "        i = keras.Input((4,))\n"
        "        x = layers.Activation(self.swish)(layers.Dense(3)(i))\n"
        "        x = layers.Dense(5, activation=self.swish)(x)\n"
        "        return keras.Model(i, layers.Dense(2, activation=lambda t: t * 2.0)(x))\n"
        "model = Maker().build()\n"
    ),
    "settings_by_get": IMPORTS
    + (
        "init = keras.initializers.get('he_normal')\n"
        "reg = keras.regularizers.get('l2')\n"
        "act = keras.activations.get('tanh')\n"
        "i = keras.Input((4,))\n"
        "x = act(layers.Dense(3, kernel_initializer=init, kernel_regularizer=reg)(i))\n"
        "model = keras.Model(i, layers.Dense(2, activation=act)(x))\n"
    ),
    "cast_for_an_inner_model": IMPORTS
    + (
        "lab = keras.Input((1,), dtype='int32')\n"
        "inner = keras.Model(lab, layers.Flatten()(layers.Embedding(10, 4)(lab)))\n"
        "label = keras.Input((1,))\n"
        "model = keras.Model(label, layers.Dense(2)(inner(label * 0.0 + 3.0)))\n"
    ),
    "vocabulary": IMPORTS
    + (
        "letters = sorted(set('hello'))\n"
        "lookup = layers.StringLookup(vocabulary=list(letters), mask_token=None)\n"
        "i = keras.Input((4,))\n"
        "model = keras.Model(i, layers.Dense(len(lookup.get_vocabulary()) + 1)(i))\n"
    ),
    "lambda_arguments": IMPORTS
    + (
        "def shuffle(x, groups, scale=1.0):\n"
        "    return keras.ops.flip(x, axis=-1) * scale + groups\n"
        "sizes = (2 ** np.arange(3)).astype(int)\n"
        "i = keras.Input((4,))\n"
        "x = layers.Lambda(shuffle, arguments={'groups': sizes[1], 'scale': 0.5})(i)\n"
        "model = keras.Model(i, layers.Dense(int(sizes[2]))(x))\n"
    ),
    "globals_set_by_a_helper": IMPORTS
    + (
        "def set_axes():\n"
        "    global AXIS\n"
        "    AXIS = 3\n"
        "def norm(x):\n"
        "    return layers.BatchNormalization(axis=AXIS)(x)\n"
        "def build():\n"
        "    set_axes()\n"
        "    i = keras.Input((6, 5, 4))\n"
        "    x = globals().get('norm')(i)\n"
        "    return keras.Model(i, layers.Conv2D(x.shape[AXIS], 1)(x))\n"
        "model = build()\n"
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_model(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(MODELS[name])
    assert pair.errors == []
    pair.check("model", "model")


def test_average_pooling_has_a_default_size() -> None:
    text = (
        IMPORTS
        + "i = keras.Input((6, 5, 3))\nmodel = keras.Model(i, layers.AveragePooling2D((2, 2))(i))\n"
    )
    default = translate(text.replace("(2, 2)", ""), "model.py", Options(), Log())
    assert default.code == translate(text, "model.py", Options(), Log()).code


def test_order_of_axes_of_keras_1() -> None:
    text = (
        "from keras import backend as K\nfrom keras.models import Sequential\n"
        "from keras.layers import Convolution2D, Flatten, Dense\n"
        "if K.image_dim_ordering() == 'th':\n    shape = (1, 28, 24)\nelse:\n    shape = (28, 24, 1)\n"
        "model = Sequential()\n"
        "model.add(Convolution2D(4, 3, 5, border_mode='valid', input_shape=shape))\n"
        "model.add(Flatten())\nmodel.add(Dense(2))\n"
    )
    assert errors_of(text) == []
    done = translate(text, "model.py", Options(), Log())
    assert "nn.Conv2d(1, 4, (3, 5)" in done.code.replace("kernel_size=", "")
    first = text.replace("if K.image", "K.set_image_dim_ordering('th')\nif K.image")
    assert errors_of(first) == []
    assert "nn.Conv2d(1, 4, (3, 5)" in translate(first, "model.py", Options(), Log()).code.replace(
        "kernel_size=", ""
    )


def test_nested_conditions_and_loops_take_little_time() -> None:
    turns = "".join(f"        if grow_{k}:\n            n += g\n" for k in range(4))
    flags = ", ".join(f"grow_{k}=True" for k in range(4))
    text = IMPORTS + (
        f"def block(x, n, g, {flags}):\n"
        "    for i in range(12):\n"
        "        x = layers.concatenate([x, layers.Dense(g)(x)])\n"
        f"{turns}"
        "    return x, n\n"
        "i = keras.Input((4,))\n"
        "x, n = block(i, 8, 3)\n"
        "model = keras.Model(i, layers.Dense(n)(x))\n"
    )
    log = Log()
    translate(text, "model.py", Options(), log)
    assert not log.has_errors


@pytest.mark.usefixtures("float64")
def test_sizes_that_only_a_branch_knows() -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\n"
        "def block(x, filters, wide):\n"
        "    if wide:\n"
        "        n = int(filters * 1.5) // 2\n"
        "        y = layers.Dense(n * 2)(x)\n"
        "        y = layers.concatenate([layers.Dense(n)(y[:, :n]), y[:, n:]])\n"
        "    else:\n"
        "        y = layers.Dense(filters)(x)\n"
        "    return y\n"
        "def build(filters=8, wide=True):\n"
        "    i = keras.Input((3,))\n"
        "    return keras.Model(i, block(block(i, filters, wide), filters, not wide))\n"
    )
    assert pair.errors == []
    pair.check("build", "build(6, False)", "6, False")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("flag", [True, False])
def test_one_flag_asked_twice(flag: bool) -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\n"
        "def build(bn=True):\n"
        "    i = keras.Input((8, 8, 3))\n"
        "    x = layers.Conv2D(4, 3)(i)\n"
        "    if bn:\n        x = layers.BatchNormalization()(x)\n"
        "    x = layers.Conv2D(5, 3)(x)\n"
        "    if bn:\n        x = layers.BatchNormalization()(x)\n"
        "    return keras.Model(i, x)\n"
    )
    pair.check("build", f"build({flag})", str(flag))


@pytest.mark.usefixtures("float64")
def test_one_tensor_for_two_arguments() -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\n"
        "def stack(x, n):\n    return layers.Dense(n)(x)\n"
        "def residual(x, skip, n):\n    return layers.add([layers.Dense(n)(x), skip])\n"
        "def build(n=4):\n"
        "    i = keras.Input((3,))\n"
        "    x = stack(i, n)\n"
        "    x = residual(x, x, n)\n"
        "    return keras.Model(i, x)\n"
    )
    pair.check("build", "build(5)", "5")


def test_texts_that_are_chosen_not_put_together() -> None:
    """``a or b`` of texts is a text, but no sum of pieces."""
    text = (
        "import keras\n"
        "def build(alphabet=None, weights='kurapan', n=3):\n"
        "    assert alphabet or weights, 'one of them'\n"
        "    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(n)])\n"
    )
    assert errors_of(text) == []


def test_a_source_that_goes_deep_is_left_not_a_crash() -> None:
    calls = "".join(f"def f{i}(x):\n    return [f{i + 1}(v) for v in [x]][0]\n" for i in range(200))
    text = IMPORTS + calls + "def f200(x):\n    return x\nn = f0(3)\nmodel = keras.Sequential()\n"
    assert not [e for e in errors_of(text) if "KT9" in e]


def test_checks_of_the_outside_world_are_taken_to_pass() -> None:
    """A branch of what is not known that raises is not the one that is taken."""
    text = (
        "import keras\n"
        "import importlib\n"
        "def check(package, severity='error'):\n"
        "    try:\n"
        "        found = importlib.import_module(package)\n"
        "    except ModuleNotFoundError:\n"
        "        raise\n"
        "    if found.__version__ not in package:\n"
        "        message = f'{package} is too old'\n"
        "        if severity == 'error':\n"
        "            raise ModuleNotFoundError(message)\n"
        "    return True\n"
        "class Net:\n"
        "    def __init__(self, n=3):\n"
        "        check('tensorflow')\n"
        "        self.n = n\n"
        "    def build_network(self, input_shape):\n"
        "        i = keras.Input(input_shape)\n"
        "        return i, keras.layers.GlobalMaxPooling1D()(keras.layers.LSTM(self.n, return_sequences=True)(i))\n"
    )
    assert errors_of(text) == []


def test_what_is_returned_under_a_condition_that_is_not_known_is_not_known() -> None:
    text = (
        "import keras\n"
        "import importlib\n"
        "def version(package):\n"
        "    return importlib.import_module(package).__version__\n"
        "def available(package):\n"
        "    if version(package) < '2':\n"
        "        return False\n"
        "    return True\n"
        "def depth():\n"
        "    if version('tensorflow') < '2':\n"
        "        return 3\n"
        "    return 2\n"
        "if available('tensorflow'):\n"
        "    class Twice(keras.layers.Layer):\n"
        "        def call(self, x):\n"
        "            return 2 * x\n"
        "def build(n):\n"
        "    i = keras.Input((4,))\n"
        "    return keras.Model(i, keras.layers.Dense(n)(Twice()(i)))\n"
        "model = build(3)\n"
    )
    assert errors_of(text) == []
    deep = "other = keras.Sequential([keras.Input((4,))] + depth() * [keras.layers.ReLU()])\n"
    assert errors_of(text + deep) != []


def test_clones_with_other_layers_are_refused() -> None:
    text = (
        IMPORTS + "base = keras.Sequential([keras.Input((4,)), layers.Dense(3, 'relu')])\n"
        "{}model = keras.models.clone_model(base{})\n"
    )
    assert errors_of(text.format("", "")) == []
    change = "def other(layer):\n    return layers.Dense(3)\n"
    assert any("clone_function" in e for e in errors_of(text.format(change, ", None, other")))
    named = text.format(change, ", clone_function=other")
    assert any("clone_function" in e for e in errors_of(named))


LAMBDAS = """
def swish(x):
    return x * keras.ops.sigmoid(x)


def build(n=4):
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(n, 3, padding="same")(inputs)
    x = layers.Activation(swish, name="first")(x)
    x = layers.Lambda(lambda t: t * 2.0, name="twice")(x)
    x = layers.Conv2D(n, 3, padding="same")(x)
    base = keras.Model(inputs, x)
    ends = [base.get_layer(name).output for name in ("first", "twice")]
    ends += [base.layers[3].output, base.layers[-1].output]
    return keras.Model(base.input, layers.Conv2D(2, 1)(layers.Concatenate()(ends)))


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_layers_that_are_functions_are_found_by_name_and_place() -> None:
    pair = Pair(IMPORTS + LAMBDAS)
    assert not pair.errors
    pair.check("model", "model")


@pytest.mark.parametrize(
    "call",
    [
        "layers.Concatenate()([x, found])",
        "layers.add([x, found, x])",
        "layers.Multiply()([x, np.ones((1, 8))])",
        "keras.Model([x, other], layers.Add()([x, other]))([x, found])",
    ],
)
def test_inputs_of_which_one_is_not_known(call: str) -> None:
    """None is left out in silence."""
    text = "from elsewhere import find\n\nx, other = keras.Input((8,)), keras.Input((8,))\n"
    text += f"found = find(x)\nmodel = keras.Model(x, layers.Dense(2)({call}))\n"
    assert errors_of(IMPORTS + text)


def test_old_layers_ask_their_input_spec_and_call_initializers_by_name(float64: None) -> None:
    text = IMPORTS + (
        "from keras import initializers\n"
        "class Scale(layers.Layer):\n"
        "    def __init__(self, axis=-1, gamma_init='one', **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.axis = axis\n"
        "        self.gamma_init = initializers.get(gamma_init)\n"
        "    def build(self, input_shape):\n"
        "        self.input_spec = [layers.InputSpec(shape=input_shape)]\n"
        "        self.gamma = keras.Variable(self.gamma_init((int(input_shape[self.axis]),)), name='g')\n"
        "    def call(self, x):\n"
        "        spec = self.input_spec[0]\n"
        "        shape = [1] * spec.ndim\n"
        "        shape[self.axis] = spec.shape[self.axis]\n"
        "        return keras.ops.reshape(self.gamma, shape) * x\n"
        "i = keras.Input((6, 5, 3))\n"
        "model = keras.Model(i, Scale(axis=3)(i))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    assert "keras_weight(ones_, " in pair.done.code
    pair.check("model", "model")


def test_a_generator_that_is_called_has_not_run(float64: None) -> None:
    text = IMPORTS + (
        "def batches(units):\n"
        "    while True:\n"
        "        units.append(len(units))\n"
        "        yield units\n"
        "units = [4, 3]\n"
        "stream = batches(units)\n"
        "model = keras.Sequential([keras.Input((5,)), *(layers.Dense(n) for n in units)])\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("model", "model")


def test_a_layer_with_settings_in_such_a_form(float64: None) -> None:
    text = """
import keras
from keras import layers, ops
from tf_keras.src.utils import conv_utils


class UpscaleLike(layers.Layer):
    def __init__(self, factor=2, filters=4, kernel_size=3, data_format=None, padding="VALID", **kwargs):
        super().__init__(**kwargs)
        self.factor = conv_utils.normalize_tuple(factor, 2, "factor")
        self.kernel_size = conv_utils.normalize_tuple(kernel_size, 2, "kernel_size")
        self.data_format = conv_utils.normalize_data_format(data_format)
        self.padding = conv_utils.normalize_padding(padding)
        self.conv = layers.Conv2D(filters, self.kernel_size, padding=self.padding)

    def call(self, x):
        if self.data_format == "channels_first":
            x = ops.transpose(x, (0, 2, 3, 1))
        h, w = x.shape[1], x.shape[2]
        x = self.conv(x)
        h = conv_utils.conv_output_length(h, self.kernel_size[0], self.padding, 1)
        w = conv_utils.conv_output_length(w, self.kernel_size[1], padding=self.padding, stride=1)
        h = conv_utils.deconv_output_length(h, 2, "valid", stride=self.factor[0])
        w = conv_utils.deconv_output_length(w, 2, "valid", stride=self.factor[1])
        return ops.image.resize(x, (h, w), interpolation="nearest")


def build(shape=(7, 8, 3), factor=2, kernel=3):
    start = keras.Input(shape)
    return keras.Model(start, UpscaleLike(factor, kernel_size=kernel)(start))
"""
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build((9, 6, 2), 3, 2)", "(9, 6, 2), 3, 2")
