"""What the declarations of recurrent layers share: activations as functions, and settings that must be known."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.sym import UNKNOWN
from kt_translate.layers.layer import (
    Expr,
    F,
    Layer,
    RuleError,
    Sym,
    as_expr,
    as_text,
    known,
    nn,
    torch,
)

_partial = Expr("partial")
_FUNCTIONS = {
    "celu": F.celu,
    "elu": F.elu,
    "exponential": torch.exp,
    "exp": torch.exp,
    "gelu": F.gelu,
    "hard_shrink": F.hardshrink,
    "hard_sigmoid": Expr("keras_hard_sigmoid"),
    "hard_silu": F.hardswish,
    "hard_swish": F.hardswish,
    "hard_tanh": F.hardtanh,
    "leaky_relu": _partial(F.leaky_relu, negative_slope=0.2),
    "linear": nn.Identity(),
    "log_sigmoid": F.logsigmoid,
    "log_softmax": _partial(F.log_softmax, dim=-1),
    "mish": F.mish,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "sin": torch.sin,
    "soft_shrink": F.softshrink,
    "softmax": _partial(F.softmax, dim=-1),
    "softplus": F.softplus,
    "softsign": F.softsign,
    "swish": F.silu,
    "tanh": torch.tanh,
    "tanh_shrink": F.tanhshrink,
}


def activation_name(value: Any) -> str | None:
    """The plain name of an activation, given as a string, as None or as Keras's function; None for all else."""
    if value is None:
        return "linear"
    path = value if isinstance(value, str) else getattr(value, "path", None)
    return path.rpartition(".")[2] if isinstance(path, str) else None


def activation_function(value: Any, flavour: str) -> Expr:
    """The callable that stands for an activation within a recurrent layer."""
    if isinstance(value, Sym):
        return Expr("RECURRENT_ACTIVATIONS")[value]
    rule = getattr(value, "rule", value)
    if isinstance(rule, Layer):
        module = rule.standalone()
        if module is not None:
            return module
    name = activation_name(value)
    if name == "hard_sigmoid" and flavour == "2":
        return Expr("keras2_hard_sigmoid")
    if name == "gelu" and getattr(value, "path", "").endswith("ops.gelu"):
        return _partial(F.gelu, approximate="tanh")
    if name not in _FUNCTIONS:
        raise RuleError(
            "KT203", f"activation {as_text(value)} is not supported within a recurrent layer"
        )
    return _FUNCTIONS[name]


def decided(value: Any, what: str) -> bool:
    """A setting that the shape of the output depends on: its value where the source is run."""
    sample = known(value)
    if sample is UNKNOWN:
        raise RuleError("KT203", f"{what} must be known")
    return bool(sample)


def if_set(setting: Any, yes: Expr, no: Expr) -> Expr:
    """``yes`` or ``no``; both, with the condition, where the setting is a symbol."""
    if isinstance(setting, Sym):
        return Expr.conditional(as_expr(setting), yes, no)
    return yes if setting else no


def rule_of(value: Any) -> Any:
    """The declaration of a layer that was given as an argument."""
    return getattr(value, "rule", value)
