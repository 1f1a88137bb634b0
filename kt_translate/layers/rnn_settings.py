"""What recurrent layers share: activations as functions, and settings that must be known."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.tensor import Tensor
from kt_translate.layers.activations import (
    Activation,
    ActivationLayer,
    activation_expr,
    named_activation,
)
from kt_translate.layers.layer import (
    Expr,
    Layer,
    RuleError,
    Sym,
    as_expr,
    as_text,
    same,
    unless,
)

WEIGHT_SETTINGS = ("_initializer", "_regularizer", "_constraint")


def activation_name(value: Any) -> Any:
    """The name of an activation without arguments; None for all else."""
    name, arguments = named_activation(value) or (None, {})
    return None if arguments or isinstance(name, Sym) else name


def activation_function(value: Any, flavour: str) -> Expr:
    """The function that stands for an activation within a recurrent layer."""
    rule = rule_of(value)
    if isinstance(rule, ActivationLayer) and not isinstance(rule, Activation):
        name, _, arguments = rule.call_of(Tensor((None, None)))
    else:
        found = named_activation(rule.activation if isinstance(rule, Activation) else value)
        if found is None or found[0] == "glu":
            raise RuleError(
                "KT203", f"activation {as_text(value)} is not supported within a recurrent layer"
            )
        name, arguments = found
    if isinstance(name, Sym):
        return Expr("keras2_activation" if flavour == "2" else "keras_activation")(name)
    x = Expr("x")
    applied = activation_expr(name, x, -1, flavour, **arguments)
    function = Expr(str(applied).removesuffix("(x)"))
    return function if applied == function(x) else function_of([x], applied)


def function_of(parameters: list[Expr], body: Expr) -> Expr:
    """``lambda parameters: body``."""
    return Expr(f"lambda {', '.join(map(str, parameters))}: {body}", binding=0)


def if_set(setting: Any, yes: Expr, no: Expr) -> Expr:
    """``yes`` or ``no``; both, with the condition, where the setting is a symbol."""
    if isinstance(setting, Sym):
        return Expr.conditional(as_expr(setting), yes, no)
    return yes if setting else no


def opposite(setting: Any) -> Any:
    """``not setting`` as a keyword argument that is False unless given."""
    if isinstance(setting, Sym):
        return Expr.unary("not", setting.expr)
    return unless(not setting, False)


def rule_of(value: Any) -> Any:
    """The declaration of a layer that was given as an argument."""
    return getattr(value, "rule", value)


def is_stateless(rule: Layer) -> bool:
    """Whether a layer has no weights, by itself or within it."""
    inner = any(isinstance(rule_of(value), Layer) for value in vars(rule).values())
    has_statistics = rule.keras_kind == "batch_normalization"
    return not inner and not has_statistics and not any(True for _ in rule.parameters())


def unusual_setting(rule: Layer, name: str) -> Any:
    """The setting of a part's weights; None where it is what Keras assumes."""
    value = getattr(rule, name)
    return None if same(value, dict(rule.signature())[name]) else value


def without_time_major(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a recurrent layer without one that old Keras has beside them. Raises RuleError where it is set."""
    if kwargs.get("time_major", False) is not False:
        raise RuleError("KT203", f"{name}(time_major=...) is not supported; supported: False")
    return {k: v for k, v in kwargs.items() if k != "time_major"}
