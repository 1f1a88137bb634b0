"""The nodes that carry structure: modules, calls of the user's functions, conditions and loops that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kt_translate.graph.region import Node, OpNode, Region
from kt_translate.graph.sym import Sym, Symbol
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import Layer


@dataclass(eq=False)
class ModuleUse:
    """One torch module to be: a layer, or an instance of a generated class. Used again, it is shared."""

    kind: str  # its automatic name: conv2d, or the class's in snake case
    keras_name: Any = (
        None  # the name that the source gives it (a string or Sym), None for Keras's own
    )
    hint: str | None = None  # the variable or attribute that holds it
    frozen: bool = False
    mode: bool | None = None  # training=True or False, passed by hand
    line: int = 0
    comment: str = ""
    order: int = field(default_factory=count().__next__)  # in which the source makes them


@dataclass(eq=False)
class LayerNode(Node):
    """A layer called on tensors."""

    rule: Layer = None  # type: ignore[assignment]
    use: ModuleUse = None  # type: ignore[assignment]
    options: dict[str, Any] = field(default_factory=dict)

    def uses(self) -> Iterator[Tensor]:
        yield from self.inputs
        yield from (t.mask for t in self.inputs if t.mask is not None)
        yield from (v for v in self.options.values() if isinstance(v, Tensor))
        for value in self.options.values():
            if isinstance(value, (list, tuple)):
                yield from (v for v in value if isinstance(v, Tensor))


@dataclass(eq=False)
class Param:
    """A constructor parameter of a generated class."""

    symbol: Symbol
    default: str | None = None  # source text
    annotation: str | None = None
    keyword_only: bool = False
    source: str | None = None  # where the value comes from, for the docstring


@dataclass(eq=False)
class Plan:
    """A class to be generated: what is built in `region` between `inputs` and `result`."""

    name: str
    kind: str  # "function", "model", "sequential", "loop", "layer"
    region: Region
    inputs: list[Tensor]
    result: Any = None  # nested structure of tensors
    params: list[Param] = field(default_factory=list)
    container: str | None = None  # the Keras kind that the class stands for as a whole, if it does
    title: str = ""  # what the docstring says it is
    line: int = 0
    dims: dict[Symbol, tuple[int, int]] = field(
        default_factory=dict
    )  # symbol -> (input, axis) it is read from
    demands: list[tuple[Any, Any]] = field(default_factory=list)  # what had to be taken as given
    captured: dict[Symbol, Any] = field(default_factory=dict)
    input_names: list[str] = field(default_factory=list)
    keep_signature: bool = False  # a factory: every parameter of the source's function stays
    comment: str = ""
    extras: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def symbols(self) -> set[Symbol]:
        return {p.symbol for p in self.params}


@dataclass(eq=False)
class CallNode(Node):
    """An instance of a generated class, called on tensors. `args` says what each of its symbols is here."""

    plan: Plan = None  # type: ignore[assignment]
    use: ModuleUse = None  # type: ignore[assignment]
    args: dict[Symbol, Any] = field(default_factory=dict)


__all__ = [
    "CallNode",
    "LayerNode",
    "ModuleUse",
    "Node",
    "OpNode",
    "Param",
    "Plan",
    "Region",
    "Sym",
]
