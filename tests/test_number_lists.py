"""Lists of numbers that are as long as a parameter says, and grow."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers


def build(units=(6, 5, 4), rate=2, deep=False):
"""
END = """
    model = keras.Sequential([keras.Input((7,))])
    for width in widths:
        model.add(layers.Dense(width, activation='tanh'))
    model.add(layers.Dense(widths[0]))
    return model
"""
LISTS = {
    "a loop": """
    widths = []
    for u in units:
        widths.append(min(int(rate * u), 9))
""",
    "two lists": """
    widths, names = [], []
    for i in range(len(units)):
        widths.append(units[i] + rate)
        names.append(i + 1)
    widths.append(names[-1])
""",
    "after others": """
    widths = [8, 3]
    for u in units:
        widths.append(u * rate)
""",
    "under a condition": """
    widths = []
    for u in units:
        widths.append(u + 1)
    if deep:
        widths.append(rate)
""",
    "by others": """
    widths = [u * rate for u in units]
    widths.extend([2, rate + 1])
    widths.insert(0, 5)
""",
}


@pytest.mark.parametrize("name", LISTS)
def test_as_long_as_the_argument(name: str, float64: None) -> None:
    pair = check_kept(f"{HEAD}{LISTS[name]}{END}", "(3, 2)", "(2, 3, 4, 5), 3, True", "(2,), 3")
    assert "widths" in pair.done.code


def test_a_list_that_its_own_turns_read(float64: None) -> None:
    text = """
    widths = [rate]
    for u in units:
        widths.append(widths[-1] + u)
"""
    pair = Pair(f"{HEAD}{text}{END}")
    pair.check("build", "build()")
    with pytest.raises(NotImplementedError, match="len"):
        pair.torch.build((3, 2))


def test_a_list_that_another_name_holds(float64: None) -> None:
    text = """
    widths = made = []
    for u in units:
        made.append(u + rate)
"""
    pair = Pair(f"{HEAD}{text}{END}")
    pair.check("build", "build()")
