"""What a layer was given beyond its shape: initial weights, regularizers, constraints, names."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.nodes import ModuleUse, WeightNode
from kt_translate.graph.objects import KerasFunction, KerasObject
from kt_translate.graph.region import OpNode
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import Layer, RuleError, snake_case
from kt_translate.lower.constraints import constraint
from kt_translate.pytorch.expr import Expr, as_expr, unless

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
    "glorot_uniform": (1.0, "fan_avg", "uniform"),
    "glorot_normal": (1.0, "fan_avg", "truncated_normal"),
    "he_normal": (2.0, "fan_in", "truncated_normal"),
    "he_uniform": (2.0, "fan_in", "uniform"),
    "lecun_normal": (1.0, "fan_in", "truncated_normal"),
    "lecun_uniform": (1.0, "fan_in", "uniform"),
}
_POSITIONAL = {
    "constant": ("value",),
    "random_normal": ("mean", "stddev", "seed"),
    "random_uniform": ("minval", "maxval", "seed"),
    "truncated_normal": ("mean", "stddev", "seed"),
    "orthogonal": ("gain", "seed"),
    "identity": ("gain",),
}


_USUAL = {"kernel": "glorot_uniform", "recurrent": "orthogonal", "bias": "zeros"}


def _spelled(value: Any) -> Any:
    """An initializer's name, where a name or an object without arguments gives it."""
    if isinstance(value, KerasObject) and value.path.endswith((".get", ".deserialize")):
        return _spelled(value.args[0]) if value.args else None
    if isinstance(value, str):
        return _OLD.get(snake_case(value), snake_case(value))
    if isinstance(value, KerasObject) and not value.args and not set(value.kwargs) - {"seed"}:
        return snake_case(value.path.split(".")[-1])
    return value


def like_keras(rule: Layer, use: ModuleUse, tensors: list[Tensor]) -> tuple[dict[str, Any], bool]:
    """The keyword arguments of ``like_keras(module, ...)``; whether the layer has a regularizer."""
    settings: dict[str, Any] = {}
    init: dict[str, Expr] = {}
    regularize: dict[str, Expr] = {}
    constrain: dict[str, Expr] = {}
    defaults = dict(type(rule).signature())
    for parameter, prefix in rule.parameters():
        value = getattr(rule, f"{prefix}_initializer", None)
        default = defaults.get(f"{prefix}_initializer", _USUAL.get(prefix))
        if value is not None and _spelled(value) != _spelled(default):
            init[parameter] = initializer(value)
        penalty = getattr(rule, f"{prefix}_regularizer", None)
        if penalty is not None:
            regularize[parameter] = regularizer(penalty)
        limit = getattr(rule, f"{prefix}_constraint", None)
        if limit is not None:
            constrain[parameter] = constraint(limit, rule, parameter)
    if (
        tensors
        and tensors[0].flattened is not None
        and rule.keras_kind in ("dense", "batch_normalization")
    ):
        settings["flattened"] = as_expr(tuple(tensors[0].flattened))
    if init:
        settings["init"] = as_expr(init)
    if regularize:
        settings["regularize"] = as_expr(regularize)
    if constrain:
        settings["constrain"] = as_expr(constrain)
    if use.frozen:
        settings["trainable"] = False
    return settings, bool(regularize)


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
    name, args, kwargs = _name_and_args(value)
    name = _OLD.get(name, name)
    if name in _SCALED:
        scale, mode, distribution = _SCALED[name]
        return _scaled(scale, mode, distribution)
    if name == "variance_scaling":
        given = {**dict(zip(("scale", "mode", "distribution"), args, strict=False)), **kwargs}
        given.pop("seed", None)
        given = {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", **given}
        return _scaled(given["scale"], given["mode"], given["distribution"])
    if name not in _INITIALIZERS:
        raise RuleError("KT203", f"the initializer {name} is not supported")
    function, renamed = _INITIALIZERS[name]
    given = {**dict(zip(_POSITIONAL.get(name, ()), args, strict=False)), **kwargs}
    named = {renamed[k]: v for k, v in given.items() if k in renamed}
    return Expr("partial")(Expr(function), **named) if named else Expr(function)


def weight_lines(node: WeightNode, attribute: str) -> list[str]:
    """The statements that make a weight of a layer's own, with its penalty and its limit."""
    tensor = node.outputs[0]
    if not tensor.dtype.startswith("float"):
        empty = Expr("torch.zeros")(
            as_expr(tuple(tensor.shape)), dtype=Expr(f"torch.{tensor.dtype}")
        )
        return [f"self.register_buffer({attribute!r}, {empty})"]
    start = node.initializer or "glorot_uniform"
    node_of = start.node if isinstance(start, Tensor) else None
    made_by = node_of.render() if isinstance(node_of, OpNode) else None
    options = {"trainable": False} if node.use.frozen else {}
    if made_by is not None:
        made = Expr("nn.Parameter")(made_by, **({"requires_grad": False} if options else {}))
    else:
        made = Expr("keras_weight")(initializer(start), *tensor.shape, **options)
    lines = [f"self.{attribute} = {made}"]
    more: dict[str, Any] = {}
    if node.regularizer is not None:
        more["regularize"] = as_expr({attribute: regularizer(node.regularizer)})
    if node.constraint is not None:
        more["constrain"] = as_expr({attribute: constraint(node.constraint, None, attribute)})
    return [*lines, str(Expr("like_keras")(Expr("self"), **more))] if more else lines


def _scaled(scale: Any, mode: Any, distribution: Any) -> Expr:
    return Expr("partial")(
        Expr("variance_scaling_"),
        scale=unless(scale, 1.0),
        mode=unless(mode, "fan_in"),
        distribution=unless(distribution, "truncated_normal"),
    )


def regularizer(value: Any) -> Expr:
    """The penalty, as it stands in the generated code."""
    name, args, kwargs = _name_and_args(value)
    if name not in ("l1", "l2", "l1_l2", "l1l2"):
        raise RuleError("KT203", f"the regularizer {name} is not supported")
    if name in ("l1", "l2"):
        factor = args[0] if args else kwargs.get(name, kwargs.get("l", 0.01))
        return Expr(name)(factor)
    given = {**dict(zip(("l1", "l2"), args, strict=False)), **kwargs}
    if isinstance(value, str):
        given = {"l1": 0.01, "l2": 0.01}
    return Expr("l1_l2")(**given)
