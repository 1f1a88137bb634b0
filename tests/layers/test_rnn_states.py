"""Recurrent layers against Keras: initial states, states kept between calls, dropout, one bias, initial weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import Call, Expr, Layer
from kt_translate.pytorch.support.like_keras import init_like_keras
from tests.layers.harness import bind, close, floatx, load, random, randomize, translate
from tests.layers.test_rnn import LAYERS, MASK, SHAPE

L = keras.layers
STATES = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with floatx():
        yield


class Pair:
    """A Keras layer and the torch module and text that its declaration gives, with the same weights."""

    def __init__(
        self, layer: Any, rule: Layer, mask: Any = None, states: int = 0, steps: Any = SHAPE
    ) -> None:
        self.layer, self.mask = layer, mask
        layer.build(steps)
        randomize(layer)
        self.tensor = Tensor(steps, mask=None if mask is None else Tensor(mask.shape, "bool"))
        self.statements: list[str] = []
        self.scope = translate(rule, [self.tensor], {}, {}).scope
        self.module: Any = eval(str(rule.module(self.tensor)), dict(self.scope)).double()
        load(self.module, layer)
        options = {"initial_state": [Expr(f"s{i}") for i in range(states)]} if states else {}
        masks = [None if mask is None else Expr("mask")]
        outputs = rule.outputs(self.tensor)
        self.text = str(
            rule.forward(
                Call(Expr("module"), [Expr("x")], [self.tensor], masks, outputs, options, self.then)
            )
        )

    def then(self, expr: Any, comment: str = "") -> Expr:
        self.statements.append(f"v{len(self.statements)} = {expr}")
        return Expr(f"v{len(self.statements) - 1}")

    def run(self, x: np.ndarray, states: list[np.ndarray], training: bool = False) -> list[Any]:
        self.module.train(training)
        scope = {**self.scope, "module": self.module, "x": torch.tensor(x)}
        scope.update({f"s{i}": torch.tensor(s) for i, s in enumerate(states)})
        if self.mask is not None:
            scope["mask"] = torch.tensor(self.mask)
        for statement in self.statements:
            exec(statement, scope)
        result = eval(self.text, scope)
        return list(result) if isinstance(result, tuple) else [result]

    def check(
        self, x: np.ndarray, states: list[np.ndarray] | None = None, training: bool = False
    ) -> None:
        given = {} if states is None else {"initial_state": states}
        theirs = self.layer(x, mask=self.mask, training=training, **given)
        theirs = list(theirs) if isinstance(theirs, (tuple, list)) else [theirs]
        ours = self.run(x, states or [], training)
        assert len(ours) == len(theirs)
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            close(a.detach().numpy(), b, f"output {i} of {self.text}")


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("name", LAYERS)
def test_initial_states(name: str, activation: str, sequences: bool, mask: Any) -> None:
    given = {
        "units": 4,
        "return_sequences": sequences,
        "return_state": True,
        "activation": activation,
    }
    count = STATES[name]
    pair = Pair(getattr(L, name)(**given), bind(name, given), mask, count)
    pair.check(random(SHAPE), [random((5, 4), i) for i in range(count)])
    around = Pair(
        L.Bidirectional(getattr(L, name)(**given)),
        bind("Bidirectional", {"layer": bind(name, given)}),
        mask,
        2 * count,
    )
    around.check(random(SHAPE), [random((5, 4), i) for i in range(2 * count)])


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("name", LAYERS)
def test_initial_states_of_two_directions(name: str, mode: str | None, mask: Any) -> None:
    """Where a whole sequence is masked, Keras's output is zero although the state is not."""
    pair = Pair(
        L.Bidirectional(getattr(L, name)(4), merge_mode=mode),
        bind("Bidirectional", {"layer": bind(name, {"units": 4}), "merge_mode": mode}),
        mask,
        2 * STATES[name],
    )
    pair.check(random(SHAPE), [random((5, 4), i) for i in range(2 * STATES[name])])


def test_states_as_further_inputs() -> None:
    rule = bind("LSTM", {"units": 4, "return_sequences": True})
    tensors = [Tensor(SHAPE), Tensor((5, 4)), Tensor((5, 4))]
    assert (
        translate(rule, tensors, {}, {}).forward[-1]
        == "module(x0, (x1.unsqueeze(0), x2.unsqueeze(0)))[0]"
    )


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("name", LAYERS)
def test_stateful(name: str, activation: str, mask: Any) -> None:
    given = {"units": 4, "return_sequences": True, "stateful": True, "activation": activation}
    one = Pair(getattr(L, name)(**given), bind(name, given), mask)
    two = Pair(
        L.Bidirectional(getattr(L, name)(**given)),
        bind("Bidirectional", {"layer": bind(name, given)}),
        mask,
    )
    for pair in (one, two):
        assert not any(key in ("h", "c") for key in pair.module.state_dict())
        for seed in range(3):
            pair.check(random(SHAPE, seed))
        pair.layer.reset_state()
        pair.module.reset_state()
        pair.check(random(SHAPE, 9))
        pair.run(random(SHAPE), [])[0].sum().backward()
        pair.run(random(SHAPE), [])[0].sum().backward()


class Masks:
    """Stands for dropout in both: deals out the same masks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: list[np.ndarray] = []
        monkeypatch.setattr(F, "dropout", self.dropout)
        monkeypatch.setattr(F, "dropout1d", self.dropout1d)

    def dropout(self, x: torch.Tensor, rate: float, training: bool = True) -> torch.Tensor:
        return x * torch.tensor(self.waiting.pop(0)).reshape(x.shape)

    def dropout1d(self, x: torch.Tensor, rate: float, training: bool = True) -> torch.Tensor:
        return x * torch.tensor(self.waiting.pop(0)).unsqueeze(-1)

    def give(self, cell: Any, field: str, size: int, count: int, listed: bool) -> None:
        masks = [(random((5, size), seed=i) > 0) / 0.6 for i in range(count)]
        setattr(cell, field, [np.asarray(m) for m in masks] if listed else masks[0])
        order = (1, 0, 2) if isinstance(cell, L.GRUCell) and count == 3 else range(count)
        self.waiting += [masks[i] for i in order]


@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize(
    "given",
    [
        {"dropout": 0.4},
        {"dropout": 0.4, "activation": "softsign"},
        {"dropout": 0.4, "recurrent_dropout": 0.4},
        {"recurrent_dropout": 0.4, "use_bias": False},
        {"dropout": 0.4, "recurrent_dropout": 0.4, "reset_after": False},
        {"dropout": 0.4, "implementation": 1, "use_cudnn": False},  # "auto" fails in Keras itself
    ],
    ids=str,
)
@pytest.mark.parametrize("name", LAYERS)
def test_dropout_is_the_same_at_every_step(
    name: str, given: dict[str, Any], mask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ("reset_after" in given and name != "GRU") or (
        "implementation" in given and name == "SimpleRNN"
    ):
        given = {"dropout": 0.4, "recurrent_dropout": 0.1}
    given = {"units": 4, "return_sequences": True, **given}
    gates = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[name]
    one, two = getattr(L, name)(**given), L.Bidirectional(getattr(L, name)(**given))
    for layer, rule in (
        (one, bind(name, given)),
        (two, bind("Bidirectional", {"layer": bind(name, given)})),
    ):
        pair = Pair(layer, rule, mask)
        masks = Masks(monkeypatch)
        # Bidirectional makes its layers anew, and forgets the implementation
        asked = "implementation" in given and layer is one
        each_gate = name != "SimpleRNN" and ("recurrent_dropout" in given or asked)
        for part in [layer.forward_layer, layer.backward_layer] if layer is two else [layer]:
            if "dropout" in given:
                masks.give(part.cell, "_dropout_mask", 3, gates if each_gate else 1, each_gate)
            if "recurrent_dropout" in given:
                masks.give(
                    part.cell, "_recurrent_dropout_mask", 4, gates if each_gate else 1, each_gate
                )
        pair.check(random(SHAPE), training=True)
        assert not masks.waiting


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_rate(name: str) -> None:
    """The masks drop the given share and scale the rest, and are one for all steps."""
    rule = bind(name, {"units": 4, "dropout": 0.25, "return_sequences": True})
    result = translate(rule, [Tensor((None, 3, 4))], {}, {})
    module = result.build()
    assert module is not None
    module.train()
    torch.manual_seed(0)
    argument = result.forward[-1].partition("module(")[2].rpartition(")[0]")[0]
    ones = torch.ones(2000, 3, 4, dtype=torch.float64)
    dropped = eval(argument, {**result.scope, "module": module, "x0": ones})
    assert set(dropped.unique().tolist()) == {0.0, 1 / 0.75}
    assert abs(float((dropped == 0).double().mean()) - 0.25) < 0.02
    assert bool((dropped == dropped[:, :1]).all())


@pytest.mark.parametrize(
    ("name", "given"), [("LSTM", {}), ("SimpleRNN", {}), ("GRU", {"reset_after": False})]
)
def test_one_bias_stays_zero(name: str, given: dict[str, Any]) -> None:
    """With two trained biases every step of an optimizer would move their sum twice as far."""
    result = translate(bind(name, {"units": 4, **given}), [Tensor((None, 3, 4))], {}, {})
    module: Any = result.build()
    init_like_keras(module)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.randn(2, 3, 4, dtype=torch.float64))[0].sum().backward()
    optimizer.step()
    assert not module.bias_hh_l0.any()
    assert module.bias_ih_l0.grad.any()


def test_initial_weights() -> None:
    for forget in (True, False):
        given = {"units": 4, "unit_forget_bias": forget, "activation": None}
        module: Any = translate(bind("LSTM", given), [Tensor((None, 3, 5))], {}, {}).build()
        init_like_keras(module)
        expected = L.LSTM(**given)
        expected.build((None, 3, 5))
        close(module.bias_ih_l0.detach().numpy(), expected.weights[2], "bias")
        rows = module.weight_hh_l0.detach()
        close((rows.T @ rows).numpy(), np.eye(4), "orthogonal")


def test_mask_as_an_argument() -> None:
    """A mask may be given by hand; the torch class must then be one that takes it."""
    rule = bind("LSTM", {"units": 4, "return_sequences": True})
    mask = Tensor((None, 3), "bool")
    result = translate(rule, [Tensor((None, 3, 5))], {"mask": mask}, {})
    assert result.module == "MaskedLSTM(5, 4, batch_first=True)"
    assert result.forward[-1] == "module(x0, mask=mask)[0]"
    assert result.outputs[0].mask is mask
