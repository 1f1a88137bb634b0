"""Objects and functions of Keras that are settings: optimizers, losses, initializers, regularizers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.sym import Sym, known, symbols_in
from kt_translate.graph.terms import expand
from kt_translate.graph.tuning import Tuned
from kt_translate.pytorch.expr import OMIT, Expr, as_expr


@dataclass
class KerasObject:
    """What ``keras.optimizers.Adam(1e-3)`` makes: its path below ``keras``, and the arguments."""

    path: str
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def expr(self) -> Expr:
        """The function that stands for it in the generated code.

        Raises:
            RuleError: it is neither an initializer nor a regularizer that has such a function.
        """
        if self.path.startswith("initializers."):
            return initializer(self)
        if self.path.startswith("regularizers."):
            return regularizer(self)
        raise RuleError("KT102", f"{self.path}: it is not known when the code is written")


class ActivationSaid(Sym):
    """What ``keras.activations.get`` gives for a parameter: a function, also where that is None."""


@dataclass(eq=False)
class WeightCode:
    """A regularizer or constraint of the source's own: the function of a parameter that the generated code has for it."""

    expr: Expr
    by_place: bool = (
        False  # elements at other places count otherwise: not if they are only added up, say
    )


@dataclass
class KerasFunction:
    """A function or class of Keras, not called: ``keras.losses.mean_squared_error``."""

    path: str


def is_setting(value: Any) -> bool:
    """Whether a value is an object of Keras that the generated code can hand on."""
    try:
        return isinstance(value, (KerasObject, Tuned)) and bool(str(value.expr))
    except RuleError:
        return False


def says_setting(value: Any) -> bool:
    """Whether a name stands for an initializer or a regularizer, for Keras's name of one, or for none."""
    sample = known(value)
    return isinstance(value, Sym) and (sample is None or isinstance(sample, (str, KerasObject)))


def snake_case(name: str) -> str:
    """Keras's automatic name for a class: Conv2D -> conv2d, MultiHeadAttention -> multi_head_attention."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


_INITIALIZERS: dict[str, tuple[str, dict[str, str]]] = {
    "zeros": ("zeros_", {}),
    "ones": ("ones_", {}),
    "constant": ("constant_", {"value": "value"}),
    "random_normal": ("random_normal_", {"mean": "mean", "stddev": "std"}),
    "random_uniform": ("random_uniform_", {"minval": "low", "maxval": "high"}),
    "truncated_normal": ("truncated_normal_", {"mean": "mean", "stddev": "std"}),
    "orthogonal": ("orthogonal_", {"gain": "gain"}),
    "identity": ("identity_", {"gain": "gain"}),
}
_OLD = {
    "normal": "random_normal",
    "uniform": "random_uniform",
    "one": "ones",
    "zero": "zeros",
    "orthogonal_initializer": "orthogonal",
    "identity_initializer": "identity",
}
_SCALED = {
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
}
_POSITIONAL = {
    "constant": ("value",),
    "random_normal": ("mean", "stddev", "seed"),
    "random_uniform": ("minval", "maxval", "seed"),
    "truncated_normal": ("mean", "stddev", "seed"),
    "orthogonal": ("gain", "seed"),
    "identity": ("gain",),
}


def named_initializer(name: str) -> KerasObject | None:
    """The initializer of that name, if there is one."""
    said = _OLD.get(snake_case(name), snake_case(name))
    return KerasObject(f"initializers.{said}") if said in _SCALED | _INITIALIZERS.keys() else None


def initializer_name(value: Any) -> Any:
    """An initializer's name, where a name or an object without arguments gives it."""
    if isinstance(value, KerasObject) and value.path.endswith((".get", ".deserialize")):
        return initializer_name(value.args[0]) if value.args else None
    if isinstance(value, Sym) and all(symbol.kind != "param" for symbol in value.symbols):
        value = known(value)
    if isinstance(value, str):
        return _OLD.get(snake_case(value), snake_case(value))
    if isinstance(value, KerasObject) and not value.args and not set(value.kwargs) - {"seed"}:
        return snake_case(value.path.split(".")[-1])
    return value


def _name_and_args(value: Any) -> tuple[str, list[Any], dict[str, Any]]:
    if isinstance(value, str):
        return snake_case(value), [], {}
    if isinstance(value, KerasObject):
        name = snake_case(value.path.split(".")[-1])
        if name in ("get", "deserialize") and value.args:
            return _name_and_args(value.args[0])
        return name, list(value.args), dict(value.kwargs)
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        return snake_case(value["class_name"]), [], dict(value.get("config", {}))
    if isinstance(value, KerasFunction) or isinstance(getattr(value, "path", None), str):
        return snake_case(value.path.split(".")[-1]), [], {}
    raise RuleError("KT203", "this initializer or regularizer is not known")


def initializer(value: Any) -> Expr:
    """The initializing function, as it stands in the generated code."""
    if isinstance(value, Sym):
        return _handed_on(value, "keras_initializer", initializer)
    function, named = _function_and_settings(value)
    return Expr("partial")(function, **named) if named else function


def _handed_on(value: Sym, lookup: str, made: Callable[[Any], Expr]) -> Expr:
    """A setting that a name of the generated code stands for: looked up there if it may be Keras's name for it."""
    if isinstance(expand(value), KerasObject):  # whatever it is made of
        return as_expr(value)
    if any(symbol.kind == "param" for symbol in value.symbols):
        return Expr(lookup)(value)
    return as_expr(value) if isinstance(known(value), KerasObject) else made(known(value))


def applied(value: KerasObject, weight: str) -> Expr:
    """What the generated code does with a parameter of this name: initializes it, or its penalty."""
    if value.path.startswith("initializers."):
        function, named = _function_and_settings(value)
        return function(Expr(weight), **named)
    return regularizer(value)(Expr(weight))


def lazily(value: Any) -> str:
    """A setting as text that may stand above what it needs: the default of a parameter."""
    if not isinstance(value, KerasObject):
        return str(as_expr(value))
    name = initializer_name(value)
    if value.path.startswith("initializers.") and isinstance(name, str):
        return repr(name)
    return f"lambda weight: {applied(value, 'weight')}"


def _function_and_settings(value: Any) -> tuple[Expr, dict[str, Any]]:
    name, args, kwargs = _name_and_args(value)
    name = _OLD.get(name, name.removesuffix("_initializer"))
    if name in _SCALED:
        return Expr(f"{name}_"), {}
    if name == "variance_scaling":
        usual = {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"}
        given = {**dict(zip(usual, args, strict=False)), **kwargs}
        unusual = {k: v for k, v in given.items() if k in usual and v != usual[k]}
        return Expr("variance_scaling_"), unusual
    if name not in _INITIALIZERS:
        raise RuleError("KT203", f"the initializer {name} is not supported")
    function, renamed = _INITIALIZERS[name]
    given = {**dict(zip(_POSITIONAL.get(name, ()), args, strict=False)), **kwargs}
    return Expr(function), {renamed[k]: v for k, v in given.items() if k in renamed}


def regularizer(value: Any) -> Expr:
    """The penalty, as it stands in the generated code."""
    if isinstance(value, Sym):
        return _handed_on(value, "keras_regularizer", regularizer)
    if isinstance(value, WeightCode):
        return value.expr
    name, args, kwargs = _name_and_args(value)
    if name == "orthogonal_regularizer":
        given = {**dict(zip(("factor", "mode"), args, strict=False)), **kwargs}
        dim = OMIT if given.pop("mode", "rows") == "rows" else 0
        return Expr(name)(**given, dim=dim)
    if name not in ("l1", "l2", "l1_l2", "l1l2"):
        raise RuleError("KT203", f"the regularizer {name} is not supported")
    if name in ("l1", "l2"):
        factor = args[0] if args else kwargs.get(name, kwargs.get("l", 0.01))
        hidden = any(symbol.name == name for symbol in symbols_in(factor))  # by that parameter
        return Expr("l1_l2")(**{name: factor}) if hidden else Expr(name)(factor)
    given = {**dict(zip(("l1", "l2"), args, strict=False)), **kwargs}
    if value == "l1_l2":  # of Keras 2; in Keras 3 the name "l1l2" gives no penalty
        given = {"l1": 0.01, "l2": 0.01}
    return Expr("l1_l2")(**given)
