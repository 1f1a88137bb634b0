"""Activations within recurrent layers that PyTorch has under other names, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def keras_hard_sigmoid(x: Tensor) -> Tensor:
    """F.hardsigmoid, whose slope in float64 is only as good as a float32, computed exactly."""
    return F.relu6(x + 3) / 6


def keras2_hard_sigmoid(x: Tensor) -> Tensor:
    """The hard sigmoid of Keras 2, steeper than that of Keras 3 and PyTorch."""
    return (0.2 * x + 0.5).clamp(0, 1)


RECURRENT_ACTIVATIONS: dict[str | None, Callable[[Tensor], Tensor]] = {
    None: nn.Identity(),
    "elu": F.elu,
    "gelu": F.gelu,
    "hard_sigmoid": keras_hard_sigmoid,
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.2),
    "linear": nn.Identity(),
    "relu": F.relu,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "swish": F.silu,
    "tanh": torch.tanh,
}
