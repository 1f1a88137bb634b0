"""Writes one class: modules made in ``__init__``, tensors computed in ``forward``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from kt_translate.graph.arrays import ArrayNode, PutNode
from kt_translate.graph.nodes import (
    ORDER,
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    ReadNode,
    SizeNode,
    WeightNode,
)
from kt_translate.graph.region import Node, OpNode
from kt_translate.graph.sym import code, same
from kt_translate.graph.tensor import Layout, Tensor, ends_of, tensors_in
from kt_translate.layers.layer import Call, RuleError
from kt_translate.lower import control, loops, symbols, turns
from kt_translate.lower.blocks import Block, joined_conditions
from kt_translate.lower.chains import append, chain_of_model
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.flattening import in_keras_order
from kt_translate.lower.last_turns import spared
from kt_translate.lower.liveness import following, has_weights, last_uses, live
from kt_translate.lower.modules import Modules
from kt_translate.lower.names import Names, attribute_name, unreserved
from kt_translate.lower.needs import placed, where_needed
from kt_translate.lower.parameters import write_parameters
from kt_translate.lower.results import keys_of, returned
from kt_translate.pytorch.expr import Expr, as_expr
from kt_translate.pytorch.library import reserved_names


class Writer(Modules):
    """The state of writing one class."""

    def write(self) -> ClassCode:
        outputs = self.code.outputs = tensors_in(self.plan.result)
        every = [t for ends in ends_of(self.plan.result) for t in ends]
        self.code.frozen, self.code.gap = self.plan.frozen, self.plan.gap
        single = isinstance(self.plan.result, Tensor) and outputs[0].logits is not None
        logits = outputs[0] if single else None
        ends = [logits.logits] if logits is not None and logits.logits is not None else outputs
        nodes = live(self.plan.region.nodes, every, self.plan.inputs)
        if self.plan.kind != "layer":  # whose weights Keras makes in any case
            nodes = where_needed(spared(nodes, self.plan.result), self.plan.result)
        self.nodes, self.placed = nodes, placed(nodes, self.plan.region.key)
        if self.plan.kind == "model" and not self.plan.keep_signature:
            told = self.plan.symbols
            free = [p for p in symbols.free_symbols(nodes) if p.symbol not in told]
            named = {p.symbol.name for p in free}
            kept = [p for p in self.plan.params if p.symbol.name not in named]
            self.plan.params = [*kept, *free]
        self.told = symbols.all_symbols(nodes)
        self.take_open_sizes(self.told)
        self.last_use, self.steps = last_uses(nodes, every)
        self.in_order = in_keras_order(nodes, every)
        self._spell_hidden_constants(nodes)
        self._arguments()
        self.count_frozen(nodes)
        idle = self._idle(nodes)
        self._name_modules([*nodes, *idle])
        self._spell_sizes_read(nodes)
        with self.spelling(in_forward=True):
            for node in nodes:
                if logits is None or logits not in node.outputs:
                    self.node(node)
            self._finish(ends, logits)
        for node in idle:
            self._module(node.use, partial(self._made, node))
        self.freeze()
        self._keep()
        for name, value in self.plan.exposed.items():
            attribute = self.code.exposed[name] = self.attributes.fresh(name)
            self.block.add(next(ORDER), [f"self.{attribute} = {self.said(value)}"])
        write_parameters(self)
        self.code.held = dict(self._held(nodes))
        for symbol, spelled in reversed(self.carried):
            symbol.spelled = spelled
        return self.code

    def _idle(self, nodes: list[Node]) -> list[LayerNode | CallNode]:
        """What a layer of the source calls in vain: Keras makes its weights all the same."""
        if self.plan.kind != "layer":
            return []
        used = {id(n.use) for n in nodes if isinstance(n, (CallNode, LayerNode))}
        reached = following(self.plan.region.nodes, self.plan.inputs)
        called = [n for n in reached if isinstance(n, (CallNode, LayerNode))]
        return [
            n
            for n in {id(n.use): n for n in called if id(n.use) not in used}.values()
            if isinstance(n, CallNode) or (n.makes_module() and has_weights(n))
        ]

    def _made(self, node: LayerNode | CallNode) -> Expr | None:
        if isinstance(node, CallNode):
            return self.instance(node)
        return self.constructor(node, node.seen())

    def _held(self, nodes: list[Node]) -> Iterator[tuple[int, str]]:
        """What makes the modules with weights, by its id, and their attributes."""
        for node in nodes:
            key = id(node.body.key) if isinstance(node, LoopNode) and node.body.nodes else 0
            if isinstance(node, CallNode) or (isinstance(node, LayerNode) and has_weights(node)):
                key = id(node.use)
            if key in self.module_names:
                yield key, self.module_names[key]

    def _spell_hidden_constants(self, nodes: list[Node]) -> None:
        """A constant of the module that has the name of a parameter is written as its value."""
        names = {p.symbol.name for p in self.plan.params}
        for symbol in symbols.all_symbols(nodes):
            if symbol.kind == "global":
                self.carried.append((symbol, symbol.spelled))
                symbol.spelled = repr(symbol.value) if symbol.name in names else symbol.name

    def _keep(self) -> None:
        """Models that are kept in attributes and that ``forward`` does not call."""
        for name, model in self.plan.kept:
            if id(model.use) in self.module_names:
                continue
            given = next((n for n, v in self.plan.modules.items() if v is model), None)
            made = (
                Expr(given)
                if given is not None
                else self.module(model, CallNode([], [], 0, self.plan))
            )
            if made is not None:
                attribute = self.attributes.fresh(attribute_name(name, model.use.kind))
                self.block.add(model.use.order, [f"self.{attribute} = {made}"])

    def _finish(self, ends: list[Any], logits: Tensor | None) -> None:
        kinds: list[str] = []
        *lines, last = returned(self, self.plan.result, ends, kinds)
        self.code.body = joined_conditions([*self.code.body, *lines])
        self.code.returns = last.removeprefix("return ")
        self.code.annotation = " | ".join(dict.fromkeys(reversed(kinds)))
        if logits is not None:
            node = logits.node
            source = node.inputs[0] if node is not None else logits
            given = Expr(f"self.logits({', '.join(self.variables_of_inputs)})")
            layout = source.given_layout  # as `logits` gives it
            if isinstance(node, OpNode):
                turned = layout is not source.layout and node.wants[0] is Layout.KEEP
                given = given.transpose(1, 2) if turned and not node.pointwise else given
                made = node.render(given)
                self.code.logits = str(
                    made.transpose(1, 2) if turned and not node.pointwise else made
                )
                return
            assert isinstance(node, LayerNode)
            seen = source.seen_in(layout)
            call = Call(Expr("self"), [given], [seen], [None], node.outputs, {}, _never)
            self.code.logits = str(node.rule.forward(call))

    def _decided(self, name: Any) -> Any:
        """An input's name, where the class takes for granted what its settings call it."""
        held = (value for said, value in self.plan.demands if same(said, name))
        return next(held, name)

    def _arguments(self) -> None:
        names = Names({"self"})
        single = len(self.plan.inputs) - len(self.plan.masks) == 1
        text = []
        for i, tensor in enumerate(self.plan.inputs):
            given = self._decided(tensor.facts.get("input"))
            name = attribute_name(given, "x") if isinstance(given, str) else None
            name = name or ("x" if single and i == 0 else tensor.name or f"input_{i}")
            name = names.fresh(f"{name}_" if name in reserved_names() else name)
            self.variables[id(tensor)] = (name, tensor.layout)
            self.owner[name] = id(tensor)
            text.append(f"{name}: Tensor")
            self.variables_of_inputs.append(name)
        for symbol in self.plan.asked:
            symbol.spelled = names.fresh(symbol.name)
            self.owner[symbol.spelled] = 0
            text.append(f"{symbol.spelled}: int")
        self.code.arguments = ", ".join(text)

    def _name_modules(self, nodes: list[Node]) -> None:
        """Names in the order in which the source makes the layers, which is Keras's for its own names."""
        uses: dict[int, dict[int, str]] = defaultdict(dict)  # several: of one in either branch
        kept = {id(value.use) for _, value in self.plan.kept}
        shared = self.shared = _used_again(nodes) | kept

        def walk(nodes: list[Node]) -> None:
            for node in nodes:
                if isinstance(node, IfNode):
                    self.blocks.update({node.then.key: Block(), node.orelse.key: Block()})
                    name = (
                        None if self._is_read_later(node) else control.attribute_of_if(node, shared)
                    )
                    if name is not None:
                        uses[node.order] = {id(node.then.key): name}
                    else:
                        walk(node.then.nodes + node.orelse.nodes)
                elif isinstance(node, LoopNode) and node.running:
                    walk(node.body.nodes)
                    for held in node.held:
                        uses[held.use.order] = {id(held.use): held.name}
                elif isinstance(node, LoopNode):
                    uses[node.order] = {id(node.body.key): loops.attribute_of_loop(node)}
                elif isinstance(node, (ArrayNode, CallNode, WeightNode)) or (
                    isinstance(node, LayerNode) and node.makes_module()
                ):
                    name = self.name_of(node.use)
                    if isinstance(node, (ArrayNode, WeightNode)):
                        given = node.outputs[0].name or node.use.hint
                        name = attribute_name(given, node.use.kind)
                    uses[node.use.order][id(node.use)] = name

        walk(nodes)
        for order in sorted(uses):
            name = self.attributes.fresh(unreserved(next(iter(uses[order].values()))))
            self.module_names |= dict.fromkeys(uses[order], name)

    def _spell_sizes_read(self, nodes: list[Node]) -> None:
        """The sizes that modules have as attributes."""
        for node in nodes:
            if isinstance(node, IfNode):
                self._spell_sizes_read(node.then.nodes + node.orelse.nodes)
            elif isinstance(node, CallNode) and node.read is not None:
                attribute = self.module_names.get(id(node.use))
                if attribute is not None:
                    has = self.classes(node.plan).exposed[node.read.name]
                    self.carried.append((node.read, node.read.spelled))
                    node.read.spelled = f"self.{attribute}.{has}"

    def _is_read_later(self, node: IfNode) -> bool:
        """Whether something that a branch makes on the way is read after the condition."""
        made = {id(t) for n in node.then.nodes + node.orelse.nodes for t in n.outputs}
        return any(self.last_use.get(i, -1) > self.steps[id(node)] for i in made)

    # -- nodes ----------------------------------------------------------------------------------
    def node(self, node: Node) -> None:
        """Write what a node does."""
        self.step = self.steps.get(id(node), self.step)
        if isinstance(node, LayerNode):
            self._layer(node)
        elif isinstance(node, IfNode):
            control.write_if(self, node)
        elif isinstance(node, LoopNode) and node.running:
            turns.write_turns(self, node)
        elif isinstance(node, LoopNode):
            loops.write_loop(self, node)
        elif isinstance(node, WeightNode):
            self._weight(node)
        elif isinstance(node, SizeNode):
            control.write_size(self, node)
        elif isinstance(node, CheckNode):
            control.write_check(self, node)
        elif isinstance(node, PutNode):
            control.write_put(self, node)
        elif isinstance(node, ArrayNode):
            control.write_array(self, node)
        elif isinstance(node, OpNode):
            wants = node.wants or [Layout.KEEP] * len(node.inputs)
            inputs = [self.ordered(t, w) for t, w in zip(node.inputs, wants, strict=True)]
            where = {"device": Expr(f"{self.variables_of_inputs[0]}.device")} if node.device else {}
            with self.telling():
                made = node.render(*inputs, **where)
            if len(node.outputs) == 1:
                self.assign(node.outputs[0], made)
            else:
                self.code.body.append(f"{self.targets(node.outputs)} = {made}")
        elif isinstance(node, CallNode):
            self._call(node)

    def _layer(self, node: LayerNode) -> None:
        rule = node.rule
        if isinstance(node, ReadNode):
            module = self._module(node.use, lambda: self.constructor(node, node.seen()))
            self.assign(node.outputs[0], node.read(module))
            return
        wants, tensors = rule.wants(*node.inputs), node.seen()
        if id(node.outputs[0]) in self.in_order:
            wants = [Layout.LAST] * len(wants)
            tensors = [replace(t, flattened=None) for t in tensors]
        copes = node.rule.keras_kind == "dense" or node.outputs[0].flattened is not None
        read = self.read if copes else self.ordered
        inputs = [read(t, w) for t, w in zip(node.inputs, wants, strict=True)]
        self._same_flattening(node)
        self.code.regularized |= rule.keras_kind == "activity_regularization"
        module = self._module(node.use, lambda: self.constructor(node, tensors))
        masks = [None if m is None else self.read(m, Layout.KEEP) for m in node.masks()]
        options = {k: self._option(v) for k, v in node.options.items()}
        call = Call(module, inputs, tensors, masks, node.outputs, options, self._then(node))
        with self.telling():
            result = rule.forward(call)
        if len(node.outputs) == 1:
            self.assign(node.outputs[0], result, module=id(node.use) in self.module_names)
            return
        self.code.body.append(f"{self.targets(node.outputs)} = {result}")

    def _same_flattening(self, node: LayerNode) -> None:
        """A shared layer has one order of rows. Raises RuleError where its calls need several."""
        sizes = (t.flattened for t in node.inputs[:1] if id(t) not in self.in_order)
        have = tuple(str(d) for d in next(sizes, None) or ())
        if self.flattened.setdefault(id(node.use), have) != have:
            raise RuleError("KT302", "a shared layer takes pictures flattened in different orders")

    def _option(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.read(value, Layout.LAST)
        if isinstance(value, (list, tuple)):
            return [self._option(v) for v in value]
        return value

    def _call(self, node: CallNode) -> None:
        chain = chain_of_model(node.plan)
        if node.plan.kind == "handed":
            module = self._module(node.use, self._not_handed)
        elif chain is None:
            self.classes(node.plan)
            self.check_alike(node)
            module = self._module(node.use, lambda: self.instance(node))
        else:
            first = id(node.use) not in self.modules
            module = self._module(node.use, lambda: self.sequence(chain, node.use))
            if first and chain.rest().links:
                lines = append(self, str(module), chain.rest())
                self._home(node.use).add(node.use.order, self._where_called(node.use, lines))
        if node.over is not None:
            result = node.over(module, *(self.ordered(t, Layout.KEEP) for t in node.inputs))
        else:
            inputs = [
                _as_integers(self.ordered(t, p.layout), t, p)
                for t, p in zip(node.inputs, node.plan.inputs, strict=True)
            ]
            result = module(*inputs, *(code(node.args[s]) for s in node.plan.asked))
            for tensor, inner in zip(node.outputs, tensors_in(node.plan.result), strict=True):
                tensor.layout = inner.given_layout
        keys = keys_of(node.plan.result)
        if keys is not None:
            whole = self.variable(
                Tensor(node.outputs[0].shape, name=node.use.hint or node.use.kind)
            )
            longest = max(node.outputs, key=lambda t: self.last_use.get(id(t), -1))
            self.owner[whole] = id(longest)  # the name is free where all its items are read
            self.code.body.append(f"{whole} = {result}")
            for key, tensor in zip(keys, node.outputs, strict=True):
                self.variables[id(tensor)] = (f"{whole}[{key!r}]", tensor.layout)
        elif len(node.outputs) == 1:
            self.assign(node.outputs[0], result, module=True)
        else:
            self.code.body.append(f"{self.targets(node.outputs)} = {result}")

    def _not_handed(self) -> Expr:
        raise RuleError("KT302", f"{self.plan.name} is not handed the model that it calls")

    def _then(self, node: LayerNode) -> Any:
        def then(value: Any, comment: str = "") -> Expr:
            name = self.free_name(node.outputs[0])
            shown = f"  # {comment}" if comment else ""
            self.code.body.append(f"{name} = {as_expr(value)}{shown}")
            return Expr(name)

        return then


def _used_again(nodes: list[Node]) -> set[int]:
    """The modules that are called at several places, of either branch of a condition too."""
    counts: Counter[int] = Counter()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, IfNode):
            todo += node.then.nodes + node.orelse.nodes
        elif isinstance(node, LoopNode) and node.running:
            todo += node.body.nodes
        elif isinstance(node, (LayerNode, CallNode)):
            counts[id(node.use)] += 1
    return {use for use, count in counts.items() if count > 1}


def _never(*args: Any, **kwargs: Any) -> Expr:
    raise AssertionError("a final activation needs no statement before it")


def _as_integers(x: Expr, given: Tensor, wanted: Tensor) -> Expr:
    """Keras casts what a model with an integer input is called on."""
    cast = given.dtype.startswith("float") and wanted.dtype.startswith("int")
    return x.int() if cast else x
