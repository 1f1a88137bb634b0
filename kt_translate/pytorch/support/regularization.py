"""Noise and dropout that PyTorch lacks. All of it is for training only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .regularizers import l1_l2


class SharedDropout(nn.Module):
    """Dropout that decides once along dimensions where ``noise_shape`` has 1."""

    def __init__(self, p: float, noise_shape: Sequence[int | None]) -> None:
        super().__init__()
        self.p = p
        self.noise_shape = noise_shape

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        shape = [
            size if n is None else n for n, size in zip(self.noise_shape, x.shape, strict=True)
        ]
        return x * x.new_empty(shape).bernoulli_(1 - self.p) / (1 - self.p)


class SharedAlphaDropout(SharedDropout):
    """Alpha dropout that decides once along the dimensions where ``noise_shape`` has 1."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        shape = [
            size if n is None else n for n, size in zip(self.noise_shape, x.shape, strict=True)
        ]
        kept = x.new_empty(shape).bernoulli_(1 - self.p)
        floor = -1.7580993408473766  # where SELU ends for large negative numbers
        a = ((1 - self.p) * (1 + self.p * floor**2)) ** -0.5
        return a * (x * kept + floor * (1 - kept)) - a * floor * self.p


class GaussianNoise(nn.Module):
    """Add Gaussian noise in training."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stddev * torch.randn_like(x) if self.training else x


class GaussianDropout(nn.Module):
    """Multiply with Gaussian noise around 1, as wide as dropout of rate ``p``, in training."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.stddev = math.sqrt(p / (1 - p))

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.stddev * torch.randn_like(x)) if self.training else x


class ActivityRegularization(nn.Module):
    """The identity, with a penalty on what passes through: Keras's ``activity_regularizer``.

    `activity_loss` is that of the last call, divided by the size of the batch;
    `regularization_loss` adds it to those of the parameters.
    """

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        penalty: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.penalty = penalty or l1_l2(l1, l2)
        self.activity_loss: Tensor | float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        self.activity_loss = self.penalty(x) / len(x)
        return x

    def __getstate__(self) -> dict[str, Any]:
        """Without the penalty, whose graph can be neither copied nor saved."""
        return {**self.__dict__, "activity_loss": 0.0}
