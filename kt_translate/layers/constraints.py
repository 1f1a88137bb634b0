"""Weight constraints: what Keras sets a parameter to after every step."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.objects import WeightCode, snake_case
from kt_translate.graph.sym import known
from kt_translate.layers.layer import Layer, RuleError
from kt_translate.pytorch.expr import OMIT, Expr, unless

_ARGUMENTS: dict[str, dict[str, Any]] = {
    "max_norm": {"max_value": 2, "axis": 0},
    "unit_norm": {"axis": 0},
    "min_max_norm": {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0},
    "non_neg": {},
}
_OLD_ARGUMENTS = {"m": "max_value", "low": "min_value", "high": "max_value"}


def constraint(value: Any, rule: Layer | None, parameter: str) -> Expr:
    """The function that gives the constrained parameter, as it stands in the generated code.

    ``rule``: the layer that the parameter is of; None for a weight that is laid out as in Keras.
    """
    if isinstance(value, WeightCode):
        return value.expr
    name, args, kwargs = _given(value)
    if name not in _ARGUMENTS:
        raise RuleError("KT203", f"the constraint {name} is not supported")
    if name == "non_neg":
        return Expr("non_neg")()
    defaults = _ARGUMENTS[name]
    renamed = {_OLD_ARGUMENTS.get(key, key): item for key, item in kwargs.items()}
    given = {**defaults, **dict(zip(defaults, args)), **renamed}
    if surplus := given.keys() - defaults.keys():
        raise RuleError("KT204", f"{name} has no argument {', '.join(sorted(surplus))}")
    dim = _dims(given.pop("axis"), rule, parameter)
    settings = {key: unless(item, defaults[key]) for key, item in given.items()}
    return Expr(name)(**settings, dim=OMIT if dim == 1 else dim)


def _given(value: Any) -> tuple[str, list[Any], dict[str, Any]]:
    """The constraint's name without underscores where Keras 1 had none, and its arguments."""
    path = value if isinstance(value, str) else getattr(value, "path", None)
    if not isinstance(path, str):
        raise RuleError("KT203", "this constraint is code of the source's own")
    name = snake_case(path.split(".")[-1])
    spelled = {known_name.replace("_", ""): known_name for known_name in _ARGUMENTS}
    args, kwargs = getattr(value, "args", []), getattr(value, "kwargs", {})
    return spelled.get(name.replace("_", ""), name), list(args), dict(kwargs)


def _dims(axis: Any, rule: Layer | None, parameter: str) -> Any:
    """Torch's dimensions of the parameter for axes of Keras's."""
    axes = known(axis)
    if rule is None:
        return axes
    if isinstance(axes, int):
        return _dim(axes, rule, parameter)
    if not isinstance(axes, (tuple, list)) or not all(isinstance(a, int) for a in axes):
        raise RuleError("KT203", "the axis of a constraint is not known")
    dims = sorted(_dim(a, rule, parameter) for a in axes)
    return dims[0] if len(dims) == 1 else tuple(dims)


def _dim(axis: int, rule: Layer, parameter: str) -> int:
    order = keras_order(rule, parameter)
    if not -len(order) <= axis < len(order):
        raise RuleError("KT204", f"a constraint along axis {axis} of {len(order)} axes")
    dim = order[axis]
    if dim is None:
        raise RuleError("KT203", f"a norm as a constraint is not supported for {rule.keras_kind}")
    return dim


def keras_order(rule: Layer, parameter: str) -> tuple[int | None, ...]:
    """PyTorch's dimension of a parameter for each of Keras's axes; None for an axis that it does not have.

    Raises RuleError for layers whose parameters are not Keras's in another order.
    """
    kind = rule.keras_kind
    depthwise = kind.startswith("depthwise") or parameter.startswith("depthwise")
    if parameter in ("bias", "weight") and kind.endswith("normalization"):
        return (0,)
    if parameter.startswith("bias"):
        if kind == "gru":
            raise RuleError("KT203", "PyTorch has the bias of a GRU in two parts")
        return (0,)
    if kind in ("dense", "lstm", "gru", "simple_rnn"):
        return (1, 0)
    if kind == "embedding":
        return (0, 1)
    if depthwise:  # torch counts the channels and their multiples along one dimension
        return (*range(2, 2 + int(kind[-2])), None, None)
    if kind.startswith("conv") and kind.removesuffix("_transpose")[-2:] in ("1d", "2d", "3d"):
        rank = int(kind.removesuffix("_transpose")[-2])
        return (*range(2, 2 + rank), 1, 0)
    raise RuleError("KT203", f"the order of the axes of {kind} is not known")
