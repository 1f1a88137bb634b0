"""Bidirectional, RNN with its cells, TimeDistributed and Masking against Keras."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from kt_translate.graph.region import CURRENT
from kt_translate.graph.tensor import Tensor
from tests.layers.harness import Translated, bind, check_layer, floatx, random, rejects
from tests.layers.test_rnn import LAYERS, MASK, SHAPE

L = keras.layers
MASKS = pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])


def check(
    name: str, theirs: Callable[[], Any], rule: dict[str, Any], shape: tuple[int, ...] = SHAPE, mask: Any = None, **more: Any
) -> Translated:
    with floatx():
        layer = theirs()
    masks = None if mask is None else [mask]
    return check_layer(name, {}, shape, keras_layer=layer, rule_kwargs=rule, masks=masks, **more)


# -- Bidirectional ----------------------------------------------------------------------------------
@MASKS
@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul", None])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_merge_modes(name: str, sequences: bool, mode: str | None, mask: Any) -> None:
    given = {"units": 4, "return_sequences": sequences}
    rule = {"layer": bind(name, given), "merge_mode": mode}
    if mode is None and sequences and mask is not None:
        pytest.importorskip("keras")
    check("Bidirectional", lambda: L.Bidirectional(getattr(L, name)(**given), merge_mode=mode), rule, mask=mask)
