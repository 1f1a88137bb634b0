"""Keras's initial distributions, written into PyTorch parameters in place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def fans_of(tensor: Tensor) -> tuple[int, int]:
    """The numbers of inputs and outputs of a weight, as Keras counts them."""
    if tensor.ndim < 2:
        return tensor.numel(), tensor.numel()
    receptive_field = tensor[0, 0].numel()
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


@torch.no_grad()
def variance_scaling_(
    tensor: Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    fans: tuple[int, int] | None = None,
) -> Tensor:
    """Keras's VarianceScaling, whose normal distribution is cut at two deviations, and wider.

    `fans` are needed where PyTorch's shape does not tell them: in depthwise convolutions and in
    parameters that are kept in Keras's own layout.
    """
    fan_in, fan_out = fans or fans_of(tensor)
    n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    std = math.sqrt(scale / max(1.0, n))
    if distribution == "uniform":
        return tensor.uniform_(-math.sqrt(3) * std, math.sqrt(3) * std)
    if distribution == "untruncated_normal":
        return tensor.normal_(0.0, std)
    std /= 0.87962566103423978  # of a normal distribution cut at two deviations
    return nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std)


glorot_uniform_ = partial(variance_scaling_, mode="fan_avg", distribution="uniform")
glorot_normal_ = partial(variance_scaling_, mode="fan_avg")
he_uniform_ = partial(variance_scaling_, scale=2.0, distribution="uniform")
he_normal_ = partial(variance_scaling_, scale=2.0)
lecun_uniform_ = partial(variance_scaling_, distribution="uniform")
lecun_normal_ = partial(variance_scaling_)


@torch.no_grad()
def random_normal_(tensor: Tensor, mean: float = 0.0, std: float = 0.05) -> Tensor:
    """Keras's RandomNormal."""
    return tensor.normal_(mean, std)


@torch.no_grad()
def random_uniform_(tensor: Tensor, low: float = -0.05, high: float = 0.05) -> Tensor:
    """Keras's RandomUniform."""
    return tensor.uniform_(low, high)


def truncated_normal_(tensor: Tensor, mean: float = 0.0, std: float = 0.05) -> Tensor:
    """Keras's TruncatedNormal: cut at two deviations."""
    return nn.init.trunc_normal_(tensor, mean, std, mean - 2 * std, mean + 2 * std)


@torch.no_grad()
def zeros_(tensor: Tensor) -> Tensor:
    """Keras's Zeros."""
    return tensor.zero_()


@torch.no_grad()
def ones_(tensor: Tensor) -> Tensor:
    """Keras's Ones."""
    return tensor.fill_(1.0)


@torch.no_grad()
def constant_(tensor: Tensor, value: float | Tensor = 0.0) -> Tensor:
    """Keras's Constant; `value` may be a tensor of the parameter's shape."""
    return tensor.copy_(torch.as_tensor(value))


@torch.no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Keras's Orthogonal."""
    if tensor.ndim < 2:
        raise ValueError("Keras's Orthogonal is for parameters of two or more dimensions")
    return nn.init.orthogonal_(tensor, gain)


@torch.no_grad()
def identity_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Keras's Identity."""
    return nn.init.eye_(tensor).mul_(gain)


INITIALIZERS: dict[str, Callable[[Tensor], Any]] = {
    "constant": constant_,
    "glorot_normal": glorot_normal_,
    "glorot_uniform": glorot_uniform_,
    "he_normal": he_normal_,
    "he_uniform": he_uniform_,
    "identity": identity_,
    "lecun_normal": lecun_normal_,
    "lecun_uniform": lecun_uniform_,
    "normal": random_normal_,
    "one": ones_,
    "ones": ones_,
    "orthogonal": orthogonal_,
    "random_normal": random_normal_,
    "random_uniform": random_uniform_,
    "truncated_normal": truncated_normal_,
    "uniform": random_uniform_,
    "variance_scaling": variance_scaling_,
    "zero": zeros_,
    "zeros": zeros_,
}


def keras_initializer(given: str | Callable[[Tensor], Any] | None) -> Callable[[Tensor], Any]:
    """An initializer by Keras's name for it ("he_normal" or "HeNormal"), or as it is."""
    if callable(given):
        return given
    name = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", given or "glorot_uniform").lower()
    if name not in INITIALIZERS:
        raise ValueError(f"Keras has no initializer {given}")
    return INITIALIZERS[name]
