"""The layers that are activations, and all others that work on each element by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.graph.precision import EXACT, rounded
from kt_translate.layers.activation_table import (
    ACTIVATIONS,
    activation_expr,
    activation_module,
    known_function,
    named_activation,
)
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    F,
    Layer,
    Layout,
    RuleError,
    Shape,
    Sym,
    Tensor,
    is_plain,
    known,
    nn,
    unless,
)
from kt_translate.layers.spatial import known_channels, plain


def dim_of(tensor: Tensor, axis: int = -1) -> int:
    """The torch dimension of Keras's axis, as one writes it: 1 rather than -1 for the features of (N, F)."""
    try:
        dim = tensor.dim(axis)
    except IndexError:
        raise RuleError("KT204", f"there is no axis {axis} among {tensor.rank}") from None
    return dim % tensor.rank if tensor.rank == 2 else dim


class Elementwise(Layer, abstract=True):
    """A layer that leaves shape and order as they are."""

    masking = "pass"

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        outputs[0].flattened = tensors[0].flattened
        return outputs


class ActivationLayer(Elementwise, abstract=True):
    """A layer that is one of the functions above, with some of its arguments."""

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        """(name, dim, arguments)."""
        raise NotImplementedError

    def forward(self, call: Call) -> Expr:
        name, dim, arguments = self.call_of(call.tensor)
        return activation_expr(name, call.x, dim, self.flavour, **arguments)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        name, dim, arguments = self.call_of(tensors[0])
        return activation_module(name, dim, self.flavour, **arguments)


class Activation(ActivationLayer):
    """``keras.layers.Activation``."""

    activates_inside = True

    activation: Any

    def check(self) -> None:
        found = named_activation(self.activation)
        if found is None:
            raise RuleError(
                "KT203", f"Activation({self.activation}) is not one of Keras's activations"
            )
        name, arguments = found
        sample = known(name)
        if sample is None or isinstance(sample, str):
            known_function(sample or "linear", arguments, self.flavour)
        if isinstance(name, Sym) and sample == "glu":
            raise RuleError("KT203", "glu, which halves the features, must be named in the source")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        last = shape[-1]
        if last is None or named_activation(self.activation) != ("glu", {}):
            return shape
        return (*shape[:-1], last // 2)

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        if named_activation(self.activation) == ("glu", {}):
            outputs[0].flattened = None
        return outputs

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        name, arguments = named_activation(self.activation) or ("linear", {})
        return name, tensor.dim(-1) if isinstance(name, Sym) else dim_of(tensor), arguments

    def module(self, *tensors: Tensor) -> Expr | None:
        """A name that is a parameter is known in the constructor only."""
        name, dim, _ = self.call_of(tensors[0])
        if not isinstance(name, Sym) or self.flavour == "2":
            return None
        return Expr("Activation")(name, dim=unless(dim, -1))

    def forward(self, call: Call) -> Expr:
        if self.module(*call.tensors) is not None:
            return call.module(call.x)
        return super().forward(call)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return self.module(*tensors) or super().standalone(*tensors)


class ReLU(ActivationLayer):
    """``keras.layers.ReLU``."""

    max_value: Any = None
    negative_slope: Any = 0.0
    threshold: Any = 0.0

    def check(self) -> None:
        for field in ("max_value", "negative_slope", "threshold"):
            value = getattr(self, field)
            if is_plain(value) and (value < 0 if value is not None else field != "max_value"):
                raise RuleError("KT204", f"ReLU({field}={value}) must not be negative")

    def keras_precision(self) -> float:
        plain_slope = self.max_value is None and self.threshold == 0
        return rounded(self.negative_slope) if plain_slope else EXACT

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        settings = {
            "negative_slope": self.negative_slope,
            "max_value": self.max_value,
            "threshold": self.threshold,
        }
        return "relu", -1, settings


class LeakyReLU(ActivationLayer):
    """``keras.layers.LeakyReLU``; its slope is 0.3 where the function's is 0.2."""

    renamed = {"alpha": "negative_slope"}

    negative_slope: Any = 0.3

    def check(self) -> None:
        slope = self.negative_slope
        if slope is None or (is_plain(slope) and slope < 0):
            raise RuleError(
                "KT204", f"LeakyReLU(negative_slope={slope}) must be a number of at least 0"
            )

    def keras_precision(self) -> float:
        return rounded(self.negative_slope)

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        return "leaky_relu", -1, {"negative_slope": self.negative_slope}


class ELU(ActivationLayer):
    """``keras.layers.ELU``."""

    alpha: Any = 1.0

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        return "elu", -1, {"alpha": self.alpha}


class ThresholdedReLU(ActivationLayer):
    """``ThresholdedReLU`` of Keras 2."""

    theta: Any = 1.0

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        return "threshold", -1, {"threshold": self.theta, "default_value": 0.0}


class Softmax(Elementwise):
    """``keras.layers.Softmax``; the mask says which elements take part."""

    heeds = True
    call_arguments = ("inputs", "mask")

    axis: Any = -1

    def check(self) -> None:
        axis = plain(self, "axis")
        self.axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        if isinstance(options.get("mask"), Tensor):
            outputs[0].mask = options["mask"]
        return outputs

    def dims(self, tensor: Tensor) -> Any:
        dims = tuple(dim_of(tensor, axis) for axis in self.axes)
        return dims[0] if len(dims) == 1 else dims

    def mask(self, call: Call) -> Expr | None:
        mask = call.options.get("mask")
        if mask is not None:
            mask, said = mask if isinstance(mask, Expr) else Expr(str(mask)), call.output.mask
            number = self.flavour == "3" and said is not None and said.dtype != "bool"
            return Expr.binary(">", mask, Expr("0.5")) if number else mask
        own = call.tensor.mask
        if own is not None and own.rank != call.tensor.rank:
            raise RuleError("KT203", "Softmax takes the mask of its input, which has another shape")
        return call.masks[0]

    def forward(self, call: Call) -> Expr:
        mask = self.mask(call)
        if mask is None:
            dims = self.dims(call.tensor)
            over = (
                Expr("softmax_over")(call.x, dims)
                if isinstance(dims, tuple)
                else F.softmax(call.x, dim=dims)
            )
            return over
        softmax = Expr("added_mask_softmax" if self.flavour == "2" else "masked_softmax")
        if call.tensor.layout is not Layout.FIRST:
            return softmax(call.x, mask, dim=self.dims(call.tensor))
        dims = self.axes[0] if len(self.axes) == 1 else self.axes
        return softmax(call.x.movedim(1, -1), mask, dim=dims).movedim(-1, 1)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        dims = self.dims(tensors[0])
        return None if isinstance(dims, tuple) else nn.Softmax(dim=dims)


class PReLU(Elementwise):
    """``keras.layers.PReLU``: a slope for every element, except along ``shared_axes``."""

    renamed = {"alpha_init": "alpha_initializer", "init": "alpha_initializer"}

    alpha_initializer: Any = "Zeros"
    alpha_regularizer: Any = None
    alpha_constraint: Any = None
    shared_axes: Any = None

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        outputs[0].flattened = None  # the slopes are in Keras's order
        return outputs

    def module(self, *tensors: Tensor) -> Expr:
        (x,) = tensors
        axes = plain(self, "shared_axes") or ()
        shared = {
            a % x.rank if a < 0 else a
            for a in (axes if isinstance(axes, (tuple, list)) else (axes,))
        }
        shape = [1 if axis in shared else dim for axis, dim in enumerate(x.shape)][1:]
        for dim in shape:
            known_channels(self, dim)
        first = x.layout is Layout.FIRST and x.rank > 2
        if first:
            shape = [shape[-1], *shape[:-1]]
        return Expr("PReLU")(*shape, channels_first=OMIT if first or x.rank <= 2 else False)

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "alpha"


__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Elementwise",
    "activation_expr",
    "activation_module",
    "dim_of",
    "named_activation",
]
