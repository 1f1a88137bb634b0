"""Keras's metrics that are means over samples: `update(output, target)`, then `compute()`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class MeanMetric:
    """The mean over all samples so far of what `values(output, target)` gives for a batch.

    Keras averages within each sample first, and then counts every sample of every batch once; a
    single number for a batch counts as one sample.
    """

    def __init__(self, values: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.values = values
        self.total: Tensor | float = 0.0
        self.count = 0

    @torch.no_grad()
    def update(self, output: Tensor, target: Tensor) -> None:
        values = self.values(output, target)
        values = values.to(torch.promote_types(output.dtype, torch.float32))
        samples = len(output) if values.dim() else 1
        self.total = self.total + values.reshape(samples, -1).mean(1).sum()
        self.count += samples

    def compute(self) -> float:
        return float(self.total) / max(self.count, 1)


class RootMeanSquaredError(MeanMetric):
    """The root of the mean over all samples, not a mean of the batches' roots."""

    def __init__(self) -> None:
        super().__init__(squared_error)

    def compute(self) -> float:
        return math.sqrt(super().compute())


class MetricOfOutput:
    """A metric of one output of several: `update` takes all of them."""

    def __init__(self, metric: Any, key: Any) -> None:
        self.metric = metric
        self.key = key

    def update(self, output: Any, target: Any) -> None:
        self.metric.update(output[self.key], target[self.key])

    def compute(self) -> Any:
        return self.metric.compute()


def as_output(target: Tensor, output: Tensor) -> Tensor:
    """The target in the output's shape: Keras takes (N,) for (N, 1)."""
    return target.reshape(output.shape) if target.numel() == output.numel() else target


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    return (output - as_output(target, output)).square()


def is_equal(output: Tensor, target: Tensor) -> Tensor:
    """Keras's class `Accuracy`: whether the output is the target."""
    return output == as_output(target, output)


def binary_accuracy(output: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """Whether the output is above the threshold where the target is 1, and only there."""
    return (output > threshold) == as_output(target, output)


def categorical_accuracy(output: Tensor, target: Tensor, dim: int = -1) -> Tensor:
    """Whether the class with the largest output is that of the one-hot target."""
    return output.argmax(dim) == target.argmax(dim)


def sparse_categorical_accuracy(output: Tensor, target: Tensor, dim: int = -1) -> Tensor:
    """Whether the class with the largest output is the target."""
    found = output.argmax(dim)
    return found == target.reshape(found.shape)


def accuracy_by_shape(output: Tensor, target: Tensor, dim: int = -1) -> Tensor:
    """Keras's "accuracy": shapes tell whether targets are bits, class numbers or one-hot."""
    if output.shape[dim] == 1:
        return binary_accuracy(output, target)
    if target.dim() < output.dim() or target.shape[dim] == 1:
        return sparse_categorical_accuracy(output, target, dim)
    return categorical_accuracy(output, target, dim)


def sparse_top_k_accuracy(output: Tensor, target: Tensor, k: int = 5, dim: int = -1) -> Tensor:
    """Whether fewer than `k` classes have a larger output than the target has."""
    shape = output.argmax(dim, keepdim=True).shape
    right = output.gather(dim, target.reshape(shape).long())
    return (output > right).sum(dim) < k


def top_k_accuracy(output: Tensor, target: Tensor, k: int = 5, dim: int = -1) -> Tensor:
    """The same for one-hot targets."""
    return sparse_top_k_accuracy(output, target.argmax(dim), k, dim)


def cosine_of_angle(output: Tensor, target: Tensor, dim: int = -1, eps: float = 1e-7) -> Tensor:
    target = as_output(target, output).to(output.dtype)
    return (F.normalize(output, dim=dim, eps=eps) * F.normalize(target, dim=dim, eps=eps)).sum(dim)
