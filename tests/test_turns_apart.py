"""Loops whose last turn is another one than those before it."""

from __future__ import annotations

import pytest

from tests.model_harness import check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers


def build(units=(6, 5, 4), classes=2):
    n = len(units)
    x = inputs = keras.Input((7, 3))
"""
LOOPS = {
    "less": "for i in range(n):\n    x = layers.GRU(units[i], return_sequences=i < n - 1)(x)",
    "chosen": "for i, u in enumerate(units):\n    x = layers.LSTM(u, return_sequences=True if i != len(units) - 1 else False)(x)",
    "next": "for i in range(n):\n    rest = i + 1 < n\n    x = layers.SimpleRNN(units[i], return_sequences=rest)(x)\n    x = layers.LayerNormalization()(x)",
    "denied": "for i in range(0, n):\n    last = i == n - 1\n    x = layers.GRU(units[i], return_sequences=not last)(x)",
    "from one": "for i in range(1, n + 1):\n    x = layers.GRU(units[i - 1], return_sequences=i <= n - 1)(x)",
    "of the same name": "for i in range(n):\n    last = i == n - 1\n    for i in range(n):\n        x = layers.Dense(3 if i < n - 1 else 4)(x)\n    x = layers.GRU(units[0], return_sequences=not last)(x)",
    "in two branches": "for i in range(n):\n    if i == n - 1:\n        x = layers.GRU(units[i])(x)\n    else:\n        x = layers.GRU(units[i], return_sequences=True)(x)",
    "goes on": "for i in range(n):\n    if i == n - 1:\n        x = layers.GRU(units[i])(x)\n        continue\n    x = layers.GRU(units[i], return_sequences=True)(x)",
    "leaves": "for i in range(n):\n    x = layers.GRU(units[i], return_sequences=i < n - 1)(x)\n    if i == n - 1:\n        break\n    x = layers.LayerNormalization()(x)",
    "turned": "for i in range(n):\n    x = layers.GRU(units[i], return_sequences=n - 1 > i)(x)",
}


OTHERS = "(3, 4, 5, 6, 7), 3", "(2,)"


def _indented(lines: str) -> str:
    return "".join(f"    {line}\n" for line in lines.splitlines())


@pytest.mark.parametrize("loop", LOOPS)
def test_the_last_turn_gives_no_sequence(loop: str, float64: None) -> None:
    text = (
        f"{HEAD}{_indented(LOOPS[loop])}    return keras.Model(inputs, layers.Dense(classes)(x))\n"
    )
    pair = check_kept(text, *OTHERS)
    with pytest.raises(NotImplementedError, match="< 1"):
        pair.torch.build(())


FIRST = {
    "an input": "for i, u in enumerate(units):\n    if i == 0:\n        model.add(layers.Dense(u, input_shape=(3,)))\n    else:\n        model.add(layers.Dense(u, activation='tanh'))",
    "by its number": "for i in range(len(units)):\n    if i > 0:\n        model.add(layers.Dense(units[i]))\n    else:\n        model.add(layers.Dense(units[i], input_shape=(3,), use_bias=False))",
    "in each turn": "for u in units:\n    model.add(layers.Dense(u, input_shape=(3,)))\n    model.add(layers.Activation('tanh'))",
    "from one": "for i in range(1, len(units) + 1):\n    given = {'input_shape': (3,)} if i < 2 else {}\n    model.add(layers.Dense(units[i - 1], **given))",
}


@pytest.mark.parametrize("loop", FIRST)
def test_the_first_turn_has_the_input(loop: str, float64: None) -> None:
    head = "import keras\nfrom keras import layers\n\n\ndef build(units=(6, 5, 4), classes=2):\n"
    body = f"    model = keras.Sequential()\n{_indented(FIRST[loop])}"
    check_kept(f"{head}{body}    model.add(layers.Dense(classes))\n    return model\n", *OTHERS)
