"""The table of ``keras.activations``: what each of them is in torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kt_translate.graph.precision import EXACT, SINGLE_CONSTANT
from kt_translate.layers.layer import OMIT, Expr, F, RuleError, Sym, is_plain, nn, torch, unless


@dataclass(frozen=True)
class Function:
    """One of ``keras.activations``.

    ``arguments``: Keras's name -> (torch's name, or "" for a positional one; Keras's default; torch's default).
    ``precision``: how near to exact Keras's own function comes in float64.
    """

    function: Callable[..., Expr]
    module: Callable[..., Expr] | None = None
    arguments: tuple[tuple[str, str, Any, Any], ...] = ()
    over_dim: bool = False
    precision: float = EXACT

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
        F.leaky_relu,
        nn.LeakyReLU,
        (("negative_slope", "negative_slope", 0.2, 0.01),),
        precision=SINGLE_CONSTANT,  # the slope
    ),
    "elu": Function(F.elu, nn.ELU, (("alpha", "alpha", 1.0, 1.0),)),
    "selu": Function(Expr("selu")),
    "celu": Function(Expr("celu"), None, (("alpha", "alpha", 1.0, 1.0),)),
    "gelu": Function(
        _gelu,
        _gelu_module,
        (("approximate", "approximate", False, None),),
        precision=SINGLE_CONSTANT,  # the roots of 1/2 and of 2/pi
    ),
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
        ("keras.activations.", "keras.ops.", "keras.backend.", "tf.")
    ):
        return None
    name = path.rpartition(".")[2]
    name = _OTHER_NAMES.get(name, name)
    arguments = {"approximate": True} if path.startswith("keras.ops.") and name == "gelu" else {}
    return (name, arguments) if name in ACTIVATIONS else None


def known_function(name: str, arguments: dict[str, Any], flavour: str) -> Function:
    """The table's entry. Raises RuleError for a name or an argument that Keras does not know."""
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
        lookup = Expr("keras2_activation" if flavour == "2" else "keras_activation")
        return lookup(name, dim=unless(dim, -1))(x)
    function = known_function(name or "linear", arguments, flavour)
    args, kwargs = function.settings(arguments, dim)
    return function.function(x, *args, **kwargs)


def activation_module(
    name: Any, dim: Any = -1, flavour: str = "3", **arguments: Any
) -> Expr | None:
    """The module that does the same, for nn.Sequential; None where there is none."""
    if isinstance(name, Sym):
        return None
    function = known_function(name or "linear", arguments, flavour)
    args, kwargs = function.settings(arguments, dim)
    return None if function.module is None else function.module(*args, **kwargs)
