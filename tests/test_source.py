"""Names of Keras, and the lines of statements."""

from __future__ import annotations

import libcst as cst
import pytest

from kt_translate.source.names import canonical
from kt_translate.source.syntax import Source, SourceError, comments_before
from kt_translate.source.walk import bound_in, names_in, own_names, rebinds_outer


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tensorflow.keras.layers.Conv2D", "keras.layers.Conv2D"),
        ("keras.layers.convolutional.Conv2D", "keras.layers.Conv2D"),
        ("tensorflow.python.keras.layers.Dense", "keras.layers.Dense"),
        ("keras.src.layers.Dense", "keras.layers.Dense"),
        ("keras.src.backend.nn.silu", "keras.ops.silu"),
        ("keras.layers.normalization.BatchNormalization", "keras.layers.BatchNormalization"),
        ("keras.engine.topology.Layer", "keras.Layer"),
        ("keras.models.Model", "keras.Model"),
        ("keras.src.models.Functional", "keras.Model"),
        ("keras.layers.Input", "keras.Input"),
        ("keras.layers.merge.concatenate", "keras.layers.concatenate"),
        ("tf_keras.optimizers.legacy.Adam", "keras.optimizers.legacy.Adam"),
        ("keras.datasets.mnist.load_data", "keras.datasets.mnist.load_data"),
        ("tensorflow.nn.relu", "tf.nn.relu"),
        ("tensorflow.compat.v1.nn.relu", "tf.nn.relu"),
        ("keras.src.legacy.backend.int_shape", "keras.backend.int_shape"),
        ("tensorflow.compat.v1.image.resize", "tf.image.resize_images"),
        ("tf.compat.v1.image.resize", "tf.image.resize_images"),
        ("tensorflow.compat.v2.image.resize", "tf.image.resize"),
        ("numpy.prod", "numpy.prod"),
    ],
)
def test_canonical(path: str, expected: str) -> None:
    assert canonical(path) == expected


SOURCE = '''"""Doc."""
import keras

# The width.
width = 8  # of all layers


@keras.saving.register_keras_serializable()
def build(n=1):
    if n > 1:
        a = 1
    elif n < 0:
        a = 2
    else:
        a = 3
    try:
        b = 1; c = 2
    except ValueError:
        b = 2
    return a
'''


def test_lines_of_statements_at_every_depth() -> None:
    source = Source(SOURCE, "m.py")
    seen = {}

    def walk(node: object) -> None:
        line = source.line(node)  # type: ignore[arg-type]
        if line:
            seen[source.code(node).split("\n")[0].rstrip("; ")] = line  # type: ignore[arg-type]
        for child in getattr(node, "children", ()):
            walk(child)

    walk(source.module)
    lines = SOURCE.split("\n")
    for text in ("import keras", "a = 1", "a = 2", "a = 3", "b = 1", "c = 2", "b = 2", "return a"):
        assert text in lines[seen[text] - 1]


def test_comments_stay_with_their_statement() -> None:
    statement = Source(SOURCE, "m.py").module.body[2]
    assert comments_before(statement) == ["# The width."]


def test_tabs_and_spaces_as_python_takes_them() -> None:
    text = (
        "class A:\n    def f(self):\n\t    x = '''a\n\tb'''\n        # here\n\t    return x\n"
        "    def g(self):\n        return 1\n"
    )
    source = Source(text, "model.py")
    f, g = source.module.body[0].body.body  # type: ignore[union-attr]
    returned = f.body.body[1]  # type: ignore[union-attr]
    assert [source.line(node) for node in (f, returned, g)] == [2, 6, 7]
    assert "'''a\n\tb'''" in source.module.code


def test_what_is_not_python_says_where() -> None:
    with pytest.raises(SourceError) as caught:
        Source("x = (1\ny = 2\n", "m.py")
    assert caught.value.place.line in (1, 2)


@pytest.mark.parametrize(
    ("text", "read", "bound"),
    [
        ("a.b(c, d=e)[f]\n", "acef", ""),
        ("a, (b, *c) = d\n", "abcd", "abc"),
        ("a.b = c[d] = e\n", "acde", ""),
        ("a: int = b\n", ["a", "int", "b"], "a"),
        ("a += (b := c)\n", "abc", "ab"),
        ("for a, b in c:\n    d = a\nelse:\n    e = b\n", "abcde", "abde"),
        ("with a as b, c as (d, e): pass\n", "abcde", "bde"),
        ("try:\n    a\nexcept b as c:\n    d = c\n", "abcd", "cd"),
        ("x = [a for a in b if c]\n", "xabc", "x"),
        ("import a.b, c as d\n", "acd", "ad"),
        ("from a import b, c as d\n", "abcd", "bd"),
        ("def f(a, b=c):\n    d = a\n", "fabcd", "f"),
        ("f'{a!r:>{b}}' 'c'\n", "ab", ""),
        ("x = lambda a: a + b\n", "xab", "x"),
    ],
)
def test_names_of_a_piece_of_source(text: str, read: str, bound: str) -> None:
    piece = cst.parse_module(text)
    assert names_in(piece) == set(read)
    assert bound_in(piece) == set(bound)


def test_names_of_a_function() -> None:
    text = (
        "def f(a, b=c, *d, e, **g):\n    def h():\n        i = 1\n        nonlocal k\n    j = a\n"
    )
    [function] = cst.parse_module(text).body
    assert isinstance(function, cst.FunctionDef)
    assert own_names(function) == set("abdeghj")
    assert rebinds_outer(function)
    [plain] = cst.parse_module("def f(x):\n    x = y\n    return x\n").body
    assert not rebinds_outer(plain)
