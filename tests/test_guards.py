"""``continue`` said by ``else``: the loop does in each turn what it did before."""

from __future__ import annotations

import libcst as cst
import pytest

from kt_translate.source.guards import without_continue
from kt_translate.source.walk import walk
from tests.model_harness import check_kept, float64

__all__ = ["float64"]

BODIES = {
    "at the end": "done(1)\ncontinue",
    "alone": "continue",
    "one branch": "if i % 2:\n    done(1)\n    continue\ndone(2)\ndone(3)",
    "the other": "if i % 2:\n    done(1)\nelse:\n    done(2)\n    continue\ndone(3)",
    "several": "if i == 0:\n    continue\nif i == 1:\n    done(1)\n    continue\ndone(2)\nif i == 2:\n    continue\ndone(3)",
    "a chain": "if i == 0:\n    continue\nelif i == 1:\n    done(1)\n    continue\ndone(2)",
    "a chain that goes on once": "if i == 0:\n    continue\nelif i == 1:\n    done(1)\nelse:\n    continue\ndone(2)",
    "branches of branches": "if i < 3:\n    if i == 1:\n        done(1)\n        continue\n    done(2)\n    continue\ndone(3)",
    "in the last": "done(1)\nif i < 3:\n    if i == 1:\n        continue\n    done(2)",
    "all": "if i < 2:\n    continue\nelse:\n    done(1)\n    continue\ndone(2)",
}
AS_THEY_ARE = {
    "two that go on": "if i == 0:\n    continue\nelif i == 1:\n    done(1)\ndone(2)",
    "deeper": "if i < 3:\n    if i == 1:\n        continue\n    done(1)\ndone(2)",
    "none": "if i:\n    done(1)\ndone(2)",
}


def _loop(body: str) -> cst.For:
    text = "for i in range(5):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    (loop,) = cst.parse_module(text).body
    assert isinstance(loop, cst.For)
    return loop


def _trace(loop: cst.For) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    names: dict[str, object] = {}
    names["done"] = lambda n: seen.append((names["i"], n))  # type: ignore[arg-type]
    exec(cst.Module([loop]).code, names)
    return seen


@pytest.mark.parametrize("name", BODIES)
def test_the_same_turns(name: str) -> None:
    loop = _loop(BODIES[name])
    lines = {id(node): 7 for node in walk(loop)}
    told = without_continue(loop, lines)
    assert not any(isinstance(node, cst.Continue) for node in walk(told))
    assert _trace(told) == _trace(loop)
    assert all(lines[id(n)] == 7 for n in walk(told) if isinstance(n, (cst.If, cst.For)))


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_what_has_no_such_words(name: str) -> None:
    loop = _loop(AS_THEY_ARE[name])
    assert without_continue(loop, {}) is loop


def test_a_turn_that_ends_early(float64: None) -> None:
    check_kept(
        """
import keras
from keras import layers


def build(filters=(4, 6, 5), pools=(True, False, True)):
    x = inputs = keras.Input((16, 16, 2))
    for f, pool in zip(filters, pools):
        x = layers.Conv2D(f, 3, padding='same', activation='tanh')(x)
        if not pool:
            continue
        x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
""",
        "(3, 4), (False, False)",
        "(3, 4, 5, 6), (True, True, False, True)",
    )
