"""Spectral normalization as Keras does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .weights import conversion_of


class SpectralNormalization(nn.Module):
    """Divides the weight of a layer by its largest singular value before every call in training.

    Keras keeps the quotient as the new weight (PyTorch's parametrization keeps the old one) and
    estimates the value by ``power_iterations`` steps from where the last call has ended.
    """

    keras_kinds = ("spectral_normalization",)
    vector_u: Tensor

    def __init__(self, layer: nn.Module, power_iterations: int = 1) -> None:
        super().__init__()
        self.layer = layer
        self.power_iterations = power_iterations
        vector = torch.empty(1, self.matrix().shape[1])
        self.register_buffer("vector_u", nn.init.trunc_normal_(vector, 0.0, 0.02, -0.04, 0.04))

    def matrix(self) -> Tensor:
        """The weight as the matrix that Keras takes it for: its last axis and all the others."""
        weight = self.layer.get_parameter("weight")
        return weight if isinstance(self.layer, nn.Embedding) else weight.flatten(1).T

    @torch.no_grad()
    def normalize(self) -> None:
        matrix, u = self.matrix(), self.vector_u
        for _ in range(self.power_iterations):
            v = F.normalize(u @ matrix.T, dim=1, eps=1e-7)
            u = F.normalize(v @ matrix, dim=1, eps=1e-7)
        sigma = v @ matrix @ u.T
        empty = (matrix == 0).all()
        self.vector_u.copy_(torch.where(empty, self.vector_u, u))
        self.layer.get_parameter("weight").div_(torch.where(empty, 1.0, sigma.squeeze()))

    def forward(self, *inputs: Any, **options: Any) -> Tensor:
        if self.training:
            self.normalize()
        return self.layer(*inputs, **options)

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Most files have the kernel twice: also before the vector, as the wrapper's own weight."""
        inside = len(arrays) - len(list(self.layer.parameters()))
        vector, rest = arrays[inside - 1], arrays[inside:]
        conversion = conversion_of(self.layer)
        assert conversion is not None
        state = conversion.state(self.layer, rest)
        return {
            "vector_u": vector,
            **{f"layer.{key}": array for key, array in state.items()},
        }
