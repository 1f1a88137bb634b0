"""Of a docstring stays what is true of the translation."""

from __future__ import annotations

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from kt_translate.source.docstrings import fitting

GOOGLE = """A block.

    Two lines
    of it.

    Args:
        x: the input
            (a tensor).
        filters: how many.

    Returns:
        A Keras model.

    As in the paper.
    """


@pytest.mark.parametrize(
    ("docstring", "names", "kept"),
    [
        ("One line.", (), "One line."),
        (
            GOOGLE,
            ("x", "filters"),
            "A block.\n\nTwo lines\nof it.\n\nArgs:\n    x: the input\n        (a tensor).\n"
            "    filters: how many.\n\nAs in the paper.",
        ),
        (GOOGLE, ("x",), "A block.\n\nTwo lines\nof it.\n\nAs in the paper."),
        (
            "Net.\n\n# Arguments\n    n: size\n# Returns\n    a model",
            ("n",),
            "Net.\n\n# Arguments\n    n: size",
        ),
        (
            "Net.\n\n:param n: size\n:param name: gone\n:return: a model",
            ("n",),
            "Net.\n\n:param n: size",
        ),
        ("Returns: nothing here\nis a section.", (), "Returns: nothing here\nis a section."),
    ],
)
def test_sections(docstring: str, names: tuple[str, ...], kept: str) -> None:
    assert fitting(docstring, names) == kept


SOURCE = '''
"""Networks \\\\o/ for digits."""
import keras
from keras import layers

EPS = 1e-4  # as in the paper
class Scale(layers.Layer):
    """Scales
    by two."""
    def call(self, x):
        return 2 * x
def dense(x, units):
    """A layer and its ``activation``."""
    return layers.LayerNormalization(epsilon=EPS)(layers.Dense(units, activation="relu")(x))
def build(width: int = 3):
    """Build it.

    Args:
        width: told here.
    """
    i = keras.Input((4,))
    return keras.Model(i, Scale()(dense(i, width)))
'''


def test_what_is_not_the_model_stays() -> None:
    done = translate(SOURCE, "net.py", Options(want_test=False), Log())
    assert '"""PyTorch translation of net.py.\n\nNetworks \\\\o/ for digits.\n"""' in done.code
    assert '\n    Scales\n    by two.\n    """' in done.code
    assert '\n    A layer and its ``activation``.\n    """' in done.code
    assert '\n    Build it.\n\n    Args:\n        width: told here.\n    """' in done.code
    assert "EPS = 1e-4  # as in the paper\n" in done.code
    assert "def __init__(self, width: int = 3) -> None:" in done.code
