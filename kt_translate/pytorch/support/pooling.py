"""Pooling with Keras's "same" padding, and the mean over a masked sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .conv import pad_same


class SameMaxPool1d(nn.MaxPool1d):
    """Max pooling with Keras's ``padding="same"``; what is padded is never the maximum."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, value=float("-inf")))


class SameMaxPool2d(nn.MaxPool2d):
    """Max pooling with Keras's ``padding="same"``; what is padded is never the maximum."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, value=float("-inf")))


class SameMaxPool3d(nn.MaxPool3d):
    """Max pooling with Keras's ``padding="same"``; what is padded is never the maximum."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, value=float("-inf")))


class SameAvgPool1d(nn.AvgPool1d):
    """Average pooling with Keras's ``padding="same"``: the mean of the elements that are there."""

    def forward(self, x: Tensor) -> Tensor:
        there = pad_same(torch.ones_like(x[:1, :1]), self.kernel_size, self.stride)
        x = pad_same(x, self.kernel_size, self.stride)
        return super().forward(x) / super().forward(there)


class SameAvgPool2d(nn.AvgPool2d):
    """Average pooling with Keras's ``padding="same"``: the mean of the pixels that are there."""

    def forward(self, x: Tensor) -> Tensor:
        there = pad_same(torch.ones_like(x[:1, :1]), self.kernel_size, self.stride)
        x = pad_same(x, self.kernel_size, self.stride)
        return super().forward(x) / super().forward(there)


class SameAvgPool3d(nn.AvgPool3d):
    """Average pooling with Keras's ``padding="same"``: the mean of the elements that are there."""

    def forward(self, x: Tensor) -> Tensor:
        there = pad_same(torch.ones_like(x[:1, :1]), self.kernel_size, self.stride)
        x = pad_same(x, self.kernel_size, self.stride)
        return super().forward(x) / super().forward(there)


def masked_mean(x: Tensor, mask: Tensor, keepdim: bool = False) -> Tensor:
    """The mean over the steps of (N, L, C) that ``mask`` (N, L) keeps; NaN if it keeps none."""
    mask = mask.bool().unsqueeze(-1)
    total = torch.where(mask, x, 0).sum(1, keepdim=keepdim)
    return total / mask.sum(1, keepdim=keepdim)
