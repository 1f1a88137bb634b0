"""What layers over space have in common: where the channels are, and "same" padding."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from kt_translate.layers.layer import (
    Dim,
    Expr,
    Layer,
    Layout,
    RuleError,
    Shape,
    Sym,
    Tensor,
    is_plain,
    ntuple,
    squeeze_ntuple,
)


class Spatial(Layer, abstract=True):
    """A layer over ``rank`` spatial axes, in torch's (N, C, ...).

    With ``data_format="channels_first"`` Keras's own order is already torch's.
    """

    layout = Layout.FIRST
    rank: ClassVar[int]

    @property
    def channels_first(self) -> bool:
        return getattr(self, "data_format", None) == "channels_first"

    def wants(self, *tensors: Tensor) -> list[Layout]:
        return [Layout.LAST if self.channels_first else self.layout]

    @cached_property
    def sizes_seen(self) -> list[tuple[Dim, ...]]:
        """The spatial sizes of all inputs so far, None where they are not plain: one module has to serve them all."""
        return []

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        output = super().outputs(*tensors, **options)[0]
        sizes = self.split(tensors[0].shape)[1]
        self.sizes_seen.append(tuple(n if is_plain(n) else None for n in sizes))
        if self.channels_first:
            output.layout = Layout.LAST
        return [output]

    def check(self) -> None:
        """Keras takes the string in any case; its first version had other names."""
        if hasattr(self, "data_format"):
            data_format = plain(self, "data_format")
            data_format = {"tf": "channels_last", "th": "channels_first"}.get(
                data_format, data_format
            )
            self.data_format = lower(data_format)
            if self.data_format not in (None, "channels_last", "channels_first"):
                raise RuleError(
                    "KT203",
                    f"{name_of(self)}(data_format={data_format!r}): there is no such order of axes",
                )

    def split(self, shape: Shape) -> tuple[Dim, tuple[Dim, ...], Dim]:
        """Batch, spatial sizes and channels."""
        if len(shape) != self.rank + 2:
            raise RuleError(
                "KT204", f"{name_of(self)} takes {self.rank + 2} axes, the input has {len(shape)}"
            )
        if self.channels_first:
            return shape[0], shape[2:], shape[1]
        return shape[0], shape[1:-1], shape[-1]

    def join(self, batch: Dim, sizes: tuple[Dim, ...], channels: Dim) -> Shape:
        return (batch, channels, *sizes) if self.channels_first else (batch, *sizes, channels)

    def each(self, field: str) -> tuple[Any, ...]:
        """The setting for each spatial axis."""
        return ntuple(getattr(self, field), self.rank)


def name_of(layer: Layer) -> str:
    return type(layer).__name__


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class MustBeKnown(RuleError):
    """A setting that decides what code is written, and so cannot be left open."""

    def __init__(self, layer: Layer, field: str, value: Any) -> None:
        message = f"{name_of(layer)}({field}={value}) must be known"
        super().__init__("KT203", message, f"say what {field} is")
        self.field = field


def plain(layer: Layer, field: str) -> Any:
    """A setting, where it is known."""
    value = getattr(layer, field)
    if not is_plain(value):
        raise MustBeKnown(layer, field, value)
    return value


def all_equal(values: tuple[Any, ...], number: int) -> bool:
    """Whether all of them are plainly this number."""
    return all(is_plain(v) and v == number for v in values)


def choose_padding(padding: Any, same: Dim, valid: Dim) -> Dim:
    """The size for "same" or "valid" padding; a symbol decides when it is known."""
    if isinstance(padding, Sym):
        if same is None or valid is None:
            return None
        result: Dim = Sym.choose(Sym.binary("==", padding, "valid"), valid, same)
        return result
    return valid if padding == "valid" else same


def windows(size: Dim, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Dim:
    """How many windows of a convolution or pooling fit on an axis."""
    if size is None:
        return None
    one_by_one = is_plain(stride) and stride == 1
    same = size if one_by_one else (size - 1) // stride + 1
    reach = dilation * (kernel - 1)
    valid = size - reach if one_by_one else (size - reach - 1) // stride + 1
    if padding == "valid" and is_plain(valid) and valid <= 0:
        raise RuleError("KT204", f"a window of {reach + 1} does not fit into {size}")
    return choose_padding(padding, same, valid)


def same_pads(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """The zeros that ``padding="same"`` puts before and after; the odd one goes after."""
    reach = dilation * (kernel - 1) + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def pad_argument(pads: list[Any]) -> Any:
    """(before, after) of each axis in the order of ``F.pad``: the last axis first."""
    return tuple(p for pair in reversed(pads) for p in pair)


def sizes_text(sizes: tuple[Any, ...]) -> str:
    return " x ".join(str(s) for s in sizes)


def compact(values: tuple[Any, ...]) -> Any:
    """The setting as one writes it in torch; None where it is 1 on every axis."""
    return None if all_equal(values, 1) else squeeze_ntuple(values)


def known_channels(layer: Layer, channels: Dim) -> Any:
    if channels is None:
        raise RuleError(
            "KT303",
            f"{name_of(layer)} needs to know the number of channels of its input",
            "say the size of the model's input: in the source, or by --input-shape",
        )
    return channels


def torch_class(base: Expr, stem: str, rank: int) -> Expr:
    """``nn.Conv2d`` from ``nn``, "Conv" and 2."""
    expr: Expr = getattr(base, f"{stem}{rank}d")
    return expr
