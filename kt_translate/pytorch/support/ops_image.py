"""Functions of tf.image on pictures (N, C, H, W) that PyTorch lacks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import pad_same


def resize_bilinear_by_corner(x: Tensor, size: tuple[int, int]) -> Tensor:
    """TensorFlow 1's bilinear resizing: pixel i lies at i * scale, not at its centre."""
    for dim, length in zip((2, 3), size, strict=True):
        count = x.shape[dim]
        places = torch.arange(length, dtype=x.dtype, device=x.device) * (count / length)
        low = places.floor().long()
        high = (low + 1).clamp(max=count - 1)
        share = (places - low).view(-1, *[1] * (3 - dim))
        x = x.index_select(dim, low) * (1 - share) + x.index_select(dim, high) * share
    return x


def rgb_to_grayscale(x: Tensor) -> Tensor:
    """The brightness of colours, with TensorFlow's weights; whole numbers are cut off."""
    if x.shape[1] == 1:
        return x
    weights = torch.tensor([0.2989, 0.5870, 0.1140], device=x.device)
    weights = weights.to(x.dtype if x.is_floating_point() else torch.get_default_dtype())
    return torch.einsum("nchw,c->nhw", x.to(weights.dtype), weights).unsqueeze(1).to(x.dtype)


def rgb_to_hsv(x: Tensor) -> Tensor:
    """Hue, saturation and value, each within [0, 1], of colours within [0, 1]."""
    red, green, blue = x.unbind(1)
    value, least = x.amax(1), x.amin(1)
    width = value - least
    scale = torch.where(width > 0, 6 * width, 1)
    hue = torch.where(
        red == value,
        (green - blue) / scale,
        torch.where(green == value, (blue - red) / scale + 2 / 6, (red - green) / scale + 4 / 6),
    )
    hue = torch.where(width > 0, hue % 1, 0)
    saturation = torch.where(value > 0, width / torch.where(value > 0, value, 1), 0)
    return torch.stack([hue, saturation, value], dim=1)


def hsv_to_rgb(x: Tensor) -> Tensor:
    """Colours of hue, saturation and value."""
    hue, saturation, value = (part.unsqueeze(1) for part in x.unbind(1))
    sector = torch.cat([hue * 6 - 3, hue * 6 - 2, hue * 6 - 4], dim=1).abs()
    sector = sector * torch.tensor([1, -1, -1], device=x.device).view(1, 3, 1, 1)
    full = (sector + torch.tensor([-1, 2, 2], device=x.device).view(1, 3, 1, 1)).clamp(0, 1)
    return ((full - 1) * saturation + 1) * value


def adjust_saturation(x: Tensor, factor: float) -> Tensor:
    """Colours with ``factor`` times their saturation, at most all of it."""
    hue, saturation, value = rgb_to_hsv(x).unbind(1)
    return hsv_to_rgb(torch.stack([hue, (saturation * factor).clamp(0, 1), value], dim=1))


def adjust_hue(x: Tensor, delta: float) -> Tensor:
    """Colours with their hue turned by ``delta`` of the circle."""
    hue, saturation, value = rgb_to_hsv(x).unbind(1)
    return hsv_to_rgb(torch.stack([(hue + delta) % 1, saturation, value], dim=1))


def standardize_pictures(x: Tensor) -> Tensor:
    """Each picture with mean 0 and deviation 1; TensorFlow divides by 1 / sqrt(size) at least."""
    x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    size = x[0].numel()
    deviation = x.std(dim=(1, 2, 3), correction=0, keepdim=True).clamp(min=size**-0.5)
    return (x - x.mean(dim=(1, 2, 3), keepdim=True)) / deviation


def total_variation(x: Tensor) -> Tensor:
    """The sum over a picture of how much neighbouring pixels differ."""
    return x.diff(dim=2).abs().sum(dim=(1, 2, 3)) + x.diff(dim=3).abs().sum(dim=(1, 2, 3))


def gaussian_kernel(size: int, sigma: float, like: Tensor) -> Tensor:
    """Weights of a bell curve, their sum being 1."""
    places = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    weights = (-0.5 * (places / sigma) ** 2).exp()
    return weights / weights.sum()


def blur(x: Tensor, kernel: Tensor) -> Tensor:
    """Each channel of (N, C, H, W) filtered by ``kernel``, without padding."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.expand(channels, 1, -1, -1), groups=channels)


def gaussian_blur(x: Tensor, size: tuple[int, int], sigma: tuple[float, float]) -> Tensor:
    """Keras's blur, with zeros beyond the edge.

    It makes a kernel of ``size`` turned round, and then reshapes it, where the two sizes differ.
    """
    first, second = (gaussian_kernel(n, s, x) for n, s in zip(size, sigma, strict=True))
    return blur(pad_same(x, size, 1), torch.outer(second, first).reshape(size))


def sobel_edges(x: Tensor) -> Tensor:
    """The slopes of pictures (N, H, W, C) along height and width, as (N, H, W, C, 2)."""
    x = F.pad(x.movedim(-1, 1), (1, 1, 1, 1), mode="reflect")
    smooth = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device)
    slope = torch.tensor([-1.0, 0.0, 1.0], dtype=x.dtype, device=x.device)
    edges = torch.stack(
        [blur(x, torch.outer(slope, smooth)), blur(x, torch.outer(smooth, slope))], dim=-1
    )
    return edges.movedim(1, -2)


def ssim(
    x: Tensor,
    y: Tensor,
    max_val: float,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """The structural similarity of pictures (N, C, H, W), one number for each."""
    weights = gaussian_kernel(filter_size, filter_sigma, x)
    kernel = torch.outer(weights, weights)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean_x, mean_y = blur(x, kernel), blur(y, kernel)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    product = 2 * blur(x * y, kernel)
    squares = blur(x.square() + y.square(), kernel)
    contrast = (product - 2 * mean_x * mean_y + c2) / (
        squares - mean_x.square() - mean_y.square() + c2
    )
    return (luminance * contrast).mean(dim=(2, 3)).mean(dim=-1)
