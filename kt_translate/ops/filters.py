"""Filters over pictures, and their neighbourhoods as vectors."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, is_plain, unless
from kt_translate.layers.spatial import windows
from kt_translate.ops.arguments import Picture, op, tensor
from kt_translate.ops.convolution import conv
from kt_translate.ops.image import pictures
from kt_translate.pytorch.expr import Expr, F


def _two(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


@op("keras.ops.image.gaussian_blur")
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: Any = None
) -> Tensor:
    sizes, widths = _two(kernel_size), _two(sigma)
    return pictures(images, data_format, lambda e: Expr("gaussian_blur")(e, sizes, widths))


@op("tf.image.sobel_edges", "keras.ops.image.sobel_edges", images="image")
def sobel_edges(image: Any, data_format: Any = None) -> Tensor:
    x = tensor(image, "the pictures")
    if x.rank != 4 or Picture.of(x, data_format).first:
        raise RuleError("KT203", "sobel_edges of one picture, or of channels first")
    return derived(lambda e: Expr("sobel_edges")(e), [x], (*x.shape, 2), x.dtype)


@op("tf.image.image_gradients")
def image_gradients(image: Any) -> tuple[Tensor, Tensor]:
    """Differences to the next pixel below and to the right, 0 at the end."""
    x = tensor(image, "the pictures")
    return (
        pictures(x, None, lambda e: F.pad(e.diff(dim=2), (0, 0, 0, 1))),
        pictures(x, None, lambda e: F.pad(e.diff(dim=3), (0, 1))),
    )


@op("tf.image.ssim", "keras.ops.ssim", "keras.ops.image.ssim", image1="img1", image2="img2")
def ssim(
    img1: Any,
    img2: Any,
    max_val: Any = 1.0,
    filter_size: Any = 11,
    filter_sigma: Any = 1.5,
    k1: Any = 0.01,
    k2: Any = 0.03,
) -> Tensor:
    x, y = tensor(img1, "the pictures"), tensor(img2, "the pictures")
    if x.rank != 4:
        raise RuleError("KT203", "ssim of one picture is not supported")
    return derived(
        lambda e, f: Expr("ssim")(
            e,
            f,
            max_val,
            filter_size=unless(filter_size, 11),
            filter_sigma=unless(filter_sigma, 1.5),
            k1=unless(k1, 0.01),
            k2=unless(k2, 0.03),
        ),
        [x, y],
        x.shape[:1],
        x.dtype,
        Layout.LAST,
        Layout.FIRST,
    )


@op("tf.nn.atrous_conv2d")
def atrous_conv2d(value: Any, filters: Any, rate: Any, padding: Any) -> Tensor:
    return conv(value, filters, 1, padding, None, rate)


# -- neighbourhoods, in the order that torch has --------------------------------------------------


@op("keras.ops.unfold", input="x")
def unfold(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Keras's is torch's: pictures are (N, C, H, W)."""
    x = tensor(x, "the pictures")
    kernel, rate, pads, step = map(_two, (kernel_size, dilation, padding, stride))
    counts = [
        windows(None if n is None else n + 2 * p, k, s, "valid", d)
        for n, k, d, p, s in zip(x.shape[2:], kernel, rate, pads, step)
    ]
    several = None if None in counts else counts[0] * counts[1]  # type: ignore[operator]
    channels = None if x.shape[1] is None else x.shape[1] * (kernel[0] * kernel[1])
    return derived(
        lambda e: F.unfold(
            e,
            kernel_size,
            dilation=unless(dilation, 1),
            padding=unless(padding, 0),
            stride=unless(stride, 1),
        ),
        [x],
        (x.shape[0], channels, several),
        x.dtype,
    )


@op("keras.ops.fold")
def fold(
    x: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    x = tensor(x, "the neighbourhoods")
    kernel = _two(kernel_size)
    area = kernel[0] * kernel[1]
    channels = None if x.shape[1] is None else x.shape[1] // area
    if not is_plain(decided(output_size, "the size")):
        raise RuleError("KT203", "fold to a size that is not known")
    size = _two(output_size)
    return derived(
        lambda e: F.fold(
            e,
            size,
            kernel_size,
            dilation=unless(dilation, 1),
            padding=unless(padding, 0),
            stride=unless(stride, 1),
        ),
        [x],
        (x.shape[0], channels, *size),
        x.dtype,
    )
