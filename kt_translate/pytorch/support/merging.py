"""What merges tensors as Keras does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def maximum(x: Tensor, y: Tensor) -> Tensor:
    """The larger of two; where they are equal ``x`` takes the gradient (PyTorch shares it)."""
    return torch.where(x >= y, x, y)


def minimum(x: Tensor, y: Tensor) -> Tensor:
    """The smaller of two; where they are equal ``x`` takes the gradient (PyTorch shares it)."""
    return torch.where(x <= y, x, y)


def merge_masked(
    function: Callable[[Tensor, Tensor], Tensor],
    inputs: Sequence[Tensor],
    masks: Sequence[Tensor | None],
) -> Tensor:
    """Fold ``inputs`` by ``function``; where one is masked, the others count alone."""
    result, present = inputs[0], masks[0]
    for x, mask in zip(inputs[1:], masks[1:], strict=True):
        x = x if mask is None else torch.where(mask, x, result)
        result = function(result if present is None else torch.where(present, result, x), x)
        present = None if mask is None or present is None else present | mask
    return result


def multiply_masked(inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
    """The product; what is masked counts as 1, and as 0 where every input is masked."""
    result, present = torch.ones_like(inputs[0]), torch.zeros_like(inputs[0], dtype=torch.bool)
    for x, mask in zip(inputs, masks, strict=True):
        result = result * (x if mask is None else torch.where(mask, x, 1.0))
        present = present | (True if mask is None else mask)
    return torch.where(present, result, 0.0)
