"""Activations: the table of Keras's functions, and the layers made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
    nn,
    torch,
    unless,
)
from kt_translate.layers.spatial import known_channels, plain


@dataclass(frozen=True)
class Function:
    """One of ``keras.activations``.

    ``arguments``: Keras's name -> (torch's name, or "" for a positional one; Keras's default; torch's default).
    """

    function: Callable[..., Expr]
    module: Callable[..., Expr] | None = None
    arguments: tuple[tuple[str, str, Any, Any], ...] = ()
    over_dim: bool = False

    def settings(self, given: dict[str, Any], dim: Any) -> tuple[list[Any], dict[str, Any]]:
        """What stands after x in the call."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name, torch_name, default, assumed in self.arguments:
            value = given.get(name, default)
            if value is REQUIRED:
                raise RuleError("KT204", f"the activation needs {name}")
            if torch_name:
                kwargs[torch_name] = unless(value, assumed)
            else:
                args.append(value)
        if self.over_dim:
            kwargs["dim"] = dim
        return args, kwargs


REQUIRED: Any = object()


def _sparse_sigmoid(x: Expr) -> Expr:
    return (F.hardtanh(x) + 1) / 2


def _hard_tanh(x: Expr) -> Expr:
    return x.clamp(-1, 1)  # F.hardtanh has no slope at -1 and 1, Keras has


def _hard_sigmoid(x: Expr) -> Expr:
    return F.relu6(x + 3) / 6  # the slope of F.hardsigmoid is 1 / 6 in single precision only


def _keras2_hard_sigmoid(x: Expr) -> Expr:
    return (0.2 * x + 0.5).clamp(0, 1)


def _linear(x: Expr) -> Expr:
    return x


def _gelu_settings(approximate: Any) -> Any:
    if isinstance(approximate, Sym):
        return Sym.choose(approximate, "tanh", "none")
    return "tanh" if approximate else OMIT


def _gelu(x: Expr, approximate: Any = False) -> Expr:
    return F.gelu(x, approximate=_gelu_settings(approximate))


def _gelu_module(approximate: Any = False) -> Expr:
    return nn.GELU(approximate=_gelu_settings(approximate))


def _zero(value: Any) -> bool:
    return is_plain(value) and value == 0


def _relu(x: Expr, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Expr:
    if max_value is None and _zero(threshold):
        return F.relu(x) if _zero(negative_slope) else F.leaky_relu(x, negative_slope)
    if _zero(negative_slope) and is_plain(max_value):
        if max_value is None:
            return F.threshold(x, threshold, 0.0)
        if _zero(threshold):
            return F.relu6(x) if max_value == 6 else F.relu(x).clamp(max=max_value)
    return Expr("clipped_relu")(
        x,
        negative_slope=OMIT if _zero(negative_slope) else negative_slope,
        max_value=unless(max_value, None),
        threshold=OMIT if _zero(threshold) else threshold,
    )


def _relu_module(
    negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0
) -> Expr | None:
    if max_value is None and _zero(threshold):
        return nn.ReLU() if _zero(negative_slope) else nn.LeakyReLU(negative_slope)
    if _zero(negative_slope) and max_value is None:
        return nn.Threshold(threshold, 0.0)
    if _zero(negative_slope) and _zero(threshold) and is_plain(max_value) and max_value == 6:
        return nn.ReLU6()
    return None


_RELU = (
    ("negative_slope", "negative_slope", 0.0, None),
    ("max_value", "max_value", None, 0),
    ("threshold", "threshold", 0.0, None),
)

ACTIVATIONS: dict[str, Function] = {
    "linear": Function(_linear, nn.Identity),
    "relu": Function(_relu, _relu_module, _RELU),  # type: ignore[arg-type]
    "relu6": Function(F.relu6, nn.ReLU6),
    "leaky_relu": Function(
        F.leaky_relu, nn.LeakyReLU, (("negative_slope", "negative_slope", 0.2, 0.01),)
    ),
    "elu": Function(F.elu, nn.ELU, (("alpha", "alpha", 1.0, 1.0),)),
    "selu": Function(Expr("selu")),
    "celu": Function(Expr("celu"), None, (("alpha", "alpha", 1.0, 1.0),)),
    "gelu": Function(_gelu, _gelu_module, (("approximate", "approximate", False, None),)),
    "silu": Function(F.silu, nn.SiLU),
    "swish": Function(F.silu, nn.SiLU),
    "mish": Function(F.mish, nn.Mish),
    "sigmoid": Function(torch.sigmoid, nn.Sigmoid),
    "hard_sigmoid": Function(_hard_sigmoid),
    "log_sigmoid": Function(F.logsigmoid, nn.LogSigmoid),
    "sparse_sigmoid": Function(_sparse_sigmoid),
    "hard_silu": Function(F.hardswish, nn.Hardswish),
    "hard_swish": Function(F.hardswish, nn.Hardswish),
    "tanh": Function(torch.tanh, nn.Tanh),
    "hard_tanh": Function(_hard_tanh),
    "tanh_shrink": Function(F.tanhshrink, nn.Tanhshrink),
    "hard_shrink": Function(F.hardshrink, nn.Hardshrink, (("threshold", "lambd", 0.5, 0.5),)),
    "soft_shrink": Function(F.softshrink, nn.Softshrink, (("threshold", "lambd", 0.5, 0.5),)),
    "threshold": Function(
        F.threshold,
        nn.Threshold,
        (("threshold", "", REQUIRED, None), ("default_value", "", REQUIRED, None)),
    ),
    "softplus": Function(F.softplus, nn.Softplus),
    "softsign": Function(F.softsign, nn.Softsign),
    "squareplus": Function(Expr("squareplus"), None, (("b", "b", 4, 4),)),
    "sparse_plus": Function(Expr("sparse_plus")),
    "exponential": Function(torch.exp),
    "softmax": Function(F.softmax, nn.Softmax, over_dim=True),
    "log_softmax": Function(F.log_softmax, nn.LogSoftmax, over_dim=True),
    "sparsemax": Function(Expr("sparsemax"), over_dim=True),
    "glu": Function(F.glu, nn.GLU, over_dim=True),
}
KERAS2_ACTIVATIONS = {**ACTIVATIONS, "hard_sigmoid": Function(_keras2_hard_sigmoid)}

# functions from elsewhere that are activations: what the path ends in, where it differs from Keras's name
_OTHER_NAMES = {"exp": "exponential"}


def named_activation(value: Any) -> tuple[Any, dict[str, Any]] | None:
    """(name, arguments) of an activation that is given by its name, or by a function known under a path.

    None for anything else: a function of the source, a layer.
    """
    if value is None:
        return "linear", {}
    if isinstance(value, (str, Sym)):
        return value, {}
    path = getattr(value, "path", None)
    if not isinstance(path, str) or not path.startswith(
        ("keras.activations.", "keras.ops.", "tensorflow.")
    ):
        return None
    name = path.rpartition(".")[2]
    name = _OTHER_NAMES.get(name, name)
    arguments = {"approximate": True} if path.startswith("keras.ops.") and name == "gelu" else {}
    return (name, arguments) if name in ACTIVATIONS else None


def _function(name: str, arguments: dict[str, Any], flavour: str) -> Function:
    table = KERAS2_ACTIVATIONS if flavour == "2" else ACTIVATIONS
    if name not in table:
        raise RuleError(
            "KT203", f"there is no activation {name!r}", f"Keras has {', '.join(table)}"
        )
    known = [argument for argument, *_ in table[name].arguments]
    for argument in arguments:
        if argument not in known:
            raise RuleError("KT204", f"{name} has no argument {argument!r}")
    return table[name]


def activation_expr(
    name: Any, x: Expr, dim: Any = -1, flavour: str = "3", **arguments: Any
) -> Expr:
    """The expression of Keras's activation ``name`` on ``x``; ``dim`` is torch's, for softmax and its like.

    ``name`` may be a symbol; ``arguments`` are Keras's (without ``axis``).
    """
    if isinstance(name, Sym):
        lookup = Expr("keras2_activation" if flavour == "2" else "activation")
        return lookup(name, dim=unless(dim, -1))(x)
    function = _function(name or "linear", arguments, flavour)
    args, kwargs = function.settings(arguments, dim)
    return function.function(x, *args, **kwargs)


def activation_module(
    name: Any, dim: Any = -1, flavour: str = "3", **arguments: Any
) -> Expr | None:
    """The module that does the same, for nn.Sequential; None where there is none."""
    if isinstance(name, Sym):
        return None
    function = _function(name or "linear", arguments, flavour)
    args, kwargs = function.settings(arguments, dim)
    return None if function.module is None else function.module(*args, **kwargs)


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

    activation: Any

    def check(self) -> None:
        found = named_activation(self.activation)
        if found is None:
            raise RuleError(
                "KT203", f"Activation({self.activation}) is not one of Keras's activations"
            )
        name, arguments = found
        if not isinstance(name, Sym):
            _function(name, arguments, self.flavour)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        halved = named_activation(self.activation) == ("glu", {}) and shape[-1] is not None
        return (*shape[:-1], shape[-1] // 2) if halved else shape

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        outputs = super().outputs(*tensors, **options)
        if named_activation(self.activation) == ("glu", {}):
            outputs[0].flattened = None
        return outputs

    def call_of(self, tensor: Tensor) -> tuple[Any, Any, dict[str, Any]]:
        name, arguments = named_activation(self.activation) or ("linear", {})
        return name, tensor.dim(-1) if isinstance(name, Sym) else dim_of(tensor), arguments


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
            return mask if isinstance(mask, Expr) else Expr(str(mask))
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
