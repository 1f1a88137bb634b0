"""Bidirectional, RNN with its cells, TimeDistributed and Masking against Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from kt_translate.graph.tensor import Tensor
from tests.layers.harness import Translated, bind, close, floatx, random, rejects, support_units
from tests.layers.test_rnn import LAYERS, MASK, SHAPE, check_layer

L = keras.layers
MASKS = pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])


def check(
    name: str,
    theirs: Callable[[], Any],
    rule: dict[str, Any],
    shape: tuple[int, ...] = SHAPE,
    mask: Any = None,
    **more: Any,
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
    check(
        "Bidirectional",
        lambda: L.Bidirectional(getattr(L, name)(**given), merge_mode=mode),
        rule,
        mask=mask,
    )


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", None])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_states_of_both_directions(name: str, sequences: bool, mode: str | None) -> None:
    given = {"units": 4, "return_sequences": sequences, "return_state": True}
    rule = {"layer": bind(name, given), "merge_mode": mode}
    check(
        "Bidirectional", lambda: L.Bidirectional(getattr(L, name)(**given), merge_mode=mode), rule
    )


@MASKS
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize(
    "given",
    [
        {"use_bias": False},
        {"activation": "relu"},
        {"dropout": 0.3},
        {"dropout": 0.3, "recurrent_dropout": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", LAYERS)
def test_settings_of_both_directions(
    name: str, given: dict[str, Any], sequences: bool, mask: Any
) -> None:
    given = {"units": 4, "return_sequences": sequences, **given}
    rule = {"layer": SimpleNamespace(rule=bind(name, given))}
    check("Bidirectional", lambda: L.Bidirectional(getattr(L, name)(**given)), rule, mask=mask)


@MASKS
@pytest.mark.parametrize(
    "backward", [{}, {"activation": "relu"}, {"use_bias": False}, {"dropout": 0.1}], ids=str
)
@pytest.mark.parametrize("name", LAYERS)
def test_backward_layer(name: str, backward: dict[str, Any], mask: Any) -> None:
    given = {"units": 4, "return_sequences": True}
    back = {**given, "go_backwards": True, **backward}
    check(
        "Bidirectional",
        lambda: L.Bidirectional(getattr(L, name)(**given), backward_layer=getattr(L, name)(**back)),
        {"layer": bind(name, given), "backward_layer": bind(name, back)},
        mask=mask,
    )


@pytest.mark.parametrize(
    ("given", "mode", "text"),
    [
        ({"return_sequences": True}, "concat", "module(x0)[0]"),
        ({"return_sequences": True}, "sum", "module(x0)[0].unflatten(-1, (2, -1)).sum(dim=-2)"),
        ({"return_sequences": True}, None, "module(x0)[0].chunk(2, dim=-1)"),
        ({}, "concat", "torch.cat([*module(x0)[1][0]], dim=-1)"),
        ({}, "ave", "module(x0)[1][0].mean(dim=0)"),
        ({"return_state": True}, "concat", "with_states(module(x0), last=True)"),
    ],
    ids=str,
)
def test_text_of_both_directions(given: dict[str, Any], mode: str | None, text: str) -> None:
    given = {"units": 4, **given}
    rule = {"layer": bind("LSTM", given), "merge_mode": mode}
    result = check("Bidirectional", lambda: L.Bidirectional(L.LSTM(**given), merge_mode=mode), rule)
    assert result.module == "nn.LSTM(3, 4, batch_first=True, bidirectional=True)"
    assert result.forward[-1] == text


def test_bidirectional_rejects() -> None:
    lstm = {"units": 4, "go_backwards": True}
    rejects("Bidirectional", {"layer": bind("Dense", {"units": 4})})
    rejects("Bidirectional", {"layer": bind("LSTM", lstm)})
    rejects("Bidirectional", {"layer": bind("LSTM", {"units": 4}), "merge_mode": "max"})
    rejects(
        "Bidirectional",
        {"layer": bind("LSTM", {"units": 4}), "backward_layer": bind("LSTM", {"units": 4})},
    )
    rejects(
        "Bidirectional", {"layer": bind("LSTM", {"units": 4}), "backward_layer": bind("GRU", lstm)}
    )
    rejects(
        "Bidirectional", {"layer": bind("LSTM", {"units": 3}), "backward_layer": bind("LSTM", lstm)}
    )


# -- RNN and cells ----------------------------------------------------------------------------------
@MASKS
@pytest.mark.parametrize(
    ("cell", "given"),
    [
        ({}, {}),
        ({}, {"return_sequences": True, "zero_output_for_mask": True}),
        (
            {"activation": "elu"},
            {"return_sequences": True, "go_backwards": True, "return_state": True},
        ),
        ({"use_bias": False, "recurrent_dropout": 0.2}, {"return_state": True, "unroll": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", LAYERS)
def test_cells(name: str, cell: dict[str, Any], given: dict[str, Any], mask: Any) -> None:
    cell = {"units": 4, **cell}
    rule = {"cell": bind(f"{name}Cell", cell), **given}
    check("RNN", lambda: L.RNN(getattr(L, f"{name}Cell")(**cell), **given), rule, mask=mask)


@MASKS
@pytest.mark.parametrize("given", [{}, {"return_sequences": True, "go_backwards": True}], ids=str)
@pytest.mark.parametrize("as_layer", [True, False])
def test_stacked_cells(given: dict[str, Any], as_layer: bool, mask: Any) -> None:
    cells: list[tuple[str, dict[str, Any]]] = [
        ("LSTMCell", {"units": 4}),
        ("GRUCell", {"units": 3, "reset_after": False}),
        ("SimpleRNNCell", {"units": 2, "dropout": 0.2}),
        ("GRUCell", {"units": 5}),
    ]
    ours: Any = [bind(name, settings) for name, settings in cells]
    ours = bind("StackedRNNCells", {"cells": ours}) if as_layer else ours

    def theirs() -> Any:
        made = [getattr(L, name)(**settings) for name, settings in cells]
        return L.RNN(L.StackedRNNCells(made) if as_layer else made, **given)

    result = check("RNN", theirs, {"cell": ours, **given}, mask=mask)
    assert (result.module or "").startswith("StackedRNN(")


@MASKS
@pytest.mark.parametrize("name", LAYERS)
def test_bidirectional_rnn(name: str, mask: Any) -> None:
    cell = bind(f"{name}Cell", {"units": 4})
    rule = {"layer": bind("RNN", {"cell": cell, "return_sequences": True})}
    check(
        "Bidirectional",
        lambda: L.Bidirectional(L.RNN(getattr(L, f"{name}Cell")(4), return_sequences=True)),
        rule,
        mask=mask,
    )


def test_rnn_rejects() -> None:
    rejects("RNN", {"cell": bind("Dense", {"units": 4})})
    cells = [bind("LSTMCell", {"units": 4})]
    rejects("RNN", {"cell": cells, "return_state": True}, (2, 3))  # but where the source calls it
    rejects("LSTMCell", {"units": 4}, (2, 3))


def test_settings_of_the_weights_show_through() -> None:
    rule: Any = bind(
        "TimeDistributed", {"layer": bind("Dense", {"units": 3, "kernel_initializer": "he_normal"})}
    )
    assert rule.kernel_initializer == "he_normal"
    assert list(rule.parameters()) == [("weight", "kernel"), ("bias", "bias")]
    rule = bind(
        "Bidirectional", {"layer": bind("LSTM", {"units": 3, "recurrent_regularizer": "l2"})}
    )
    assert rule.recurrent_regularizer == "l2"
    assert ("weight_hh", "recurrent") in list(rule.parameters())
    cells = [
        bind("LSTMCell", {"units": 3}),
        bind("GRUCell", {"units": 3, "kernel_initializer": "he_normal"}),
    ]
    rule = bind("RNN", {"cell": cells})
    settings = {
        parameter: getattr(rule, f"{prefix}_initializer") for parameter, prefix in rule.parameters()
    }
    assert {k: v for k, v in settings.items() if v is not None} == {
        "layers.1.weight_ih": "he_normal"
    }
    layers = [
        bind(
            "LSTM",
            {
                "units": 3,
                "go_backwards": back,
            },
        )
        for back in (False, True)
    ]
    layers[1].bias_regularizer = "l1"  # type: ignore[attr-defined]
    rule = bind("Bidirectional", {"layer": layers[0], "backward_layer": layers[1]})
    settings = {
        parameter: getattr(rule, f"{prefix}_regularizer") for parameter, prefix in rule.parameters()
    }
    assert {k: v for k, v in settings.items() if v is not None} == {"backward_layer.bias_ih": "l1"}


# -- weights from files -----------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_weights_of_all_kinds_from_files(suffix: str, tmp_path: Path) -> None:
    cells = [L.LSTMCell(4), L.GRUCell(3, reset_after=False), L.GRUCell(3), L.GRUCell(3)]
    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            L.Bidirectional(L.LSTM(4, dropout=0.1, return_sequences=True)),
            L.GRU(4, reset_after=False, return_sequences=True),
            L.TimeDistributed(L.Dense(3)),
            L.RNN(cells, return_sequences=True),
            L.Bidirectional(L.SimpleRNN(2)),
        ]
    )
    for i, weight in enumerate(model.weights):
        weight.assign(random(weight.shape, i))
    path = tmp_path / f"model{suffix}"
    model.save_weights(path) if suffix == ".weights.h5" else model.save(path)
    made = [
        bind("Bidirectional", {"layer": bind("LSTM", {"units": 4, "dropout": 0.1})}).module(
            Tensor((None, 6, 3))
        ),
        bind("GRU", {"units": 4, "reset_after": False}).module(Tensor((None, 6, 8))),
        bind("TimeDistributed", {"layer": bind("Dense", {"units": 3})}).module(
            Tensor((None, 6, 4))
        ),
        bind(
            "RNN",
            {
                "cell": [
                    bind("LSTMCell", {"units": 4}),
                    bind("GRUCell", {"units": 3, "reset_after": False}),
                    bind("GRUCell", {"units": 3}),
                    bind("GRUCell", {"units": 3}),
                ]
            },
        ).module(Tensor((None, 6, 3))),
        bind("Bidirectional", {"layer": bind("SimpleRNN", {"units": 2})}).module(
            Tensor((None, 6, 3))
        ),
    ]
    scope = {**support_units(), "nn": nn}
    live, read = (nn.ModuleList([eval(str(m), scope) for m in made]) for _ in range(2))
    scope["load_keras_weights"](live, model)
    scope["load_keras_weights"](read, path)
    for (key, a), b in zip(live.state_dict().items(), read.state_dict().values(), strict=True):
        assert torch.equal(a, b), key
    close(
        live[0].forward_layer.weight_ih_l0.detach().numpy(), np.array(model.weights[0]).T, "kernel"
    )
