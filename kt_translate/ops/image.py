"""Pictures as tf.image and keras.ops.image treat them: resizing, cropping, flipping, colours, patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Dim, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, squeeze_ntuple
from kt_translate.layers.spatial import all_equal, windows
from kt_translate.ops.arguments import Picture, Sizes, op, tensor
from kt_translate.ops.values import size_of
from kt_translate.pytorch.expr import Expr, F


def pictures(
    x: Any,
    data_format: Any,
    render: Callable[..., Expr],
    sizes: tuple[Dim, ...] | None = None,
    channels: Any = ...,
    dtype: str | None = None,
    more: list[Tensor] | None = None,
) -> Tensor:
    """``render`` of (N, C, H, W), whether the source has a batch of pictures or one."""
    x = tensor(x, "the picture")
    more = more or []
    if x.rank not in (3, 4):
        raise RuleError("KT204", f"pictures of rank {x.rank}")
    if x.rank == 3:
        batch = Tensor((1, *x.shape), x.dtype)
        picture = Picture.of(batch, data_format)
        first = picture.first
        shape = picture.shape(
            picture.sizes if sizes is None else sizes,
            picture.channels if channels is ... else channels,
        )[1:]

        def alone(e: Expr, *given: Expr) -> Expr:
            e = e if first else e.movedim(-1, 0)
            e = render(e.unsqueeze(0), *given).squeeze(0)
            return e if first else e.movedim(0, -1)

        return derived(alone, [x, *more], shape, dtype or x.dtype)
    picture = Picture.of(x, data_format)
    shape = picture.shape(
        picture.sizes if sizes is None else sizes, picture.channels if channels is ... else channels
    )
    return derived(render, [x, *more], shape, dtype or x.dtype, picture.layout, picture.layout)


def _plane(x: Any, data_format: Any = None) -> tuple[Tensor, Any, Any]:
    """The picture, its height and its width (read at run time where they are not known)."""
    x = tensor(x, "the picture")
    first = Picture.of(Tensor((1, *x.shape) if x.rank == 3 else x.shape), data_format).first
    at = x.rank - 2 if first else x.rank - 3
    return x, size_of(x, at), size_of(x, at + 1)


# -- cropping and padding -------------------------------------------------------------------------


def _window(
    x: Any, top: Any, left: Any, height: Any, width: Any, data_format: Any = None
) -> Tensor:
    """The part of a picture from (top, left) on."""
    numbers = (top, left, height, width)
    found = Sizes(numbers)

    def render(e: Expr, *given: Expr) -> Expr:
        t, le, h, w = found.exprs(given)
        return e[:, :, _slice(t, h, top, height), _slice(le, w, left, width)]

    return pictures(x, data_format, render, (found.shape[2], found.shape[3]), more=found.inputs)


def _slice(start: Expr, length: Expr, known_start: Any, known_length: Any) -> slice:
    if isinstance(known_start, int) and isinstance(known_length, int):
        return slice(known_start or None, known_start + known_length)
    return slice(start, start + length)


@op("tf.image.crop_to_bounding_box")
def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    return _window(image, offset_height, offset_width, target_height, target_width)


@op("keras.ops.image.crop_images")
def crop_images(
    images: Any,
    top_cropping: Any = None,
    left_cropping: Any = None,
    bottom_cropping: Any = None,
    right_cropping: Any = None,
    target_height: Any = None,
    target_width: Any = None,
    data_format: Any = None,
) -> Tensor:
    x, height, width = _plane(images, data_format)
    top, high = _span(height, top_cropping, bottom_cropping, target_height)
    left, wide = _span(width, left_cropping, right_cropping, target_width)
    return _window(x, top, left, high, wide, data_format)


def _span(size: Any, before: Any, after: Any, target: Any) -> tuple[Any, Any]:
    """(start, length) from two of the three settings."""
    if isinstance(size, Tensor) and (before is None or target is None):
        raise RuleError("KT203", "a picture of unknown size is cropped from its end")
    if before is None:
        before = size - target - after
    return before, size - after - before if target is None else target


@op("tf.image.central_crop")
def central_crop(image: Any, central_fraction: Any) -> Tensor:
    x, height, width = _plane(image)
    fraction = decided(central_fraction, "central_fraction")
    spans = []
    for size in (height, width):
        if not isinstance(size, int):
            raise RuleError("KT203", "the centre of a picture of unknown size")
        start = int((size - size * fraction) / 2)
        spans.append((start, size - 2 * start))
    (top, high), (left, wide) = spans
    return x if fraction == 1 else _window(x, top, left, high, wide)


def _padded(x: Any, pads: list[tuple[Any, Any]], sizes: Any, data_format: Any = None) -> Tensor:
    amounts = tuple(p for pair in reversed(pads) for p in pair)
    return pictures(x, data_format, lambda e: F.pad(e, amounts), sizes)


@op("keras.ops.image.pad_images")
def pad_images(
    images: Any,
    top_padding: Any = None,
    left_padding: Any = None,
    bottom_padding: Any = None,
    right_padding: Any = None,
    target_height: Any = None,
    target_width: Any = None,
    data_format: Any = None,
) -> Tensor:
    x, height, width = _plane(images, data_format)
    pads, sizes = [], []
    for size, before, after, target in (
        (height, top_padding, bottom_padding, target_height),
        (width, left_padding, right_padding, target_width),
    ):
        if isinstance(size, Tensor):
            raise RuleError("KT203", "a picture of unknown size is padded")
        before = target - after - size if before is None else before
        after = target - before - size if after is None else after
        pads.append((before, after))
        sizes.append(size + before + after)
    return _padded(x, pads, tuple(sizes), data_format)


@op("tf.image.pad_to_bounding_box")
def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    return pad_images(
        image, offset_height, offset_width, target_height=target_height, target_width=target_width
    )


@op("tf.image.resize_with_crop_or_pad", "tf.image.resize_image_with_crop_or_pad")
def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Tensor:
    """Cut or filled up around the centre."""
    x, *sizes = _plane(image)
    pads = []
    for size, target in zip(sizes, (target_height, target_width)):
        if not (isinstance(size, int) and isinstance(target, int)):
            raise RuleError("KT203", "a picture of unknown size is cropped or padded")
        cut, more = max(size - target, 0), max(target - size, 0)
        pads.append((more // 2 - cut // 2, more - more // 2 - (cut - cut // 2)))
    return _padded(x, pads, (target_height, target_width))


# -- turning --------------------------------------------------------------------------------------


def _flipped(dim: int, *paths: str) -> None:
    def flip(image: Any) -> Tensor:
        return pictures(image, None, lambda e: e.flip(dim))

    op(*paths, x="image", images="image")(flip)


_flipped(3, "tf.image.flip_left_right")
_flipped(2, "tf.image.flip_up_down")


@op("tf.image.rot90")
def rot90(image: Any, k: Any = 1) -> Tensor:
    x = tensor(image, "the picture")
    turns = decided(k, "k") % 4
    height, width = x.shape[-3], x.shape[-2]
    sizes = (width, height) if turns % 2 else (height, width)
    return pictures(x, None, lambda e: e.rot90(turns, (2, 3)), sizes)


@op("tf.image.transpose", "tf.image.transpose_image")
def transpose(image: Any) -> Tensor:
    x = tensor(image, "the picture")
    return pictures(x, None, lambda e: e.transpose(2, 3), (x.shape[-2], x.shape[-3]))


# -- patches --------------------------------------------------------------------------------------


def _patches(x: Any, size: Any, strides: Any, rates: Any, padding: Any, data_format: Any) -> Tensor:
    x = tensor(x, "the pictures")
    if x.rank == 3:
        raise RuleError("KT203", "patches of one picture are not supported")
    picture = Picture.of(x, data_format)
    kernel, rate = picture.window(size), picture.window(rates)
    step = kernel if strides is None else picture.window(strides)
    same = str(decided(padding, "the padding")).lower() == "same"
    sizes = tuple(
        windows(n, k, s, "same" if same else "valid", d)
        for n, k, s, d in zip(picture.sizes, kernel, step, rate)
    )
    area = kernel[0] * kernel[1]
    channels = None if picture.channels is None else picture.channels * area
    more = () if all_equal(rate, 1) else (rate,)

    def render(e: Expr) -> Expr:
        if same:
            rest = () if all_equal(rate, 1) else (squeeze_ntuple(rate),)
            e = Expr("pad_same")(e, squeeze_ntuple(kernel), squeeze_ntuple(step), *rest)
        return Expr("extract_patches")(e, kernel, step, *more)

    return derived(
        render, [x], picture.shape(sizes, channels), x.dtype, picture.layout, picture.layout
    )


@op("keras.ops.image.extract_patches")
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
) -> Tensor:
    return _patches(images, size, strides, dilation_rate, padding, data_format)


@op(
    "tf.image.extract_patches",
    "tf.extract_image_patches",
    "tf.image.extract_image_patches",
    ksizes="sizes",
)
def tf_extract_patches(
    images: Any, sizes: Any, strides: Any, rates: Any = 1, padding: Any = "VALID"
) -> Tensor:
    return _patches(images, sizes, strides, rates, padding, None)
