"""The modules of a class: how they are called, and what makes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.conditions import answered, negated
from kt_translate.graph.nodes import (
    ORDER,
    CallNode,
    IfNode,
    LayerNode,
    LoopNode,
    ModuleUse,
    Param,
    Plan,
    WeightNode,
    two_ways,
)
from kt_translate.graph.objects import lazily
from kt_translate.graph.region import Node
from kt_translate.graph.sym import Sym, Symbol, code, known, substitute
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.rnn_settings import is_stateless
from kt_translate.lower.blocks import Block, indented
from kt_translate.lower.chains import Chain, constructors
from kt_translate.lower.names import attribute_name
from kt_translate.lower.scope import ClassScope
from kt_translate.lower.settings import like_keras, weight_lines
from kt_translate.pytorch.expr import Expr, as_expr

FEW = 3  # layers that one condition freezes: each says so where it is made


class Modules(ClassScope):
    """Makes the attributes of the class."""

    def constructor(
        self, node: LayerNode, tensors: list[Tensor], standalone: bool = False
    ) -> Expr | None:
        """What makes the layer's module. ``standalone``: one that does the whole call, without an attribute's name."""
        with self.telling(), self.spelling(in_forward=False):
            made = node.rule.standalone(*tensors) if standalone else node.rule.module(*tensors)
            if made is None:
                return None
            settings = like_keras(node.rule, node.use, tensors)
            if self.plan.frozen or self.plan.covered or node.use is self.frozen_apart:
                settings.pop("trainable", None)
            self.code.regularized |= "regularize" in settings
            self.code.constrained |= "constrain" in settings
            name = node.use.keras_name
            matters = not standalone or any(True for _ in node.rule.parameters())
            told = not standalone and self.module_names.get(id(node.use)) == name
            if name is not None and matters and not (told and not _automatic(name)):
                settings = {"name": name, **settings}
            return Expr(str(Expr("like_keras")(made, **settings))) if settings else made

    def name_of(self, use: ModuleUse) -> str:
        held = self.plan.held.get(id(use))
        return attribute_name(held or use.keras_name or use.hint, use.kind)

    def _module(self, use: ModuleUse, construct: Any) -> Expr:
        if id(use) not in self.modules:
            given = next((n for n, v in self.plan.modules.items() if v.use is use), None)
            before, self.frozen_apart = self.frozen_apart, self._freezes_apart(use)
            made = construct() if given is None else self._given(given, use)
            apart, self.frozen_apart = self.frozen_apart, before
            if made is None:
                return Expr("None")
            attribute = self.module_names[id(use)]
            if apart is not None:
                self.freezes.setdefault(str(self.said(use.frozen)), []).append(attribute)
            self.modules[id(use)] = Expr(f"self.{attribute}")
            lines = [*use.comment.splitlines(), f"self.{attribute} = {made}"]
            self._home(use).add(use.order, self._where_called(use, lines))
            if use.mode is not None:
                self._keep_mode(attribute, use.mode)
        return self.modules[id(use)]

    def _keep_mode(self, attribute: str, mode: Any) -> None:
        """What the source calls with ``training=`` stays in that mode, where it is made at all."""
        with self.spelling(in_forward=True):
            tests = list(self.holds)
            if isinstance(mode, Sym) and mode.value is None:
                tests.append(Sym.binary("is not", mode, None))
            test = reduce(lambda a, b: Sym.binary("and", a, b), tests) if tests else None
            condition = "" if test is None else str(code(test))
            call = Expr(f"self.{attribute}.train")
            plain = {True: call(), False: Expr(f"self.{attribute}.eval")()}
            said = call(code(mode)) if isinstance(mode, Sym) else plain[mode]
        self.code.modes.setdefault(condition, []).append(str(said))

    def _freezes_apart(self, use: ModuleUse) -> ModuleUse | None:
        """The module, if it is frozen together with many others, under one condition, once all are made."""
        alone = self._home(use) is self.blocks[self.plan.region.key]
        asked = isinstance(use.frozen, Sym) and self.conditional > FEW and id(use) in self.weighty
        return use if asked and alone and self._where_called(use, [""]) == [""] else None

    def count_frozen(self, nodes: list[Node]) -> None:
        """Look at what is frozen under conditions."""
        called = {id(n.use): n for n in nodes if isinstance(n, (CallNode, LayerNode))}
        weighty = {i: n for i, n in called.items() if not _is_weightless(n)}
        self.weighty = set(weighty)
        self.conditional = sum(isinstance(n.use.frozen, Sym) for n in weighty.values())

    def freeze(self) -> None:
        """What many layers have in common: the condition under which they are frozen."""
        for condition, attributes in self.freezes.items():
            parts = ", ".join(f"self.{name}" for name in attributes)
            parts += "," if len(attributes) == 1 else ""
            loop = [f"for part in ({parts}):", "    like_keras(part, trainable=False)"]
            self.block.add(next(ORDER), [f"if {condition}:", *indented(loop)])

    def _given(self, name: str, use: ModuleUse) -> Expr:
        """A module among the arguments."""
        if use.frozen is False:
            return Expr(name)
        return Expr("like_keras")(Expr(name), trainable=self.said(negated(use.frozen)))

    def _weight(self, node: WeightNode) -> None:
        """A weight of the class's own: its variable in forward is the attribute."""
        tensor = node.outputs[0]
        attribute = self.module_names[id(node.use)]
        with self.spelling(in_forward=False):
            lines = weight_lines(node, attribute)
        self.code.regularized |= node.regularizer is not None
        self.code.constrained |= node.constraint is not None
        self._home(node.use).add(node.use.order, lines)
        self.variables[id(tensor)] = (f"self.{attribute}", tensor.layout)

    def _where_called(self, use: ModuleUse, lines: list[str]) -> list[str]:
        """The statements that make a module, under the conditions under which it is called: else Keras leaves it out."""
        if self._made_in(use) not in self.blocks:
            return lines  # they are put into the branch at hand
        home = self.holds_in.get(self._made_in(use), [])
        made = [(test, True) for test in home]
        others = [test for test in self.holds if answered(test, made) is None]
        if not others or id(use) in self.shared:
            return lines
        test = reduce(lambda a, b: Sym.binary("and", a, b), others)
        return [f"if {self.said(test)}:", *indented(lines)]

    def _home(self, use: ModuleUse) -> Block:
        """The statements among which the source makes a module."""
        return self.blocks.get(self._made_in(use)) or self.block

    def _made_in(self, use: ModuleUse) -> object:
        """The key of the region in which a module is made."""
        made_in = use.region.home if use.region is not None else None
        return self.placed.get(id(use), made_in)

    def check_alike(self, node: CallNode) -> None:
        """Raise RuleError where a module is called in a way that its class, made for another, does not have."""
        first = self.called.setdefault(id(node.use), node)
        made = self.classes(node.plan)
        sizes = [s for s in node.args if s.kind == "dim" and s.name in made.used_parameters]
        pairs = [(known(first.args.get(s)), known(node.args[s])) for s in sizes]
        others = any(a != b for a, b in pairs if isinstance(a, int) and isinstance(b, int))
        if others or self.classes(first.plan).name != made.name:
            error = RuleError("KT302", *two_ways(node.plan.name))
            error.where = (self.plan.file, node.use.line)
            raise error

    def instance(self, node: CallNode) -> Expr:
        """What makes the instance of a generated class."""
        made = self.classes(node.plan)
        self.code.gap |= made.gap
        self.take_open_sizes(node.plan.symbols)
        with self.telling(), self.spelling(in_forward=False):
            given = {
                p.symbol.name: node.args.get(p.symbol, Sym.of(p.symbol))
                for p in node.plan.params
                if p.symbol.name in made.used_parameters
                and p.symbol.kind not in ("module", "fixed")
            }
            for name, value in node.plan.modules.items():
                module = self.module(value, node)
                if module is not None:
                    given[name] = module
            defaults = {p.symbol.name: p.default for p in node.plan.params}
            said = {n: as_expr(v) for n, v in given.items()}
            by_name = node.plan.kind == "layer"
            sizes = (
                []
                if by_name
                else [said[n] for n in made.used_parameters if n in sizes_of(node.plan)]
            )
            named = {
                p.symbol.name: said[p.symbol.name]
                for p in node.plan.params
                if (by_name or p.symbol.kind != "dim") and p.symbol.name in said
            }
            named = {n: e for n, e in named.items() if lazily(given[n]) != defaults[n]}
            instance = Expr(made.name)(*sizes, **named)
            covered = node.plan.frozen or self.plan.frozen or self.plan.covered
            if node.use.frozen is not False and not covered and node.use is not self.frozen_apart:
                return Expr("like_keras")(instance, trainable=code(negated(node.use.frozen)))
            return instance

    def take_open_sizes(self, found: Iterable[Symbol]) -> None:
        """Make parameters of the sizes that only data tells."""
        told = self.plan.symbols
        self.plan.params += [
            Param(s, None, "int", keyword_only=True)
            for s in found
            if s.kind == "data" and s not in told
        ]

    def module(self, value: Any, within: CallNode) -> Expr | None:
        """What makes a layer or model that ``within`` is given as an argument; None where nothing tells its sizes."""
        if id(value.use) in self.modules:  # which this class calls as well
            return self.modules[id(value.use)]
        for name, given in self.plan.modules.items():
            if given.use is value.use:
                return Expr(name)
        known_as = getattr(getattr(value, "plan", value), "factory", None)
        if known_as is not None:
            return Expr(known_as)()
        node = node_of(within.plan.region.nodes, value.use)
        if isinstance(node, LayerNode):
            sized = [
                replace(t, shape=tuple(substitute(d, within.args) for d in t.shape))
                for t in node.seen()
            ]
            return self.constructor(node, sized)
        if isinstance(node, CallNode):
            own = {s: substitute(v, within.args) for s, v in node.args.items()}
            return self.instance(replace(node, args=within.args | own))
        if getattr(value, "outputs", None) is not None:
            return self.instance(CallNode([], [], 0, value.plan, value.use))
        return None

    def sequence(self, chain: Chain, use: ModuleUse) -> Expr:
        """A chain of modules in a Sequential of its own."""
        made = Expr("nn.Sequential")(*constructors(self, chain.plain()))
        return Expr("like_keras")(made, name=use.keras_name) if use.keras_name is not None else made


def _automatic(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9_]+?(_\d+)?", name) is not None and bool(re.search(r"_\d+$", name))


def node_of(nodes: list[Node], use: ModuleUse) -> Node | None:
    """The first call of a module."""
    for node in nodes:
        inner: list[Node] = []
        if isinstance(node, IfNode):
            inner = node.then.nodes + node.orelse.nodes
        elif isinstance(node, LoopNode):
            inner = node.body.nodes
        elif getattr(node, "use", None) is use:
            return node
        found = node_of(inner, use)
        if found is not None:
            return found
    return None


def sizes_of(plan: Plan, kind: str = "dim") -> set[str]:
    """The parameters that stand for sizes of the inputs, or of data."""
    return {p.symbol.name for p in plan.params if p.symbol.kind == kind}


def _is_weightless(node: CallNode | LayerNode) -> bool:
    return isinstance(node, LayerNode) and is_stateless(node.rule)
