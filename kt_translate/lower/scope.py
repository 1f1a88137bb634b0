"""The names in a class that is being written: its settings in either method, and the variables of ``forward``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.nodes import CallNode, Plan
from kt_translate.graph.region import Node, OpNode
from kt_translate.graph.sym import Sym, Symbol, code, naming, symbols_in
from kt_translate.graph.tensor import Layout, Tensor, to_first, to_last
from kt_translate.layers.layer import RuleError
from kt_translate.lower.blocks import Block, token
from kt_translate.lower.class_code import ClassCode, shown_shape
from kt_translate.lower.names import Names
from kt_translate.lower.symbols import inner_symbols
from kt_translate.pytorch.expr import Expr
from kt_translate.pytorch.library import reserved_names


class ClassScope:
    """What is known by name while a class is written."""

    def __init__(self, plan: Plan, name: str, classes: Callable[[Plan], ClassCode]) -> None:
        self.plan = plan
        self.code = ClassCode(
            name, "", plan.container, attributes=plan.kind == "layer", inputs=plan.inputs
        )
        self.classes = classes
        self.nodes: list[Node] = []  # those that its results need
        self.placed: dict[int, object] = (
            {}
        )  # modules that conditions have taken into regions of theirs
        self.attributes = Names({"forward", "logits", "training"})
        self.modules: dict[int, Expr] = {}
        self.weighty: set[int] = set()  # the modules that have weights
        self.conditional = 0  # how many of them conditions freeze
        self.frozen_apart: Any = None  # the module at hand, if that is said afterwards
        self.freezes: dict[str, list[str]] = {}  # what each condition freezes then
        self.called: dict[int, CallNode] = {}  # the first call of each module, by its use
        self.variables: dict[int, tuple[str, Layout]] = {}
        self.last_use: dict[int, int] = {}
        self.steps: dict[int, int] = {}
        self.step = 0
        self.owner: dict[str, int] = {}
        self.module_names: dict[int, str] = {}
        # where what is made now goes: of __init__, or of a loop or condition in it
        self.block = Block(by_attribute=plan.kind == "layer")
        self.blocks: dict[object, Block] = {plan.region.key: self.block}
        self.holds: list[Sym] = []  # the conditions of the branches around what is written
        self.holds_in: dict[object, list[Sym]] = {}  # of each branch, by its region's key
        self.shared: set[int] = set()  # modules called at several places, or there in any case
        self.flattened: dict[int, Any] = {}  # of each module, what its input was flattened from
        self.in_order: set[int] = set()  # the flattened pictures that are in Keras's order
        self.variables_of_inputs: list[str] = []
        self.carried: list[tuple[Symbol, str]] = []  # with how they were spelled before
        self.of_calls: list[Symbol] = []  # sizes that each call has for itself
        self.tokens: dict[str, str] = (
            {}
        )  # of the sizes that loops carry: token -> the name it asks for

    # -- symbols --------------------------------------------------------------------------------
    @contextmanager
    def spelling(self, in_forward: bool) -> Iterator[None]:
        """Within, symbols are spelled as they are in ``forward``, or in ``__init__``."""
        before = [(p.symbol, p.symbol.spelled) for p in self.plan.params]
        for param in self.plan.params:
            name = param.symbol.name
            param.symbol.spelled = f"self.θ{name}" if in_forward else name
        try:
            yield
        finally:
            for symbol, spelled in before:
                symbol.spelled = spelled

    def said(self, value: Any) -> Expr:
        """A setting, as ``__init__`` says it. Raises RuleError for one that only another class knows."""
        self._check_known(symbols_in(value))
        with self.spelling(in_forward=False):
            return code(value)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Within, settings are said.

        Raises LeftOpen for one that only a loop of another class tells: once unrolled, that is said in plain sizes.
        """
        with naming() as named:
            yield
        unknown = [s for s in named if self._is_of_another(s)]
        if unknown and all(s.left_by is not None for s in unknown):
            raise LeftOpen([s.left_by for s in unknown], everywhere=True)
        self._check_known(unknown)

    def _check_known(self, symbols: Iterable[Symbol]) -> None:
        for symbol in filter(self._is_of_another, symbols):
            raise RuleError("KT302", f"the size {symbol.name} is known within a loop only")

    def _is_of_another(self, symbol: Symbol) -> bool:
        """Whether a size is one that a loop of another class carries."""
        if symbol.kind != "carried" or symbol.spelled != symbol.name:
            return False
        own = {p.symbol for p in self.plan.params} | inner_symbols(self.plan.region.nodes)
        return symbol not in own

    def carry(self, symbols: list[Symbol], name: str) -> str:
        """A token for a size that a loop carries."""
        made = token(len(self.tokens))
        self.tokens[made] = name
        for symbol in symbols:
            self.carried.append((symbol, symbol.spelled))
            symbol.spelled = made
        return made

    # -- variables ------------------------------------------------------------------------------
    def read(self, tensor: Tensor, layout: Layout) -> Expr:
        """The tensor's variable, permuted where another layout is wanted."""
        if id(tensor) not in self.variables:
            raise RuleError("KT302", "a tensor from outside the model is used in it")
        name, have = self.variables[id(tensor)]
        x = Expr(name)
        if layout in (Layout.KEEP, have) or tensor.rank < 3:
            return x
        if tensor.rank == 3:
            return x.transpose(1, 2)
        return x.permute(
            *(to_last(tensor.rank) if layout is Layout.LAST else to_first(tensor.rank))
        )

    def is_free(self, name: str) -> bool:
        """Whether what a variable holds is not needed any more."""
        return name not in self.owner or self.last_use.get(self.owner[name], -1) <= self.step

    def free_name(self, tensor: Tensor) -> str:
        """The source's name for the tensor, numbered where its holder is still needed."""
        is_mask = isinstance(tensor.node, OpNode) and tensor.node.label == "mask"
        usual = "mask" if is_mask else "n" if "number" in tensor.facts else "x"
        name = tensor.name or usual
        return self.free(f"{name}_" if name in reserved_names() else name)

    def free(self, name: str) -> str:
        """The name, numbered where what has it is still needed."""
        candidate, n = name, 1
        while not self.is_free(candidate):
            n += 1
            candidate = f"{name}_{n}"
        return candidate

    def variable(self, tensor: Tensor) -> str:
        name = self.free_name(tensor)
        self.owner[name] = id(tensor)
        self.variables[id(tensor)] = (name, tensor.layout)
        return name

    def targets(self, tensors: list[Tensor]) -> str:
        """The variables of what one call gives: ``x, _, state``, where the second has no name and no use."""
        named = (t.name is not None or id(t) in self.last_use for t in tensors)
        return ", ".join(
            self.variable(t) if n else "_" for t, n in zip(tensors, named, strict=True)
        )

    def assign(self, tensor: Tensor, value: Expr, module: bool = False) -> None:
        text = str(value)
        previous = self.code.body[-1] if self.code.body else ""
        merged = _merge(previous, text)
        name = self.variable(tensor)
        if merged is not None and previous.split(" = ")[0] == name:
            self.code.body.pop()
            text, module = merged, module or "  # (" in previous
        shape = self._shape(tensor) if module else ""
        self.code.body.append(f"{name} = {text}{shape}")

    def _shape(self, tensor: Tensor) -> str:
        """A comment on the sizes of a tensor, where they can be said."""
        if tensor.rank < 3:
            return ""
        with self.spelling(in_forward=False):
            said = ", ".join(shown_shape(tensor))
        return "" if "κ" in said else f"  # ({said})"

    def ordered(self, tensor: Tensor, layout: Layout) -> Expr:
        """The tensor for a reader that counts on Keras's order of a flattened picture."""
        x = self.read(tensor, layout)
        if tensor.flattened is None or id(tensor) in self.in_order:
            return x
        if sum(d is None for d in tensor.flattened) > 1:
            raise RuleError("KT303", "a picture of unknown size is flattened here")
        sizes = tuple(-1 if d is None else d for d in tensor.flattened)
        return x.unflatten(1, sizes).movedim(1, -1).flatten(1)


def _merge(previous: str, text: str) -> str | None:
    """``x = self.conv(x)`` and then ``F.relu(x)``: one line, if it stays short."""
    match = re.fullmatch(r"(\w+) = (self\.\w+\(.*\)|F\.relu\(.*\))", previous.partition("  # ")[0])
    if match is None:
        return None
    name, inner = match.groups()
    pattern = re.fullmatch(rf"((?:F|self|torch)\.\w+)\({name}((?:, [^()]*)?)\)", text)
    if pattern is None or len(inner) + len(text) > 64 or re.search(rf"\b{name}\b", pattern[2]):
        return None
    return f"{pattern[1]}({inner}{pattern[2]})"
