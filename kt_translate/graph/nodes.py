"""The nodes that carry structure: modules, calls of the user's functions, conditions and loops that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.lists import Collected, Element
from kt_translate.graph.region import CURRENT, Node, OpNode, Region
from kt_translate.graph.sym import Sym, Symbol, known, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.layer import Layer
from kt_translate.pytorch.expr import Expr

ORDER = count()  # of modules, loops and conditions, as the source makes them


@dataclass(eq=False, repr=False)
class ModuleUse:
    """One torch module to be: a layer, or an instance of a generated class. Used again, it is shared."""

    kind: str  # its automatic name: conv2d, or the class's in snake case
    keras_name: Any = (
        None  # the name that the source gives it (a string or Sym), None for Keras's own
    )
    hint: str | None = None  # the variable or attribute that holds it
    frozen: Any = False  # True, or the condition on settings under which it is
    mode: Any = None  # training=True, False or a setting, passed by hand
    line: int = 0
    comment: str = ""
    order: int = field(default_factory=lambda: next(ORDER))  # in which the source makes them
    region: Region | None = None  # in which the source makes it
    changed: bool = False  # since it was called: other than what makes the model says
    part_of: ModuleUse | None = None  # the layer whose activation or penalty it is
    wraps: ModuleUse | None = None  # what TimeDistributed is around
    in_place: bool = False  # a layer of the source whose code is written where it is called


@dataclass(eq=False, repr=False)
class LayerNode(Node):
    """A layer called on tensors."""

    rule: Layer = None  # type: ignore[assignment]
    use: ModuleUse = None  # type: ignore[assignment]
    options: dict[str, Any] = field(default_factory=dict)
    entered: list[Tensor | None] | None = None  # the masks of the inputs, where these lose them

    def makes_module(self) -> bool:
        """Whether the layer becomes an attribute of the class (and not a function in `forward`)."""
        return self.rule.module(*self.seen()) is not None

    def seen(self) -> list[Tensor]:
        """What the layer is called on, in the layouts that it wants. Raises RuleError where it takes fewer tensors."""
        wants = self.rule.wants(*self.inputs)
        if len(wants) != len(self.inputs):
            kind = type(self.rule).__name__
            raise RuleError("KT204", f"{kind} takes {len(wants)}, and is given {len(self.inputs)}")
        return [t.seen_in(w) for t, w in zip(self.inputs, wants, strict=True)]

    def arguments(self) -> Iterator[Tensor]:
        """What the layer is called on, states given by keyword included."""
        yield from self.inputs
        yield from tensors_in(list(self.options.values()))

    def masks(self) -> list[Tensor | None]:
        """The masks that come with the inputs, as far as the layer heeds them: not where it is given others."""
        heeds = self.rule.heeds and self.options.get("mask") is None
        masks = self.entered or [t.mask for t in self.inputs]
        return [m if heeds else None for m in masks]

    def uses(self) -> Iterator[Tensor]:
        yield from self.arguments()
        yield from (mask for mask in self.masks() if mask is not None)


@dataclass(eq=False, repr=False)
class ReadNode(LayerNode):
    """A weight of a layer, read: ``read`` says it in Keras's order of axes, of the layer's module."""

    called_on: list[Tensor] = field(default_factory=list)  # in a call, maybe elsewhere
    read: Callable[[Any], Any] = lambda module: module

    def seen(self) -> list[Tensor]:
        wants = self.rule.wants(*self.called_on)
        return [t.seen_in(w) for t, w in zip(self.called_on, wants, strict=True)]


@dataclass(eq=False, repr=False)
class WeightNode(Node):
    """A weight of a layer of the source's own (``add_weight``)."""

    use: ModuleUse = None  # type: ignore[assignment]
    initializer: Any = None
    regularizer: Any = None
    constraint: Any = None


@dataclass(eq=False, repr=False)
class Param:
    """A constructor parameter of a generated class."""

    symbol: Symbol
    default: str | None = None  # source text
    annotation: str | None = None
    keyword_only: bool = False
    source: str | None = None  # where the value comes from, for the docstring
    gathers: bool = False  # what a function takes as ``**params``: one dict for its class
    instead: Expr | None = None  # the object that is taken where it is None


@dataclass(eq=False, repr=False)
class Plan:
    """A class to be generated: what is built in `region` between `inputs` and `result`."""

    name: str
    kind: str  # "function", "model", "sequential", "loop", "layer"; "handed": no class is written of it
    region: Region
    inputs: list[Tensor]
    result: Any = None  # nested structure of tensors
    params: list[Param] = field(default_factory=list)
    container: str | None = None  # the Keras kind that the class stands for as a whole, if it does
    title: str = ""  # what the docstring says it is
    made_by: str | None = None  # the function that makes several of its kind
    line: int = 0
    demands: list[tuple[Any, Any]] = field(
        default_factory=list
    )  # (expression, value taken for granted)
    numbers: dict[Symbol, str] = field(default_factory=dict)  # symbol -> parameter of the source
    keep_signature: bool = False  # a factory: every parameter of the source's function stays
    exposed: dict[str, Any] = field(default_factory=dict)  # sizes that its user must read off it
    inline: bool = False  # a Sequential that a class has in it: written where it is made
    gap: bool = False  # something of it is not translated
    docstring: str = ""  # of what becomes the class
    made: int = 0  # the line of the source that makes it, where the class comes from another file
    frozen: bool = False  # as a whole
    covered: bool = False  # part of a class that is frozen as a whole
    file: str | None = None  # the file that it comes from, if that is not the source itself
    modules: dict[str, Any] = field(
        default_factory=dict
    )  # parameters that are layers or models: their values here
    held: dict[int, str] = field(
        default_factory=dict
    )  # the attributes that hold modules, by the id of their use
    kept: list[tuple[str, Any]] = field(
        default_factory=list
    )  # attributes with models that `forward` does not call
    factory: str | None = None  # what makes the one model of this class, in the output
    asked: list[Symbol] = field(default_factory=list)  # sizes that `forward` is handed with them
    beside: Any = None  # `result` and the sizes that who calls has beside its tensors
    masks: list[int] = field(default_factory=list)  # which of the inputs' masks are inputs too
    handed: set[Symbol] = field(default_factory=set)  # of its user, that its parts speak of
    fewer: dict[tuple[int, ...], Plan] = field(
        default_factory=dict
    )  # of a function: the same with some of its results, by their places
    passing: dict[int, int] = field(
        default_factory=dict
    )  # ids of the masks that come in: their places
    masking: bool = False  # Keras is told that the layer hands on masks
    unmasked: list[int] = field(default_factory=list)  # inputs that lose their masks
    first: dict[Symbol, tuple[int, int]] = field(
        default_factory=dict
    )  # sizes that its layers keep of their first call: of which input, along which axis
    same: list[tuple[int, int]] = field(default_factory=list)  # those that each call has alike
    holds_itself: bool = False  # a function that calls itself
    masked: dict[Any, Plan] = field(default_factory=dict)  # a model's, that take masks of inputs

    @property
    def symbols(self) -> set[Symbol]:
        return {p.symbol for p in self.params}

    @property
    def open_sizes(self) -> list[Param]:
        """The sizes among the parameters that only data tells."""
        return [p for p in self.params if p.symbol.kind == "data"]


@dataclass(eq=False, repr=False)
class CallNode(Node):
    """An instance of a generated class, called on tensors. `args` says what each of its symbols is here."""

    plan: Plan = None  # type: ignore[assignment]
    use: ModuleUse = None  # type: ignore[assignment]
    args: dict[Symbol, Any] = field(default_factory=dict)
    over: Callable[..., Any] | None = (
        None  # over(module, *inputs): the call of what applies it to every step of (N, L, ...)
    )
    itself: bool = False  # of the class in which it stands
    read: Symbol | None = None  # the channels of its result, which its class has as an attribute


def two_ways(name: str) -> tuple[str, str]:
    """What is said of a layer that one class cannot stand for, and what helps."""
    said = f"{name} is called in two ways that one class cannot have"
    return said, "make two layers of it, or two methods"


@dataclass(eq=False, repr=False)
class IfNode(Node):
    """A condition on settings that is kept. Each output is one of two tensors, each made in a branch or before."""

    test: Any = None
    then: Region = field(default_factory=Region)
    orelse: Region = field(default_factory=Region)
    joined: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    order: int = 0
    entered: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    """Inputs of the model, each with those that the branches make and read in its place."""

    def uses(self) -> Iterator[Tensor]:
        yield from (t for _, a, b in self.joined for t in (a, b))
        for region in (self.then, self.orelse):
            yield from (t for node in region.nodes for t in node.uses())


@dataclass(eq=False, repr=False)
class Carried:
    """What a loop hands from turn to turn: a tensor or a number. `entering` stands for it within the body."""

    before: Any
    entering: Any
    leaving: Any
    after: Any


@dataclass(eq=False, repr=False)
class Held:
    """The layer that a turn of a loop takes of a list of layers."""

    use: ModuleUse
    name: str  # of the list
    variable: str  # that holds the layer
    order: int  # of the list among what the source makes
    place: Symbol | None = None  # of the layer in the list, where the turn reads it


@dataclass(eq=False, repr=False)
class LoopNode(Node):
    """A loop over settings that is kept: one general turn."""

    targets: Any = None  # a nest of Symbols, as the source has it
    iterable: Any = None
    body: Region = field(default_factory=Region)
    tensors: list[Carried] = field(default_factory=list)
    sizes: list[Carried] = field(default_factory=list)  # of Symbols
    order: int = 0
    comment: str = ""
    file: str | None = None  # where the loop stands, if that is not the source itself
    name: str | None = None  # the attribute that holds the layers of its turns, in the source
    lists: list[Collected] = field(default_factory=list)  # that the turns fill
    elements: list[Element] = field(default_factory=list)  # of lists, that the turns take
    running: bool = False  # it makes nothing, and is a loop of ``forward`` alone
    left: list[Carried] = field(default_factory=list)  # of its last turn then, that no turn takes
    held: list[Held] = field(default_factory=list)  # all that it makes, if it is one of ``forward``
    taken: list[Any] = field(default_factory=list)  # the lists of layers that its turns take of
    statement: Any = None  # of the source

    def uses(self) -> Iterator[Tensor]:
        yield from (c.before for c in self.tensors)
        yield from (t for c in self.lists for t in c.before)
        yield from (e.source.tensors for e in self.elements)
        own = {id(c.entering) for c in self.tensors} | {id(e.tensor) for e in self.elements}
        own |= made_in(self.body.nodes)
        yield from (t for node in self.body.nodes for t in node.uses() if id(t) not in own)


def made_in(nodes: list[Node]) -> set[int]:
    """The ids of the tensors that nodes make, within conditions and loops too."""
    made = {id(t) for node in nodes for t in node.outputs}
    for node in nodes:
        if isinstance(node, IfNode):
            made |= made_in(node.then.nodes) | made_in(node.orelse.nodes)
        elif isinstance(node, LoopNode):
            made |= made_in(node.body.nodes) | {id(c.entering) for c in node.tensors}
            made |= {id(e.tensor) for e in node.elements}
    return made


@dataclass(eq=False, repr=False)
class SizeNode(Node):
    """A setting that gets a name on the way: ``head_size = units // num_heads``."""

    symbol: Symbol = None  # type: ignore[assignment]
    order: int = 0
    in_build: bool = False  # of the sizes of a layer's first call


@dataclass(eq=False, repr=False)
class CheckNode(Node):
    """The source raises where this holds."""

    test: Any = None
    raises: str = ""  # the exception, as the source makes it
    order: int = 0


def named(value: Any, name: str, in_build: bool = False) -> Any:
    """The value under a name of its own in the code to be: a variable of ``__init__``."""
    if any(s.name == name and s.kind != "local" for s in symbols_in(value)):
        name += "_"
    symbol = Symbol(name, known(value), "local", value)
    CURRENT[-1].add(SizeNode([], [], 0, symbol, next(ORDER), in_build))
    return Sym.of(symbol)


def named_in(nodes: list[Node]) -> Iterator[Symbol]:
    """The settings that get a name among the nodes, within conditions and loops too."""
    for node in nodes:
        if isinstance(node, SizeNode):
            yield node.symbol
        else:
            yield from named_deeper([node])


def named_deeper(nodes: list[Node]) -> Iterator[Symbol]:
    """Those that get a name within conditions and loops: outside, nothing knows them by it."""
    for node in nodes:
        if isinstance(node, IfNode):
            yield from named_in(node.then.nodes + node.orelse.nodes)
        elif isinstance(node, LoopNode):
            yield from named_in(node.body.nodes)


__all__ = [
    "ORDER",
    "CallNode",
    "Carried",
    "CheckNode",
    "Held",
    "IfNode",
    "LayerNode",
    "LoopNode",
    "ModuleUse",
    "Node",
    "OpNode",
    "Param",
    "Plan",
    "ReadNode",
    "Region",
    "SizeNode",
    "Sym",
    "WeightNode",
    "made_in",
    "named",
    "named_deeper",
    "named_in",
    "two_ways",
]
