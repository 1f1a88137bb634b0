"""Resizing of pictures (N, C, H, W) as TensorFlow does it, where PyTorch does it otherwise."""

from __future__ import annotations

import torch
from torch import Tensor


def bicubic_weights(size: int, new_size: int) -> Tensor:
    """The share of ``size`` pixels in each of ``new_size``: Keys's cubic with a = -0.5.

    TensorFlow looks the weights up in a table of 1024 steps, and leaves out pixels beyond the
    edge.
    """
    scale = torch.tensor(size, dtype=torch.float32) / new_size
    centre = (torch.arange(new_size, dtype=torch.float32) + 0.5) * scale - 0.5
    steps = ((centre - centre.floor()) * 1024).round().double() / 1024
    x = (torch.arange(size) - (centre.floor().double() + steps).unsqueeze(1)).abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = torch.where(x < 1, near, torch.where(x < 2, far, 0))
    return weights / weights.sum(1, keepdim=True)


def lanczos_weights(size: int, new_size: int, radius: int, antialias: bool = False) -> Tensor:
    """The share of ``size`` pixels in each of ``new_size``: a sinc within a window of sinc."""
    scale = size / new_size
    centre = (torch.arange(new_size, dtype=torch.float64) + 0.5) * scale
    x = torch.arange(size, dtype=torch.float64) + 0.5 - centre.unsqueeze(1)
    if antialias and scale > 1:
        x = x / scale
    weights = torch.where(x.abs() > radius, 0, torch.sinc(x) * torch.sinc(x / radius))
    return weights / weights.sum(1, keepdim=True)


def area_weights(size: int, new_size: int) -> Tensor:
    """The share of ``size`` pixels in each of ``new_size``: the part of it that lies within."""
    scale = size / new_size
    start = (torch.arange(new_size, dtype=torch.float64) * scale).unsqueeze(1)
    pixel = torch.arange(size, dtype=torch.float64)
    return (torch.minimum(start + scale, pixel + 1) - torch.maximum(start, pixel)).clamp(
        min=0
    ) / scale


def apply_weights(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resize both axes of (N, C, H, W), each by its weights."""
    return torch.einsum("ph,nchw,qw->ncpq", rows.to(x), x, columns.to(x))


def resize_bicubic(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resizing, whose curve is flatter in TensorFlow (a = -0.5) than in PyTorch (-0.75)."""
    height, width = x.shape[2:]
    return apply_weights(x, bicubic_weights(height, size[0]), bicubic_weights(width, size[1]))


def resize_lanczos(
    x: Tensor, size: tuple[int, int], radius: int, antialias: bool = False
) -> Tensor:
    """Resizing by Lanczos's windowed sinc, which PyTorch does not have."""
    rows = lanczos_weights(x.shape[2], size[0], radius, antialias)
    columns = lanczos_weights(x.shape[3], size[1], radius, antialias)
    return apply_weights(x, rows, columns)


def resize_area(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizing by covered area; PyTorch's "area" takes whole pixels only."""
    height, width = x.shape[2:]
    return apply_weights(x, area_weights(height, size[0]), area_weights(width, size[1]))
