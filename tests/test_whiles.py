"""``while`` loops that count settings, and what a loop's variable is afterwards."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers


def build(depth=3, filters=4):
    x = inputs = keras.Input((16, 16, 2))
"""
LOOPS = {
    "popping": """
    level, skips = 0, [x]
    for level in range(1, depth):
        filters *= 2
        skips.append(layers.Conv2D(filters, 3, strides=2, padding='same')(skips[-1]))
    x = skips.pop()
    while level > 0:
        level -= 1
        filters = int(filters / 2)
        x = layers.Concatenate()([layers.UpSampling2D()(x), skips.pop()])
        x = layers.Conv2D(filters, 3, padding='same', name=f'up_{level}')(x)
""",
    "up": """
    i = 0
    while i < depth:
        # one more
        x = layers.Conv2D(filters + i, 3, padding='same')(x)
        i += 1
    x = layers.Dense(i + 1)(x)
""",
    "up first": """
    i = 1
    while i <= depth - 1:
        i += 1
        x = layers.Conv2D(filters * i, 3, padding='same')(x)
    x = layers.Dense(i)(x)
""",
    "through a list": """
    i, rates = 0, [filters] * depth
    while i < len(rates):
        x = layers.Conv2D(rates[i] + i, 3, padding='same')(x)
        i += 1
""",
    "down": """
    while depth >= 1:
        x = layers.Conv2D(filters, depth, padding='same')(x)
        depth -= 1
    x = layers.Dense(depth + 2)(x)
""",
    "no turns": """
    last = 7
    for last in range(depth - 2):
        x = layers.Dense(filters + last)(x)
    x = layers.Dense(last + 1)(x)
""",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_that_count(loop: str, float64: None) -> None:
    pair = check_kept(
        f"{HEAD}{LOOPS[loop]}    return keras.Model(inputs, x)\n", "4, 3", "2", "5, 2"
    )
    assert "while" not in pair.done.code.split("class Build")[1].split("def load_keras")[0]


def test_one_that_may_stop_before(float64: None) -> None:
    body = """
    while depth > 0:
        depth -= 1
        if depth == 1:
            break
        x = layers.Dense(filters + depth)(x)
    return keras.Model(inputs, layers.Dense(depth)(x))
"""
    pair = check_kept(HEAD + body)
    with pytest.raises(NotImplementedError):
        pair.torch.build(5)


def test_one_that_hangs_on_what_is_not_known_is_not_left_out() -> None:
    text = """
def build(path):
    width = int(open(path).read())
    x = inputs = keras.Input((16,))
    while width >= 16:
        x = layers.Dense(width)(x)
        width = width // 2
    return keras.Model(inputs, layers.Dense(2)(x))
"""
    pair = Pair(f"import keras\nfrom keras import layers\n{text}")
    assert "KT102" in {d.code for d in pair.log.diagnostics}
