"""An output has the rows of tables and the options of support functions that it uses, no others."""

from __future__ import annotations

import ast

import pytest

from kt_translate.emit.names import uses_of
from kt_translate.emit.support import needed

MODEL = """
class Model(nn.Module):
    def __init__(self):
        self.dense = {made}
        init_like_keras(self)
"""


def support_of(made: str) -> str:
    _, loader = needed(uses_of(ast.parse(MODEL.format(made=made))), ("load_keras_weights",))
    text = "\n\n".join(unit.text for unit in loader)
    ast.parse(text)
    return text


@pytest.mark.parametrize(
    ("made", "there", "absent"),
    [
        ("nn.Linear(1, 2)", "nn.Linear: init_kernel", "def like_keras"),
        ("nn.Linear(1, 2)", "nn.Linear: Conversion", "nn.Conv2d:"),
        ("nn.LSTM(1, 2)", "def rnn_state", "def gru_state"),
        ("like_keras(nn.Linear(1, 2), name='a')", "name: the layer's name", "regularize"),
        ("like_keras(nn.Linear(1, 2), trainable=False)", "if not trainable:", "flattened:"),
        ("keras_weight(zeros_, 2)", "*shape: int, trainable: bool = True", "def like_keras"),
        ("SameConv2d(1, 2, 3)", "nn.Conv2d: Conversion", "nn.Conv1d: "),
    ],
)
def test_only_what_is_used(made: str, there: str, absent: str) -> None:
    text = support_of(made)
    assert there in text
    assert absent not in text
