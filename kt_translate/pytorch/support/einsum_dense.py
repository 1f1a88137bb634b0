"""Dense layers given by an equation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


class EinsumDense(nn.Module):
    """Keras's EinsumDense: torch.einsum of x and a kernel, and a bias that broadcasts.

    The kernel of ``kernel_shape`` is kept as nn.Linear keeps its own, as a matrix with a row for
    each output, so that initializers see as many inputs and outputs as Keras's do.
    """

    keras_kinds = ("einsum_dense",)

    def __init__(
        self, equation: str, kernel_shape: Sequence[int], bias_shape: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.equation = equation
        self.kernel_shape = tuple(kernel_shape)
        letters, output = equation.split(",")[1].split("->")
        inputs = [i for i, letter in enumerate(letters) if letter not in output]
        self.outputs_first = [i for i in range(len(letters)) if i not in inputs] + inputs
        self.inputs = len(inputs)
        columns = math.prod(self.kernel_shape[i] for i in inputs)
        self.weight = nn.Parameter(torch.empty(math.prod(self.kernel_shape) // columns, columns))
        self.bias = None if bias_shape is None else nn.Parameter(torch.zeros(tuple(bias_shape)))
        nn.init.xavier_uniform_(self.weight)
        self.keras_initialized = True

    def forward(self, x: Tensor) -> Tensor:
        sizes = [self.kernel_shape[i] for i in self.outputs_first]
        back = sorted(range(len(sizes)), key=self.outputs_first.__getitem__)
        y = torch.einsum(self.equation, x, self.weight.view(sizes).permute(back))
        return y if self.bias is None else y + self.bias

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        kernel, *bias = arrays
        kernel = kernel.transpose(self.outputs_first)
        weight = kernel.reshape(-1, math.prod(kernel.shape[kernel.ndim - self.inputs :]))
        return {"weight": weight, "bias": bias[0]} if bias else {"weight": weight}
