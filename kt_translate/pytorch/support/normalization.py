"""Normalizations with Keras's statistics and Keras's choice of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def affine(module: AnyModule, scale: bool = True, center: bool = True) -> AnyModule:
    """``module`` without its weight or its bias: PyTorch has both or neither, Keras either."""
    if not scale:
        module.register_parameter("weight", None)
    if not center:
        module.register_parameter("bias", None)
    return module


class BiasedVariance(nn.modules.batchnorm._BatchNorm):
    """Batch normalization whose moving variance is Keras's: the biased variance of the batch.

    A frozen layer (``keras_frozen``) normalizes by the moving statistics in training, too.
    """

    keras_frozen = False
    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        if not self.training or self.keras_frozen:
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        n = x.numel() // x.shape[1]
        step = torch.zeros_like(variance)  # becomes momentum * variance * n / (n - 1)
        y = torch.batch_norm(
            x, self.weight, self.bias, mean, step, True, self.momentum, self.eps, True
        )
        variance.mul_(1 - self.momentum)
        if n > 1:
            variance.add_(step, alpha=(n - 1) / n)
        return y


class BatchNorm1d(BiasedVariance, nn.BatchNorm1d):
    """Keras's batch normalization of (N, C) or (N, C, L)."""


class BatchNorm2d(BiasedVariance, nn.BatchNorm2d):
    """Keras's batch normalization of (N, C, H, W)."""


class BatchNorm3d(BiasedVariance, nn.BatchNorm3d):
    """Keras's batch normalization of (N, C, D, H, W)."""


class FreezableBatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d that, once frozen as in Keras, uses its moving statistics in training, too."""

    keras_frozen = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.keras_frozen:
            return super().forward(x)
        mean, variance = self.running_mean, self.running_var
        return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)


class FreezableBatchNorm3d(nn.BatchNorm3d):
    """nn.BatchNorm3d that, once frozen as in Keras, uses its moving statistics in training, too."""

    keras_frozen = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.keras_frozen:
            return super().forward(x)
        mean, variance = self.running_mean, self.running_var
        return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)


class MaskedBatchNorm(BiasedVariance):
    """Batch normalization that in training takes its statistics from where ``mask`` is true.

    x is (N, C, ...), the mask (N, ...). Keras adds ``count_eps`` to the number of elements.
    """

    keras_kinds = ("batch_normalization", "sync_batch_normalization")

    def __init__(self, *args: Any, count_eps: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.count_eps = count_eps

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if not self.training or self.keras_frozen:
            return super().forward(x)
        present = mask.unsqueeze(1)
        count = mask.sum(dtype=x.dtype) + self.count_eps
        dims = [0, *range(2, x.dim())]
        mean = torch.where(present, x, 0.0).sum(dims, keepdim=True) / count
        variance = torch.where(present, x - mean, 0.0).square().sum(dims, keepdim=True) / count
        y = (x - mean) * torch.rsqrt(variance + self.eps)
        for parameter, combine in ((self.weight, torch.mul), (self.bias, torch.add)):
            if parameter is not None:
                y = combine(y, parameter.view(mean.shape[1:]))
        with torch.no_grad():
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance.flatten(), self.momentum)
        return y

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions."""

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        names = ("weight", "bias", "running_mean", "running_var")
        return dict(zip([n for n in names if getattr(self, n) is not None], arrays, strict=True))


class GroupNorm(nn.GroupNorm):
    """Group normalization with a scale and a shift, or one of them (PyTorch: both or neither)."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float,
        scale: bool = True,
        center: bool = True,
    ) -> None:
        super().__init__(num_groups, num_channels, eps=eps)
        if not scale:
            self.register_parameter("weight", None)
        if not center:
            self.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight is not None or self.bias is None:
            return super().forward(x)
        y = F.group_norm(x, self.num_groups, eps=self.eps)
        return y + self.bias.view(-1, *[1] * (x.dim() - 2))


class VarianceScaling(nn.Module):
    """LayerNormalization with ``rms_scaling``: divides by the deviation, keeps the mean."""

    keras_kinds = ("layer_normalization",)

    def __init__(self, normalized_shape: int | Sequence[int], eps: float) -> None:
        super().__init__()
        shape = (
            (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        )
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        dims = tuple(range(-self.weight.dim(), 0))
        variance = x.var(dims, correction=0, keepdim=True)
        return x * torch.rsqrt(variance + self.eps) * self.weight

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return {"weight": arrays[0]}
