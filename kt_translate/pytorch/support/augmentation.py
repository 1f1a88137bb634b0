"""Random changes of pictures (N, C, H, W) in training, as Keras makes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .preprocessing import crop_to_aspect


def factor_range(factor: float | Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest value of a factor: Keras takes both, or one number for +/- it."""
    if isinstance(factor, Sequence):
        low, high = sorted(factor)
        return low, high
    return -abs(factor), abs(factor)


def random_factor(x: Tensor, low: float, high: float) -> Tensor:
    """A random number for each picture of ``x``, to be multiplied with it: (N, 1, 1, 1)."""
    return torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).uniform_(low, high)


def within_edges(place: Tensor, size: int, fill_mode: str) -> Tensor:
    """Where along an axis to look for pixels beyond its edges: the place within the picture."""
    if fill_mode == "constant":
        return place
    if fill_mode == "reflect":
        mirrored = size - 0.5 - ((place + 0.5) % (2 * size) - size).abs()
        place = torch.where((place >= 0) & (place <= size - 1), place, mirrored)
    elif fill_mode == "wrap":
        last = max(size - 1, 1)
        turns = torch.where(place > size - 1, -(place / last).floor(), 0.0)
        turns = torch.where(place < 0, (-place / last).floor() + 1, turns)
        place = place + size * turns
    return place.clamp(0, size - 1)


def pixels_at(x: Tensor, row: Tensor, column: Tensor, fill_value: float) -> Tensor:
    """The pixels (N, C, H, W) of ``x`` at whole rows and columns (N, H, W)."""
    height, width = x.shape[2:]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    index = index.long().flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
    pixels = x.flatten(2).gather(2, index).view_as(x)
    return torch.where(inside.unsqueeze(1), pixels, fill_value)


def affine_transform(
    x: Tensor,
    matrix: Tensor,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Tensor:
    """Show at (column, row) of each picture what is at ``matrix`` @ (column, row, 1) in ``x``.

    ``matrix`` is (N, 2, 3). TensorFlow counts in pixels and mirrors and repeats pictures beyond
    their edges as F.grid_sample does not.
    """
    height, width = x.shape[2:]
    row = torch.arange(height, dtype=torch.float32, device=x.device).unsqueeze(1)
    column = torch.arange(width, dtype=torch.float32, device=x.device)
    a, b, c = matrix.float().unsqueeze(-1).unsqueeze(-1).unbind(2)  # each (N, 2, 1, 1)
    column, row = (a * column + b * row + c).unbind(1)
    row = within_edges(row, height, fill_mode)
    column = within_edges(column, width, fill_mode)
    if interpolation == "nearest":
        row, column = (
            torch.where(p < 0, (p - 0.5).ceil(), (p + 0.5).floor()) for p in (row, column)
        )
        return pixels_at(x, row, column, fill_value)
    above, left = row.floor(), column.floor()
    down, right = (row - above).unsqueeze(1).to(x), (column - left).unsqueeze(1).to(x)
    rows = [
        (1 - right) * pixels_at(x, r, left, fill_value)
        + right * pixels_at(x, r, left + 1, fill_value)
        for r in (above, above + 1)
    ]
    return (1 - down) * rows[0] + down * rows[1]


class RandomAffine(nn.Module):
    """A random rotation, zoom or shift of each picture in training; `matrices` draws them."""

    def __init__(
        self, fill_mode: str = "reflect", interpolation: str = "bilinear", fill_value: float = 0.0
    ) -> None:
        super().__init__()
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        matrix = self.matrices(x)
        return affine_transform(x, matrix, self.fill_mode, self.interpolation, self.fill_value)

    def matrices(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class RandomRotation(RandomAffine):
    """Keras's RandomRotation: by a random part of a full turn, around the middle."""

    def __init__(
        self,
        factor: float | Sequence[float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value)
        self.factor = factor

    def matrices(self, x: Tensor) -> Tensor:
        turn = random_factor(x, *factor_range(self.factor)).float()
        return rotation_matrix(turn.flatten() * 2 * math.pi, *x.shape[2:])


def rotation_matrix(angle: Tensor, height: int, width: int) -> Tensor:
    """The matrices (N, 2, 3) that rotate around the middle of a picture."""
    x, y = (width - 1) / 2, (height - 1) / 2
    cos, sin = angle.cos(), angle.sin()
    return torch.stack(
        [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos], dim=1
    ).unflatten(1, (2, 3))


class RandomZoom(RandomAffine):
    """Keras's RandomZoom: factors above 0 show more than the picture, those below a part of it."""

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float] | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value)
        self.height_factor = height_factor
        self.width_factor = width_factor

    def matrices(self, x: Tensor) -> Tensor:
        height = 1 + random_factor(x, *factor_range(self.height_factor)).flatten()
        if self.width_factor is None:
            return zoom_matrix(height, height, *x.shape[2:])
        width = 1 + random_factor(x, *factor_range(self.width_factor)).flatten()
        return zoom_matrix(height, width, *x.shape[2:])


def zoom_matrix(rows: Tensor, columns: Tensor, height: int, width: int) -> Tensor:
    """The matrices (N, 2, 3) that stretch a picture around its middle."""
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = torch.zeros_like(rows)
    return torch.stack(
        [columns, zero, x * (1 - columns), zero, rows, y * (1 - rows)], dim=1
    ).unflatten(1, (2, 3))


class RandomTranslation(RandomAffine):
    """Keras's RandomTranslation: by a random part of the height and of the width."""

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value)
        self.height_factor = height_factor
        self.width_factor = width_factor

    def matrices(self, x: Tensor) -> Tensor:
        down = random_factor(x, *factor_range(self.height_factor)).flatten() * x.shape[2]
        right = random_factor(x, *factor_range(self.width_factor)).flatten() * x.shape[3]
        return translation_matrix(down, right)


def translation_matrix(down: Tensor, right: Tensor) -> Tensor:
    """The matrices (N, 2, 3) that shift a picture."""
    one, zero = torch.ones_like(down), torch.zeros_like(down)
    return torch.stack([one, zero, -right, zero, one, -down], dim=1).unflatten(1, (2, 3))


class RandomFlip(nn.Module):
    """Keras's RandomFlip: in training flips half of the pictures, in both directions or none."""

    def __init__(self, mode: str = "horizontal_and_vertical") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        dims = [d for d, side in ((2, "vertical"), (3, "horizontal")) if side in self.mode]
        return torch.where(random_factor(x, 0, 1) <= 0.5, x.flip(dims), x)


class RandomBrightness(nn.Module):
    """Keras's RandomBrightness: adds a part of the range of values to each picture in training."""

    def __init__(
        self, factor: float | Sequence[float], value_range: Sequence[float] = (0, 255)
    ) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = tuple(sorted(value_range))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        low, high = self.value_range
        return (x + random_factor(x, *factor_range(self.factor)) * (high - low)).clamp(low, high)


class RandomContrast(nn.Module):
    """Keras's RandomContrast: moves pixels away from their channel's mean, in training.

    One number for ``factor`` makes only more contrast: 1 to 1 + factor times.
    """

    def __init__(
        self, factor: float | Sequence[float], value_range: Sequence[float] = (0, 255)
    ) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        low, high = factor_range(self.factor)
        contrast = random_factor(x, 1 - (low if isinstance(self.factor, Sequence) else 0), 1 + high)
        mean = x.mean(dim=(2, 3), keepdim=True)
        return ((x - mean) * contrast + mean).clamp(*self.value_range)


class RandomCrop(nn.Module):
    """Keras's RandomCrop: one place for the whole batch in training; otherwise the identity.

    A picture that is not larger than the crop in both directions is resized.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height = height
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        height, width = x.shape[2:]
        if height > self.height and width > self.width:
            top = int(torch.randint(height - self.height + 1, ()))
            left = int(torch.randint(width - self.width + 1, ()))
        else:
            top = (height - max(min(height, width * self.height // self.width), 1)) // 2
            left = (width - max(min(width, height * self.width // self.height), 1)) // 2
        x = x[:, :, top : top + self.height, left : left + self.width]
        if x.shape[2:] == (self.height, self.width):
            return x
        return F.interpolate(x, size=(self.height, self.width), mode="bilinear")


class ResizingCrop(nn.Module):
    """Keras 2's RandomCrop, which resizes the largest part that fits when it does not crop."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)

    def forward(self, x: Tensor) -> Tensor:
        down, right = x.shape[2] - self.size[0], x.shape[3] - self.size[1]
        if not self.training or down < 0 or right < 0:
            return F.interpolate(crop_to_aspect(x, self.size), size=self.size, mode="bilinear")
        top, left = int(torch.randint(down + 1, ())), int(torch.randint(right + 1, ()))
        return x[:, :, top : top + self.size[0], left : left + self.size[1]]


class RandomHeight(nn.Module):
    """Keras 2's RandomHeight: stretches the rows of the whole batch in training."""

    def __init__(self, factor: float | Sequence[float], mode: str = "bilinear") -> None:
        super().__init__()
        self.factor = factor
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        height = int(x.shape[2] * (1 + float(random_factor(x[:1], *factor_range(self.factor)))))
        return F.interpolate(x, size=(height, x.shape[3]), mode=self.mode)


class RandomWidth(nn.Module):
    """Keras 2's RandomWidth: stretches the columns of the whole batch in training."""

    def __init__(self, factor: float | Sequence[float], mode: str = "bilinear") -> None:
        super().__init__()
        self.factor = factor
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        width = int(x.shape[3] * (1 + float(random_factor(x[:1], *factor_range(self.factor)))))
        return F.interpolate(x, size=(x.shape[2], width), mode=self.mode)


class UntranslatedAugmentation(nn.Module):
    """Stands for one of Keras's rarer augmentations, which do nothing outside of training."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise NotImplementedError(f"keras.layers.{self.name} is not translated for training")
        return x
