"""Keras's weight constraints: functions that give what a parameter is set to after a step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def max_norm(max_value: float = 2.0, dim: int | tuple[int, ...] = 1) -> Callable[[Tensor], Tensor]:
    """Keras's MaxNorm: `dim` are the dimensions over which a norm runs, a unit's inputs."""
    return min_max_norm(0.0, max_value, dim=dim)


def unit_norm(dim: int | tuple[int, ...] = 1) -> Callable[[Tensor], Tensor]:
    """Keras's UnitNorm: `dim` are the dimensions over which a norm runs, a unit's inputs."""

    def constrained(weight: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(weight, dim=dim, keepdim=True)
        return weight / (1e-7 + norm)

    return constrained


def min_max_norm(
    min_value: float = 0.0,
    max_value: float = 1.0,
    rate: float = 1.0,
    dim: int | tuple[int, ...] = 1,
) -> Callable[[Tensor], Tensor]:
    """Keras's MinMaxNorm: `dim` are the dimensions over which a norm runs, a unit's inputs."""

    def constrained(weight: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(weight, dim=dim, keepdim=True)
        wanted = rate * norm.clamp(min_value, max_value) + (1 - rate) * norm
        return weight * wanted / (1e-7 + norm)

    return constrained


def non_neg() -> Callable[[Tensor], Tensor]:
    """Keras's NonNeg: negative weights become zero."""
    return lambda weight: weight.clamp_min(0)
