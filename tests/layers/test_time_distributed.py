"""TimeDistributed and Masking against Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from kt_translate.graph.region import CURRENT
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from tests.layers.harness import bind, random, rejects
from tests.layers.test_rnn import MASK, SHAPE, check_layer
from tests.layers.test_rnn_wrappers import check

L = keras.layers


# -- TimeDistributed --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("inner", "given", "shape", "text"),
    [
        ("Dense", {"units": 4}, (2, 5, 3), "module(x0)"),
        ("Dense", {"units": 4}, (2, 5, 2, 3), "module(x0)"),
        ("Dropout", {"rate": 0.5}, (2, 5, 3), "module(x0)"),
        (
            "Conv1D",
            {"filters": 3, "kernel_size": 2},
            (2, 4, 6, 2),
            "over_time(module, x0.transpose(1, 2)).transpose(1, 2)",
        ),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 3},
            (2, 4, 6, 8, 2),
            "over_time(module, x0.transpose(1, 2)).transpose(1, 2)",
        ),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
            (2, 4, 6, 8, 2),
            None,
        ),
        ("MaxPooling2D", {}, (2, 4, 6, 8, 2), None),
        ("GlobalAveragePooling2D", {}, (2, 4, 6, 8, 2), None),
        ("Flatten", {}, (2, 4, 6, 3, 2), None),
        ("LSTM", {"units": 4}, (2, 4, 5, 3), "over_time(lambda step: module(step)[0][:, -1], x0)"),
        ("GRU", {"units": 4, "return_sequences": True, "activation": "relu"}, (2, 4, 5, 3), None),
        ("LayerNormalization", {}, (2, 4, 3), None),
    ],
    ids=str,
)
def test_time_distributed(
    inner: str, given: dict[str, Any], shape: tuple[int, ...], text: str | None
) -> None:
    rule = {"layer": bind(inner, given)}
    training = False if inner == "Dropout" else None
    before = len(CURRENT[-1].nodes)
    result = check(
        "TimeDistributed",
        lambda: L.TimeDistributed(getattr(L, inner)(**given)),
        rule,
        shape,
        training=training,
    )
    assert text is None or result.forward[-1] == text
    assert len(CURRENT[-1].nodes) == before


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(3, 4, 3), (2, 4, 6, 3, 2)], ids=str)
def test_statistics_are_updated_step_by_step(shape: tuple[int, ...], training: bool) -> None:
    rule = {"layer": bind("BatchNormalization", {})}
    check(
        "TimeDistributed",
        lambda: L.TimeDistributed(L.BatchNormalization()),
        rule,
        shape,
        training=training,
    )


def test_time_distributed_masks() -> None:
    mask = random((3, 4, 5)) > 0
    rule = {"layer": bind("LSTM", {"units": 3})}
    check("TimeDistributed", lambda: L.TimeDistributed(L.LSTM(3)), rule, (3, 4, 5, 2), mask)
    rule = {"layer": bind("Dense", {"units": 3})}
    check("TimeDistributed", lambda: L.TimeDistributed(L.Dense(3)), rule, SHAPE, MASK)
    rule = {"layer": bind("Bidirectional", {"layer": bind("LSTM", {"units": 3})})}
    check(
        "TimeDistributed", lambda: L.TimeDistributed(L.Bidirectional(L.LSTM(3))), rule, (3, 4, 5, 2)
    )


def test_time_distributed_symbols() -> None:
    check(
        "TimeDistributed",
        lambda: L.TimeDistributed(L.Conv1D(3, 2)),
        {"layer": bind("Conv1D", {"filters": 3, "kernel_size": 2})},
        (2, 4, 6, 2),
        symbolic=True,
    )
    check(
        "TimeDistributed",
        lambda: L.TimeDistributed(L.LSTM(3)),
        {"layer": bind("LSTM", {"units": 3})},
        (2, 4, 6, 2),
        open_shape=True,
    )


def test_time_distributed_rejects() -> None:
    rejects("TimeDistributed", {"layer": "dense"})
    rejects(
        "TimeDistributed", {"layer": bind("LSTM", {"units": 3, "return_state": True})}, (2, 3, 4, 5)
    )
    rejects("TimeDistributed", {"layer": bind("LSTM", {"units": 3, "stateful": True})})
    rule = bind("TimeDistributed", {"layer": bind("BatchNormalization", {})})
    with pytest.raises(RuleError, match="fixed number of steps"):
        rule.outputs(Tensor((None, None, 3)))


# -- Masking ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [0.0, 0, -1.5])
@pytest.mark.parametrize("shape", [SHAPE, (3, 4, 2, 2)], ids=str)
def test_masking(value: float, shape: tuple[int, ...]) -> None:
    x = random(shape)
    x[1, 2] = value
    x[0, 0, ..., 0] = value
    check_layer("Masking", {"mask_value": value}, inputs=[x])
    check_layer("Masking", {"mask_value": value}, inputs=[x], symbolic=True)
    check_layer(
        "Masking", {"mask_value": value}, inputs=[x], masks=[np.ones(shape[:2], dtype=bool)]
    )


def test_activation_is_left_to_the_caller() -> None:
    """That of a layer inside is applied to the output, as that of any other layer."""
    assert (
        bind(
            "TimeDistributed", {"layer": bind("Dense", {"units": 3, "activation": "relu"})}
        ).activation
        == "relu"
    )
    for inner in (
        bind("LSTM", {"units": 3}),
        bind("Activation", {"activation": "relu"}),
        bind("Dense", {"units": 3}),
    ):
        assert getattr(bind("TimeDistributed", {"layer": inner}), "activation", None) is None
