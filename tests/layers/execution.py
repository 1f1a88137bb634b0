"""What a declaration of a layer writes, run in torch."""

from __future__ import annotations

import importlib
import math
import pkgutil
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import kt_translate.layers
import kt_translate.pytorch.support
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known
from kt_translate.graph.tensor import Layout, Tensor, to_first, to_last
from kt_translate.layers.layer import REGISTRY, Call, Expr, Layer, as_expr

TOLERANCE = 1e-9


@cache
def support_units() -> dict[str, Any]:
    """All that the support modules define, by name."""
    units: dict[str, Any] = {}
    for info in pkgutil.iter_modules(kt_translate.pytorch.support.__path__):
        module = importlib.import_module(f"kt_translate.pytorch.support.{info.name}")
        units.update((k, v) for k, v in vars(module).items() if not k.startswith("__"))
    return units


@cache
def load_declarations() -> None:
    """Fill the registry."""
    for info in pkgutil.iter_modules(kt_translate.layers.__path__):
        importlib.import_module(f"kt_translate.layers.{info.name}")


def bind(name: str, kwargs: dict[str, Any], flavour: str = "3") -> Layer:
    """The declaration of a Keras layer; ``args`` in kwargs are positional ones."""
    load_declarations()
    kwargs = dict(kwargs)
    return REGISTRY[name].bind(list(kwargs.pop("args", ())), kwargs, flavour)


# -- symbols --------------------------------------------------------------------------------------
@dataclass
class Symbols:
    """Numbers as a function's parameters: a name, and a value that code cannot rely on."""

    scope: dict[str, Any] = field(default_factory=dict)
    texts: bool = False  # strings and booleans too
    unknown: bool = False  # not even a sample value

    def __call__(self, value: Any, name: str = "p") -> Any:
        kinds = (int, float, str) if self.texts else (int, float)
        if isinstance(value, (tuple, list)):
            return type(value)(self(v, name) for v in value)
        if not isinstance(value, kinds) or (isinstance(value, bool) and not self.texts):
            return value
        symbol = Symbol(f"{name}{len(self.scope)}", UNKNOWN if self.unknown else value)
        self.scope[symbol.name] = value
        return Sym.of(symbol)


# -- torch's side ---------------------------------------------------------------------------------
@dataclass
class Translated:
    """What a declaration gave for one call."""

    rule: Layer
    inputs: list[Tensor]
    outputs: list[Tensor]
    module: str | None
    forward: list[str]
    standalone: str | None
    scope: dict[str, Any]

    def build(self, text: str | None = None) -> nn.Module | None:
        text = text or self.module
        dtype = getattr(torch, keras.config.floatx())
        return None if text is None else eval(text, dict(self.scope)).to(dtype)

    def run(self, module: nn.Module | None, arrays: dict[str, Any]) -> Any:
        scope = {**self.scope, **arrays, "module": module}
        for statement in self.forward[:-1]:
            exec(statement, scope)
        return eval(self.forward[-1], scope)


def node_expr(tensor: Tensor, names: dict[int, Expr]) -> Expr:
    """The expression of a `derived` tensor, down to tensors that have names."""
    if id(tensor) in names:
        return names[id(tensor)]
    node = tensor.node
    assert node is not None, "a tensor that nothing computes"
    return node.render(*(node_expr(t, names) for t in node.inputs))


def translate(
    rule: Layer, tensors: list[Tensor], options: dict[str, Any], scope: dict[str, Any]
) -> Translated:
    outputs = rule.outputs(*tensors, **options)
    heeded = tensors if rule.heeds else []
    masks = [Expr(f"mask{i}") if t.mask is not None else None for i, t in enumerate(heeded)]
    statements: list[str] = []

    def then(expr: Any, comment: str = "") -> Expr:
        variable = Expr(f"v{len(statements)}")
        statements.append(f"{variable} = {as_expr(expr)}" + (f"  # {comment}" if comment else ""))
        return variable

    written = {k: Expr(k) if isinstance(v, Tensor) else v for k, v in options.items()}
    inputs = [Expr(f"x{i}") for i in range(len(tensors))]
    module = rule.module(*tensors)
    call = Call(Expr("module"), inputs, tensors, masks, outputs, written, then)
    result = rule.forward(call)
    alone = rule.standalone(*tensors)
    return Translated(
        rule,
        tensors,
        outputs,
        None if module is None else str(module),
        [*statements, str(result)],
        None if alone is None else str(alone),
        {
            "torch": torch,
            "F": F,
            "nn": nn,
            "math": math,
            "np": np,
            "partial": partial,
            **support_units(),
            **scope,
        },
    )


def to_torch(array: Any, layout: Layout, flattened: tuple[int, ...] | None = None) -> torch.Tensor:
    """From Keras's order to torch's; ``flattened``: (C, *spatial) of a flattened picture."""
    value = torch.from_numpy(np.ascontiguousarray(array))
    if flattened is not None:
        channels, *spatial = flattened
        return value.unflatten(1, (*spatial, channels)).movedim(-1, 1).flatten(1)
    return (
        value.permute(to_first(value.ndim)).contiguous()
        if layout is Layout.FIRST and value.ndim > 2
        else value
    )


def from_torch(
    value: torch.Tensor, layout: Layout, flattened: tuple[int, ...] | None = None
) -> np.ndarray:
    value = value.detach()
    if flattened is not None:
        return value.unflatten(1, flattened).movedim(1, -1).flatten(1).numpy()
    return (
        value.permute(to_last(value.ndim)) if layout is Layout.FIRST and value.ndim > 2 else value
    ).numpy()


def flattened_sizes(
    tensor: Tensor, array: np.ndarray, scope: dict[str, Any]
) -> tuple[int, ...] | None:
    """The sizes in `Tensor.flattened`, open ones from the input itself."""
    if tensor.flattened is None:
        return None
    channels, *spatial = tensor.flattened
    sizes = zip(spatial, array.shape[1:-1], strict=True)
    return (
        size_of(channels, scope) or array.shape[-1],
        *(size_of(n, scope) or m for n, m in sizes),
    )


def size_of(dim: Any, scope: dict[str, Any]) -> int | None:
    """The size that a dimension has in this run."""
    if isinstance(dim, Sym) and known(dim) is UNKNOWN:
        return int(eval(str(dim), dict(scope)))
    return None if dim is None else int(known(dim))


def close(ours: Any, theirs: Any, what: str, tolerance: float = TOLERANCE) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{what}: shape {ours.shape}, Keras has {theirs.shape}"
    scale = (
        max(1.0, float(np.nanmax(np.abs(theirs), initial=0.0))) if theirs.dtype.kind == "f" else 1.0
    )
    np.testing.assert_allclose(
        ours, theirs, rtol=tolerance, atol=tolerance * scale, err_msg=what, equal_nan=True
    )
