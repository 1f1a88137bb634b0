"""Activations that PyTorch lacks or whose slope at a kink is not Keras's, and all by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def selu(x: Tensor) -> Tensor:
    """SELU with Keras's slope at 0: that of the positive side (in PyTorch of the negative one)."""
    return torch.where(x < 0, F.selu(x), 1.0507009873554805 * x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """CELU with Keras's slope of 2 at 0, where it adds those of both sides."""
    return torch.where(x == 0, 2 * x, F.celu(x, alpha))


def clipped_relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Keras's ReLU with all its settings: 0 up to ``threshold``, and at most ``max_value``."""
    if max_value is None and threshold == 0:
        return F.leaky_relu(x, negative_slope)
    if max_value == 6 and threshold == 0:
        y = F.relu6(x)
    else:
        y = F.threshold(x, threshold, 0.0)
        y = y if max_value is None else y.clamp(0.0, max_value)
    return y - negative_slope * F.relu(threshold - x) if negative_slope else y


def squareplus(x: Tensor, b: float = 4.0) -> Tensor:
    """Squareplus, a softplus made of a square root."""
    return (x + (x.square() + b).sqrt()) / 2


def sparse_plus(x: Tensor) -> Tensor:
    """Sparse-plus: 0 up to -1, x from 1 on, a parabola between them."""
    return torch.where(x < 1, (x.clamp(min=-1) + 1).square() / 4, x)


def sparsemax(x: Tensor, dim: int = -1) -> Tensor:
    """Keras's sparsemax, which sums the cumulative sums of the support, not its values."""
    ordered = x.sort(dim=dim, descending=True).values
    total = ordered.cumsum(dim)
    shape = [1] * x.dim()
    shape[dim] = -1
    rank = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype, device=x.device).view(shape)
    support = ordered - (total - 1) / rank > 0
    count = support.sum(dim, keepdim=True)
    tau = (torch.where(support, total, 0.0).sum(dim, keepdim=True) - 1) / count
    return torch.where(x >= tau, x - tau, 0.0)


def softmax_over(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Softmax over several dimensions at once."""
    return (x - x.logsumexp(dims, keepdim=True)).exp()


def masked_softmax(x: Tensor, mask: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Softmax of Keras's layer with a mask: exactly 0 where it is False, even if all of it is."""
    x = torch.where(mask, x, -3e4 if x.dtype == torch.float16 else -1e9)
    y = softmax_over(x, dim) if isinstance(dim, tuple) else x.softmax(dim)
    return torch.where(mask, y, 0.0)


def added_mask_softmax(x: Tensor, mask: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Softmax of Keras 2's layer with a mask: -1e9 is added where it is False."""
    x = x + (1.0 - mask.to(x.dtype)) * (
        torch.finfo(x.dtype).min if x.dtype == torch.float16 else -1e9
    )
    return softmax_over(x, dim) if isinstance(dim, tuple) else x.softmax(dim)


class PReLU(nn.Module):
    """Keras's PReLU: a slope of its own for every element (one where ``shape`` has 1), 0 at first.

    ``shape`` is that of the input without the batch; nn.PReLU knows slopes for channels only.
    """

    keras_kinds = ("p_re_lu",)

    def __init__(self, *shape: int, channels_first: bool = True) -> None:
        super().__init__()
        self.channels_first = channels_first
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x) - self.weight * F.relu(-x)

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return {"weight": np.moveaxis(arrays[0], -1, 0) if self.channels_first else arrays[0]}


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "selu": selu,
    "celu": celu,
    "gelu": F.gelu,
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    "log_sigmoid": F.logsigmoid,
    "sparse_sigmoid": lambda x: (F.hardtanh(x) + 1) / 2,
    "hard_silu": F.hardswish,
    "hard_swish": F.hardswish,
    "tanh": torch.tanh,
    "hard_tanh": lambda x: x.clamp(-1, 1),
    "tanh_shrink": F.tanhshrink,
    "hard_shrink": F.hardshrink,
    "soft_shrink": F.softshrink,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "squareplus": squareplus,
    "sparse_plus": sparse_plus,
    "exponential": torch.exp,
}
ACTIVATIONS_OVER_DIM: dict[str, Callable[..., Tensor]] = {
    "softmax": F.softmax,
    "log_softmax": F.log_softmax,
    "sparsemax": sparsemax,
    "glu": F.glu,
}


def keras_activation(
    name: str | Callable[[Tensor], Tensor] | None, dim: int = -1
) -> Callable[[Tensor], Tensor]:
    """Keras's activation of this name, or the function itself; None leaves everything as it is.

    Softmax and its like work along ``dim``.
    """
    if callable(name):
        return name
    if name in ACTIVATIONS_OVER_DIM:
        return partial(ACTIVATIONS_OVER_DIM[name], dim=dim)
    return ACTIVATIONS[name or "linear"]


class Activation(nn.Module):
    """Keras's activation of a name that is only known when the module is made (or a function).

    PyTorch has a class for each. None leaves everything as it is; softmax works along ``dim``.
    """

    def __init__(self, name: str | Callable[[Tensor], Tensor] | None, dim: int = -1) -> None:
        super().__init__()
        keras_activation(name)  # a KeyError for a name that Keras does not have
        self.name = name
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return keras_activation(self.name, self.dim)(x)


def keras2_activation(
    name: str | Callable[[Tensor], Tensor] | None, dim: int = -1
) -> Callable[[Tensor], Tensor]:
    """Keras 2's activation of this name: it had another hard sigmoid."""
    if name == "hard_sigmoid":
        return lambda x: (0.2 * x + 0.5).clamp(0, 1)
    return keras_activation(name, dim)
