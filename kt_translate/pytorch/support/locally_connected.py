"""Convolutions with a kernel of their own at every position, which PyTorch does not have."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LocallyConnected(nn.Module):
    """A convolution of (N, C, *input_size), without padding, whose kernel differs from place to place.

    The weight is (out_channels, in_channels * kernel, positions), the bias (out_channels, *output_size).
    """

    keras_kinds = ("locally_connected1d", "locally_connected2d")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: Sequence[int],
        kernel_size: Sequence[int],
        stride: Sequence[int],
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = tuple(kernel_size)
        self.stride = tuple(stride)
        sizes = zip(input_size, kernel_size, stride, strict=True)
        self.output_size = [(n - k) // s + 1 for n, k, s in sizes]
        rows, positions = in_channels * prod(kernel_size), prod(self.output_size)
        self.weight = nn.Parameter(torch.empty(out_channels, rows, positions))
        self.bias = nn.Parameter(torch.zeros(out_channels, *self.output_size)) if bias else None
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *input_size) -> (N, out_channels, *output_size)."""
        kernel, stride = self.kernel_size, self.stride
        if len(kernel) == 1:
            x, kernel, stride = x.unsqueeze(2), (1, *kernel), (1, *stride)
        patches = F.unfold(x, kernel, stride=stride)
        y = torch.einsum("ncl,ocl->nol", patches, self.weight).unflatten(-1, self.output_size)
        return y if self.bias is None else y + self.bias

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Keras's kernel is (positions, kernel * in_channels, out_channels), channels last."""
        kernel, *bias = arrays
        kernel = kernel.reshape(len(kernel), prod(self.kernel_size), -1, kernel.shape[-1])
        weight = kernel.transpose(3, 2, 1, 0).reshape(kernel.shape[3], -1, len(kernel))
        return {"weight": weight, **({"bias": np.moveaxis(bias[0], -1, 0)} if bias else {})}
