"""Initial weights, penalties and constraints against Keras's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kt_translate.pytorch.support import constraints, initializers, regularizers
from kt_translate.pytorch.support.like_keras import (
    apply_constraints,
    init_like_keras,
    like_keras,
    regularization_loss,
)
from kt_translate.pytorch.support.regularization import ActivityRegularization
from kt_translate.pytorch.support.rnn import no_forget_bias

LAYERS: list[tuple[Any, tuple[int, ...], nn.Module]] = [
    (keras.layers.Dense(300), (None, 200), nn.Linear(200, 300)),
    (keras.layers.Conv2D(64, 3), (None, 9, 9, 48), nn.Conv2d(48, 64, 3)),
    (keras.layers.Conv1DTranspose(64, 5), (None, 9, 48), nn.ConvTranspose1d(48, 64, 5)),
    (
        keras.layers.DepthwiseConv2D(5, depth_multiplier=2),
        (None, 9, 9, 200),
        nn.Conv2d(200, 400, 5, groups=200),
    ),
    (keras.layers.Embedding(300, 40), (None, 5), nn.Embedding(300, 40)),
    (keras.layers.LSTM(60), (None, 5, 50), nn.LSTM(50, 60)),
    (keras.layers.GRU(60), (None, 5, 50), nn.GRU(50, 60)),
    (keras.layers.SimpleRNN(90), (None, 5, 50), nn.RNN(50, 90)),
]


@pytest.mark.parametrize(("layer", "shape", "module"), LAYERS, ids=lambda x: type(x).__name__)
def test_default_distributions(layer: Any, shape: tuple[int, ...], module: nn.Module) -> None:
    torch.manual_seed(0)
    layer.build(shape)
    init_like_keras(module)
    theirs = sorted((np.asarray(w) for w in layer.weights if "bias" not in w.name), key=np.size)
    ours = sorted(
        (p.detach().numpy() for n, p in module.named_parameters() if "bias" not in n), key=np.size
    )
    for a, b in zip(ours, theirs, strict=True):
        assert a.std() == pytest.approx(b.std(), rel=0.03)
        assert np.abs(a).max() == pytest.approx(np.abs(b).max(), rel=0.25)
    for name, parameter in module.named_parameters():
        assert "bias_ih" in name or "bias" not in name or not parameter.any()
        assert parameter.requires_grad != ("bias_hh" in name and not isinstance(module, nn.GRU))
    if isinstance(module, nn.LSTM):
        np.testing.assert_array_equal(module.bias_ih_l0.detach(), layer.cell.bias)
    if isinstance(module, nn.RNNBase):
        w = module.weight_hh_l0
        assert torch.allclose(w.T @ w, torch.eye(w.shape[1]), atol=1e-5)


NAMES = ["glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal"]
NAMES += ["lecun_uniform", "random_normal", "random_uniform", "truncated_normal", "orthogonal"]
NAMES += ["zeros", "ones", "variance_scaling"]


@pytest.mark.parametrize("name", NAMES)
def test_initializers(name: str) -> None:
    torch.manual_seed(0)
    kernel = np.asarray(keras.initializers.get(name)((3, 3, 40, 80)))
    weight = torch.empty(80, 40, 3, 3)
    getattr(initializers, name + "_")(weight)
    assert weight.std().item() == pytest.approx(kernel.std(), rel=0.03)
    assert weight.mean().item() == pytest.approx(kernel.mean(), abs=0.01)
    assert weight.abs().max().item() == pytest.approx(np.abs(kernel).max(), rel=0.2)


def test_initializers_with_arguments() -> None:
    linear = nn.Linear(500, 400)
    init = {
        "weight": partial(initializers.he_normal_, fans=(10, 20)),
        "bias": partial(initializers.constant_, value=0.3),
    }
    like_keras(linear, init=init)
    assert linear.weight.std().item() == pytest.approx((2 / 10) ** 0.5, rel=0.02)
    assert torch.equal(linear.bias, torch.full((400,), 0.3))
    before = linear.weight.clone()
    init_like_keras(nn.Sequential(linear))
    assert torch.equal(linear.weight, before)
    square = initializers.identity_(torch.empty(3, 3), gain=2.0)
    assert torch.equal(square, 2 * torch.eye(3))


@pytest.mark.parametrize("module", [nn.LSTM(3, 4, bidirectional=True), nn.Linear(3, 4)])
def test_what_is_not_given_starts_as_in_keras(module: nn.Module) -> None:
    key = "weight_hh" if isinstance(module, nn.LSTM) else "weight"
    like_keras(module, init={key: initializers.ones_}, trainable=False)
    for name, parameter in module.named_parameters():
        assert not parameter.requires_grad
        if name.startswith(key):
            assert (parameter == 1).all(), name
        elif "bias_ih" in name:
            assert parameter.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_forget_gate_stays_open_whatever_the_bias_starts_with(bidirectional: bool) -> None:
    init = {"bias_ih": partial(initializers.constant_, value=0.5)}
    module = like_keras(nn.LSTM(3, 4, bidirectional=bidirectional), init=init)
    layer = keras.layers.LSTM(4, bias_initializer=keras.initializers.Constant(0.5))
    layer.build((None, 5, 3))
    biases = [p for name, p in module.named_parameters() if name.startswith("bias_ih")]
    assert len(biases) == 1 + bidirectional
    for bias in biases:
        np.testing.assert_array_equal(bias.detach(), layer.cell.bias)
    closed = like_keras(no_forget_bias(nn.LSTM(3, 4)), init=init)
    assert closed.bias_ih_l0.tolist() == [0.5] * 16


def test_initializers_of_buffers() -> None:
    init = {"running_mean": partial(initializers.constant_, value=0.5)}
    module = like_keras(nn.BatchNorm2d(3), init=init)
    assert module.running_mean.tolist() == [0.5] * 3
    with pytest.raises(AttributeError, match="no parameter running_median"):
        like_keras(nn.BatchNorm2d(3), init={"running_median": initializers.ones_})


@pytest.fixture
def float64() -> Iterator[None]:
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


WEIGHT = np.random.default_rng(0).normal(size=(5, 4))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (regularizers.l1(0.125), keras.regularizers.L1(0.125)),
        (regularizers.l2(0.125), keras.regularizers.L2(0.125)),
        (regularizers.l1_l2(0.125, 0.25), keras.regularizers.L1L2(0.125, 0.25)),
    ],
)
def test_regularizers(ours: Callable[[Tensor], Tensor], theirs: Any) -> None:
    """With factors that float32 holds: Keras makes them float32 first."""
    expected = float(theirs(keras.ops.convert_to_tensor(WEIGHT, dtype="float64")))
    assert ours(torch.from_numpy(WEIGHT.T)).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("dim", "mode"), [(1, "rows"), (0, "columns")])
def test_orthogonal_regularizer(dim: int, mode: str) -> None:
    """In float32: Keras's own fails on a float64 matrix."""
    weight = WEIGHT.astype("float32")
    tensor = keras.ops.convert_to_tensor(weight)
    expected = float(keras.regularizers.OrthogonalRegularizer(0.1, mode)(tensor))
    ours = regularizers.orthogonal_regularizer(0.1, dim)(torch.from_numpy(weight.T))
    assert ours.item() == pytest.approx(expected, rel=1e-6)


def test_regularization_loss_counts_a_shared_module_once() -> None:
    linear = like_keras(nn.Linear(2, 3), regularize={"weight": regularizers.l2(0.5)})
    module = nn.ModuleList([linear, nn.ModuleList([linear])])
    expected = 0.5 * linear.weight.square().sum()
    assert torch.equal(regularization_loss(module), expected)
    assert regularization_loss(nn.Linear(2, 2).double()).dtype == torch.float64
    assert regularization_loss(nn.ReLU()).item() == 0


def test_regularization_loss_has_the_penalties_of_outputs() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    inner = keras.layers.Dense(
        2,
        "relu",
        kernel_regularizer=keras.regularizers.L2(0.125),
        activity_regularizer=keras.regularizers.L1L2(0.25, 0.5),
    )
    model = keras.Sequential([keras.Input((4,)), inner])
    linear = like_keras(nn.Linear(4, 2), regularize={"weight": regularizers.l2(0.125)})
    module = nn.Sequential(linear, nn.ReLU(), ActivityRegularization(l1=0.25, l2=0.5))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(np.asarray(inner.kernel).T.copy()))
        linear.bias.zero_()
    assert regularization_loss(module).item() == pytest.approx(float(model.losses[0]), rel=1e-6)
    for rows in (x, 2 * x):
        model(rows)
        module(torch.from_numpy(rows))
        expected = float(sum(model.losses))
        assert regularization_loss(module).item() == pytest.approx(expected, rel=1e-6)
    regularization_loss(module).backward()
    assert linear.weight.grad.abs().sum() > 0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (constraints.max_norm(1.5), keras.constraints.MaxNorm(1.5)),
        (constraints.unit_norm(dim=0), keras.constraints.UnitNorm(axis=1)),
        (constraints.non_neg(), keras.constraints.NonNeg()),
        (constraints.min_max_norm(1.2, 1.9, 0.7), keras.constraints.MinMaxNorm(1.2, 1.9, 0.7)),
    ],
)
def test_constraints(ours: Callable[[Tensor], Tensor], theirs: Any) -> None:
    expected = np.asarray(theirs(keras.ops.convert_to_tensor(WEIGHT, dtype="float64")))
    linear = like_keras(nn.Linear(5, 4).double(), constrain={"weight": ours})
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(WEIGHT.T))
    apply_constraints(nn.Sequential(linear))
    np.testing.assert_allclose(linear.weight.detach(), expected.T, rtol=1e-12)
