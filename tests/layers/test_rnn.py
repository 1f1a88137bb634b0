"""LSTM, GRU and SimpleRNN against Keras: settings, masks, symbols."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kt_translate.graph.sym import UNKNOWN, Sym, Symbol
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from tests.layers import harness
from tests.layers.harness import Translated, assert_signature, bind, rejects

SHAPE = (5, 6, 3)
MASK = np.array(
    [
        [1, 1, 1, 1, 0, 0],  # padded on the right
        [0, 0, 1, 1, 1, 1],  # on the left
        [1, 0, 1, 1, 0, 1],  # with holes
        [0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
    ],
    dtype=bool,
)
LAYERS = ("LSTM", "GRU", "SimpleRNN")
# Keras has one bias where PyTorch has two, of which init_like_keras leaves this one zero and untrained.
SECOND_BIAS = ("bias_hh_l0", "bias_hh_l0_reverse")
SETTINGS: list[dict[str, Any]] = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True},
    {"go_backwards": True},
    {"go_backwards": True, "return_sequences": True, "return_state": True},
    {"use_bias": False},
    {"activation": "relu", "return_sequences": True},
    {"activation": None, "use_bias": False},
    {"activation": "softsign", "return_state": True, "go_backwards": True},
    {"dropout": 0.2},
    {"dropout": 0.2, "recurrent_dropout": 0.3, "return_sequences": True},
    {"zero_output_for_mask": True, "return_sequences": True},
    {"zero_output_for_mask": True},
    {"activation": "elu", "zero_output_for_mask": True, "return_sequences": True},
    {"unroll": True, "return_sequences": True},
    {"implementation": 1, "return_sequences": True},
    {"kernel_regularizer": "l2", "seed": 3},
]


def check_layer(
    name: str, kwargs: dict[str, Any], *shapes: tuple[int, ...], **more: Any
) -> Translated:
    said = f"{name} {kwargs} {more.get('rule_kwargs')}"
    uncompared = SECOND_BIAS if "LSTM" in said or "SimpleRNN" in said else ()
    return harness.check_layer(name, kwargs, *shapes, uncompared=uncompared, **more)


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("given", SETTINGS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_settings(name: str, given: dict[str, Any], mask: Any) -> None:
    if name == "SimpleRNN" and "implementation" in given:
        given = {"return_sequences": True}  # it has no such argument
    check_layer(name, {"units": 4, **given}, SHAPE, masks=None if mask is None else [mask])


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("LSTM", {"recurrent_activation": "hard_sigmoid"}),
        ("LSTM", {"activation": "sigmoid", "recurrent_activation": "tanh", "return_state": True}),
        ("LSTM", {"unit_forget_bias": False}),
        ("LSTM", {"use_cudnn": False}),
        ("GRU", {"recurrent_activation": "hard_sigmoid"}),
        ("GRU", {"reset_after": False, "return_sequences": True}),
        ("GRU", {"reset_after": False, "use_bias": False}),
        ("GRU", {"reset_after": True, "activation": "relu", "return_sequences": True}),
        ("GRU", {"reset_after": False, "activation": "relu", "go_backwards": True}),
    ],
    ids=str,
)
def test_settings_of_one(name: str, given: dict[str, Any], mask: Any) -> None:
    check_layer(name, {"units": 3, **given}, SHAPE, masks=None if mask is None else [mask])


@pytest.mark.parametrize(
    "activation",
    [
        *(
            "celu",
            "elu",
            "exponential",
            "hard_shrink",
            "hard_sigmoid",
            "hard_silu",
            "hard_swish",
            "hard_tanh",
        ),
        *(
            "linear",
            "log_sigmoid",
            "log_softmax",
            "mish",
            "relu",
            "relu6",
            "selu",
            "sigmoid",
            "silu",
            "soft_shrink",
        ),
        *("softmax", "softplus", "softsign", "swish", "tanh", "tanh_shrink"),
    ],
)
def test_activations(activation: str) -> None:
    check_layer(
        "LSTM",
        {"units": 3, "activation": activation, "recurrent_activation": activation},
        (2, 3, 2),
    )


@pytest.mark.parametrize("activation", ["gelu", "leaky_relu"])
def test_activations_that_keras_rounds(activation: str) -> None:
    """TensorFlow keeps the slope of its leaky ReLU in float32, and its gelu is good to 5e-9."""
    check_layer("LSTM", {"units": 3, "activation": activation}, (2, 3, 2), tolerance=1e-7)


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize(
    "given", [{}, {"return_sequences": True}, {"return_state": True, "go_backwards": True}], ids=str
)
@pytest.mark.parametrize("name", LAYERS)
def test_symbols(name: str, given: dict[str, Any], mask: Any) -> None:
    given = {"units": 4, "dropout": 0.1, **given}
    check_layer(name, given, SHAPE, masks=None if mask is None else [mask], symbolic=True)
    check_layer(
        name, given, SHAPE, masks=None if mask is None else [mask], symbolic=True, texts=True
    )


@pytest.mark.parametrize("name", LAYERS)
def test_open_length(name: str) -> None:
    check_layer(name, {"units": 4, "return_sequences": True}, SHAPE, open_shape=True)


@pytest.mark.parametrize(
    "name",
    [
        *LAYERS,
        "LSTMCell",
        "GRUCell",
        "SimpleRNNCell",
        "StackedRNNCells",
        "RNN",
        "Bidirectional",
        "TimeDistributed",
        "Masking",
    ],
)
def test_signature(name: str) -> None:
    assert_signature(name)


@pytest.mark.parametrize(
    ("name", "given", "module"),
    [
        ("LSTM", {}, "nn.LSTM(3, 4, batch_first=True)"),
        ("LSTM", {"use_bias": False}, "nn.LSTM(3, 4, batch_first=True, bias=False)"),
        ("GRU", {}, "nn.GRU(3, 4, batch_first=True)"),
        (
            "SimpleRNN",
            {"activation": "relu"},
            "nn.RNN(3, 4, batch_first=True, nonlinearity='relu')",
        ),
        (
            "LSTM",
            {"activation": "relu"},
            "KerasLSTM(3, 4, batch_first=True, state_activation=F.relu)",
        ),
        (
            "GRU",
            {"reset_after": False},
            "KerasGRU(3, 4, batch_first=True, reset_after=False)",
        ),
    ],
    ids=str,
)
def test_text_of_the_module(name: str, given: dict[str, Any], module: str) -> None:
    assert str(bind(name, {"units": 4, **given}).module(Tensor((None, 6, 3)))) == module


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "module(x0)[0][:, -1]"),
        ({"return_sequences": True}, "module(x0)[0]"),
        ({"return_sequences": True, "return_state": True}, "with_states(module(x0))"),
        ({"return_state": True}, "with_states(module(x0), last=True)"),
        ({"dropout": 0.2}, "module(F.dropout1d(x0.mT, 0.2, module.training).mT)[0][:, -1]"),
    ],
    ids=str,
)
def test_text_of_the_call(given: dict[str, Any], text: str) -> None:
    assert check_layer("LSTM", {"units": 4, **given}, SHAPE).forward[-1] == text


def test_functions_for_activations() -> None:
    def text(value: Any, flavour: str = "3") -> str:
        rule = bind("LSTM", {"units": 2, "recurrent_activation": value}, flavour)
        return str(rule.module(Tensor((None, 6, 3)))).partition("gate_activation=")[2]

    assert text("elu") == "F.elu)"
    assert text("hard_sigmoid") == "lambda x: F.relu6(x + 3) / 6)"
    assert text("hard_sigmoid", "2") == "lambda x: (0.2 * x + 0.5).clamp(0, 1))"
    assert text(None) == "lambda x: x)"
    assert text(SimpleNamespace(path="keras.activations.tanh")) == "torch.tanh)"
    assert (
        text(SimpleNamespace(rule=bind("LeakyReLU", {})))
        == "lambda x: F.leaky_relu(x, negative_slope=0.3))"
    )
    assert text(Sym.of(Symbol("function", "relu"))) == "keras_activation(function))"


def test_rejected() -> None:
    rejects("LSTM", {"units": 3, "time_major": True})
    rejects("LSTM", {"units": 3, "dropout": 1.0})
    rejects("LSTM", {"units": 3, "activation": "glu"}, SHAPE)
    rejects("LSTM", {"units": 3}, (2, 3))
    rejects("GRU", {"units": 3, "reset_after": Sym.of(Symbol("reset", True))})
    rejects("LSTM", {"units": 3, "return_sequences": Sym.of(Symbol("sequences", UNKNOWN))}, SHAPE)
    rejects("LSTM", {"units": 3, "stateful": True}, SHAPE)
    with pytest.raises(RuleError, match="no argument 'layers'"):
        bind("LSTM", {"units": 3, "layers": 2})


def test_symbolic_choices_of_shape() -> None:
    """Whether the whole sequence is wanted may depend on a parameter: both are in the text."""
    sequences = Sym.of(Symbol("sequences", True))
    result = check_layer(
        "LSTM", {"units": 3, "return_sequences": True}, SHAPE, symbolic=True, texts=True
    )
    assert " if return_sequences_" in result.forward[-1]
    assert (
        bind("LSTM", {"units": 3, "return_sequences": sequences})
        .outputs(Tensor((None, 6, 3)))[0]
        .rank
        == 3
    )


ROWS = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=3, max_size=3)


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(LAYERS),
    units=st.integers(1, 5),
    activation=st.sampled_from(["tanh", "relu", "sigmoid", None]),
    flags=st.fixed_dictionaries(
        {
            name: st.booleans()
            for name in (
                "use_bias",
                "return_sequences",
                "return_state",
                "go_backwards",
                "zero_output_for_mask",
            )
        }
    ),
    rows=st.none() | ROWS,
)
def test_random_settings(
    name: str, units: int, activation: Any, flags: dict[str, bool], rows: Any
) -> None:
    masks = None if rows is None else [np.array(rows)]
    check_layer(name, {"units": units, "activation": activation, **flags}, (3, 4, 2), masks=masks)
