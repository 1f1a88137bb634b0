"""Preparing inputs as Keras's preprocessing layers do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Normalization(nn.Module):
    """Subtracts a mean and divides by a standard deviation (with ``invert``: the other way back).

    ``mean`` and ``variance`` go with the features as numbers of their shape go with x.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, mean: Any, variance: Any, invert: bool = False) -> None:
        super().__init__()
        dtype = torch.get_default_dtype()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=dtype), persistent=False)
        self.register_buffer("variance", torch.as_tensor(variance, dtype=dtype), persistent=False)
        self.invert = invert

    def forward(self, x: Tensor) -> Tensor:
        deviation = self.variance.sqrt().clamp(min=1e-7)
        x = x.to(deviation.dtype)
        return self.mean + x * deviation if self.invert else (x - self.mean) / deviation


class AdaptedNormalization(Normalization):
    """Keras's Normalization, whose mean and variance `adapt` has found: weights that do not train.

    ``shape`` is theirs as it goes with x; until they are loaded they are 0 and 1.
    """

    keras_kinds = ("normalization",)

    def __init__(self, *shape: int, invert: bool = False) -> None:
        super().__init__(0.0, 1.0, invert)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        mean, variance = arrays[:2]  # and a count that Keras does not use
        shape = tuple(self.mean.shape)
        return {"mean": mean.reshape(shape), "variance": variance.reshape(shape)}


def fitting_crop(size: int, other: int, target: int, other_target: int) -> tuple[int, int]:
    """(first, number) of the pixels along an axis in the largest crop of the target's shape."""
    number = max(min(size, int(other * target / other_target)), 1)
    return (size - number) // 2, number


def crop_to_aspect(x: Tensor, size: Sequence[int]) -> Tensor:
    """The largest part in the middle of (N, C, H, W) that has the shape of ``size``."""
    (height, width), (rows, columns) = x.shape[2:], size
    top, height_kept = fitting_crop(height, width, rows, columns)
    left, width_kept = fitting_crop(width, height, columns, rows)
    return x[:, :, top : top + height_kept, left : left + width_kept]


def pad_to_aspect(x: Tensor, size: Sequence[int], value: float = 0.0) -> Tensor:
    """(N, C, H, W) with as many pixels around it as give it the shape of ``size``.

    Keras puts the same number on either side, so the shape may be one pixel off.
    """
    (height, width), (rows, columns) = x.shape[2:], size
    vertical = max(int(width * rows / columns) - height, 0) // 2
    horizontal = max(int(height * columns / rows) - width, 0) // 2
    return F.pad(x, (horizontal, horizontal, vertical, vertical), value=value)


def center_crop(x: Tensor, size: Sequence[int]) -> Tensor:
    """The middle of (N, C, H, W); of a smaller picture as much as fits, resized."""
    (height, width), (rows, columns) = x.shape[2:], size
    if height >= rows and width >= columns:
        top, left = (height - rows) // 2, (width - columns) // 2
        return x[:, :, top : top + rows, left : left + columns]
    return F.interpolate(crop_to_aspect(x, size), size=tuple(size), mode="bilinear")


def auto_contrast(x: Tensor, value_range: Sequence[float] = (0, 255)) -> Tensor:
    """Stretch each channel of each picture (N, C, H, W) to the whole range of values."""
    low, high = sorted(value_range)
    least = x.amin((2, 3), keepdim=True)
    y = (x - least) / (x.amax((2, 3), keepdim=True) - least)
    return torch.where(y.isnan(), x, low + y.clamp(0, 1) * (high - low))


def discretize(x: Tensor, boundaries: Sequence[float]) -> Tensor:
    """In which of the intervals between the boundaries each number is; a boundary begins one."""
    edges = torch.tensor(boundaries, dtype=torch.float32, device=x.device)
    return torch.bucketize(x.float(), edges, right=True, out_int32=True)


class IntegerLookup(nn.Module):
    """The place of each number in a vocabulary; others get one of the ``oov`` places before it.

    Keras's IntegerLookup: with a ``mask`` number, which gets place 0, all others come after it;
    for an encoding it gets -1, which is none, and they do not.
    """

    numbers: Tensor
    places: Tensor

    def __init__(
        self,
        vocabulary: Sequence[int],
        oov: int = 1,
        mask: int | None = None,
        encoded: bool = False,
    ) -> None:
        super().__init__()
        ordered = sorted(range(len(vocabulary)), key=vocabulary.__getitem__)
        numbers = torch.tensor([vocabulary[i] for i in ordered])
        self.register_buffer("numbers", numbers, persistent=False)
        self.oov = oov
        self.mask = mask
        self.mask_place = -1 if encoded else 0
        self.first_oov = 0 if mask is None or encoded else 1
        places = torch.tensor(ordered) + self.first_oov + oov
        self.register_buffer("places", places, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.long()
        at = torch.searchsorted(self.numbers, x).clamp(max=len(self.numbers) - 1)
        known = self.numbers[at] == x
        masked = torch.zeros_like(known) if self.mask is None else x == self.mask
        if self.oov == 0 and not bool((known | masked).all()):
            raise ValueError("there is a number that is not in the vocabulary")
        other = self.first_oov + (x % self.oov if self.oov > 1 else 0)
        places = torch.where(known, self.places[at], other)
        return torch.where(masked, self.mask_place, places)


class IntegerLookupInverse(nn.Module):
    """The number at each place of a vocabulary; ``unknown`` where there is none."""

    numbers: Tensor

    def __init__(
        self, vocabulary: Sequence[int], oov: int = 1, mask: int | None = None, unknown: int = -1
    ) -> None:
        super().__init__()
        start = [] if mask is None else [mask]
        numbers = torch.tensor([*start, *[unknown] * oov, *vocabulary])
        self.register_buffer("numbers", numbers, persistent=False)
        self.unknown = unknown

    def forward(self, x: Tensor) -> Tensor:
        x = x.long()
        inside = (x >= 0) & (x < len(self.numbers))
        numbers = self.numbers[x.clamp(0, len(self.numbers) - 1)]
        return torch.where(inside, numbers, self.unknown)
