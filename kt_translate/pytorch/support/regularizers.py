"""Keras's weight penalties, as functions of a PyTorch parameter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor


def l1(factor: float = 0.01) -> Callable[[Tensor], Tensor]:
    """Keras's L1: the factor times the sum of absolute values."""
    return lambda weight: factor * weight.abs().sum()


def l2(factor: float = 0.01) -> Callable[[Tensor], Tensor]:
    """Keras's L2: the factor times the sum of squares, without PyTorch's one half."""
    return lambda weight: factor * weight.square().sum()


def l1_l2(l1: float = 0.0, l2: float = 0.0) -> Callable[[Tensor], Tensor]:
    """Keras's L1L2: both penalties."""
    return lambda weight: l1 * weight.abs().sum() + l2 * weight.square().sum()


def orthogonal_regularizer(factor: float = 0.01, dim: int = 1) -> Callable[[Tensor], Tensor]:
    """Keras's OrthogonalRegularizer: the mean cosine between the vectors of a matrix.

    `dim` counts the vectors: 1 for the rows of a Keras kernel, as PyTorch's weight is transposed.
    """

    def penalty(weight: Tensor) -> Tensor:
        rows = F.normalize(weight.transpose(0, dim), dim=1, eps=1e-7)
        products = (rows @ rows.T).abs()
        pairs = len(rows) * (len(rows) - 1) / 2
        return factor * 0.5 * (products.sum() - products.diagonal().sum()) / pairs

    return penalty


REGULARIZERS: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "l1": l1,
    "l1_l2": partial(l1_l2, l1=0.01, l2=0.01),
    "l1l2": l1_l2,
    "l2": l2,
}


def keras_regularizer(
    given: str | Callable[[Tensor], Tensor] | None,
) -> Callable[[Tensor], Tensor] | None:
    """A regularizer by Keras's name for it ("l2"), or as it is; None is none."""
    if given is None or callable(given):
        return given
    if given.lower() not in REGULARIZERS:
        raise ValueError(f"Keras has no regularizer {given}")
    return REGULARIZERS[given.lower()]()
