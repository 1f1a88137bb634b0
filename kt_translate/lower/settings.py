"""What a layer was given beyond its shape: initial weights, regularizers, constraints, names."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.arrays import ArrayNode
from kt_translate.graph.conditions import negated
from kt_translate.graph.nodes import ModuleUse, WeightNode
from kt_translate.graph.objects import (
    WeightCode,
    initializer,
    initializer_name,
    regularizer,
    says_setting,
)
from kt_translate.graph.region import OpNode
from kt_translate.graph.sym import Sym, code
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.constraints import constraint
from kt_translate.layers.layer import Layer, RuleError
from kt_translate.layers.rnn_settings import is_stateless
from kt_translate.pytorch.expr import OMIT, Expr, as_expr, torch

_USUAL = {"kernel": "glorot_uniform", "recurrent": "orthogonal", "bias": "zeros"}


def like_keras(rule: Layer, use: ModuleUse, tensors: list[Tensor]) -> dict[str, Any]:
    """The keyword arguments of ``like_keras(module, ...)``."""
    settings: dict[str, Any] = {}
    init: dict[str, Expr] = {}
    regularize: dict[str, Expr] = {}
    constrain: dict[str, Expr] = {}
    defaults = dict(type(rule).signature())
    for parameter, prefix in rule.parameters():
        value = getattr(rule, f"{prefix}_initializer", None)
        default = defaults.get(f"{prefix}_initializer", _USUAL.get(prefix))
        if value is not None and initializer_name(value) != initializer_name(default):
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
        _check_places(rule)
    if init:
        settings["init"] = as_expr(init)
    if regularize:
        settings["regularize"] = as_expr(regularize)
    if constrain:
        settings["constrain"] = as_expr(constrain)
    if use.frozen is not False and not is_stateless(rule):
        settings["trainable"] = code(negated(use.frozen))
    return settings


def _check_places(rule: Layer) -> None:
    """Raise RuleError for code on the kernel that counts on the order of its rows, where PyTorch has another one."""
    for setting in ("kernel_regularizer", "kernel_constraint"):
        value = getattr(rule, setting, None)
        if isinstance(value, WeightCode) and value.by_place:
            raise RuleError("KT203", f"a {setting} that hangs on the order of a flattened picture")


def _of_settings(tensor: Tensor) -> Expr:
    """The expression of a tensor that no input goes into. Raises RuleError where one does."""
    node = tensor.node
    if isinstance(node, ArrayNode):
        return as_buffer(code(node.value), tensor.dtype)
    if not isinstance(node, OpNode):
        raise RuleError("KT203", "a weight that starts as more than settings tell")
    device = {"device": OMIT} if node.device else {}
    made: Expr = node.render(*map(_of_settings, node.inputs), **device)
    return made


def as_buffer(said: Expr, dtype: str) -> Expr:
    """NumPy's array as a tensor: floats in the type of the model."""
    floats = dtype.startswith("float")
    of_type = torch.get_default_dtype() if floats else Expr(f"torch.{dtype}")
    return torch.as_tensor(said, dtype=of_type)


def weight_lines(node: WeightNode, attribute: str) -> list[str]:
    """The statements that make a weight of a layer's own, with its penalty and its limit."""
    tensor = node.outputs[0]
    is_array = isinstance(node.initializer, Sym) and not says_setting(node.initializer)
    value = node.initializer if is_array else None
    if value is not None and not (tensor.dtype.startswith("float") and not node.use.frozen):
        made = as_buffer(code(value), tensor.dtype)
        return [f"self.register_buffer({attribute!r}, {made})"]
    if not tensor.dtype.startswith("float"):
        empty = Expr("torch.zeros")(
            as_expr(tuple(tensor.shape)), dtype=Expr(f"torch.{tensor.dtype}")
        )
        return [f"self.register_buffer({attribute!r}, {empty})"]
    start = "glorot_uniform" if node.initializer is None else node.initializer
    options = {"trainable": False} if node.use.frozen else {}
    first = None if value is None else as_buffer(code(value), tensor.dtype)
    if isinstance(start, Tensor):
        first = _of_settings(start)
    if first is not None:
        made = Expr("nn.Parameter")(first, **({"requires_grad": False} if options else {}))
    else:
        made = Expr("keras_weight")(initializer(start), *tensor.shape, **options)
    lines = [f"self.{attribute} = {made}"]
    more: dict[str, Any] = {}
    if node.regularizer is not None:
        more["regularize"] = as_expr({attribute: regularizer(node.regularizer)})
    if node.constraint is not None:
        more["constrain"] = as_expr({attribute: constraint(node.constraint, None, attribute)})
    return [*lines, str(Expr("like_keras")(Expr("self"), **more))] if more else lines
