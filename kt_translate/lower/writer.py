"""Writes one class: modules made in ``__init__``, tensors computed in ``forward``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kt_translate.graph.nodes import (
    ORDER,
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    ModuleUse,
    Plan,
    SizeNode,
    WeightNode,
)
from kt_translate.graph.region import Node, OpNode
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, code, expand, symbols_in
from kt_translate.graph.tensor import Layout, Tensor, tensors_in, to_first, to_last
from kt_translate.layers.layer import Call, RuleError
from kt_translate.lower import control
from kt_translate.lower.blocks import Block, token, with_names
from kt_translate.lower.chains import Chain, chain_of_model, constructors
from kt_translate.lower.liveness import last_uses, live
from kt_translate.lower.names import Names, attribute_name
from kt_translate.lower.tidy import tidied
from kt_translate.lower.settings import like_keras, weight_lines
from kt_translate.pytorch.expr import Expr, as_expr


@dataclass
class ClassCode:
    """The text of a class, without indentation; the emitter puts it into the template."""

    name: str
    docstring: str
    container: str | None
    attributes: bool = False  # its parts are kept under the same names as in Keras
    init: list[str] = field(default_factory=list)
    arguments: str = "x: Tensor"
    body: list[str] = field(default_factory=list)
    returns: str = "x"
    annotation: str = "Tensor"
    logits: str | None = None  # the activation of ``logits`` that forward returns
    regularized: bool = False
    parameters: list[str] = field(default_factory=list)  # as they stand in __init__
    used_parameters: list[str] = field(default_factory=list)
    guards: list[tuple[str, str]] = field(default_factory=list)  # (condition, message)
    factory: str | None = None
    exposed: dict[str, str] = field(default_factory=dict)  # name of a size -> the attribute that has it
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)


class Writer:
    """The state of writing one class."""

    def __init__(self, plan: Plan, name: str, classes: Callable[[Plan], ClassCode]) -> None:
        self.plan = plan
        self.code = ClassCode(
            name, "", plan.container, plan.kind == "layer", inputs=plan.inputs
        )
        self.classes = classes
        self.attributes = Names({"forward", "logits", "training"})
        self.modules: dict[int, Expr] = {}
        self.variables: dict[int, tuple[str, Layout]] = {}
        self.last_use: dict[int, int] = {}
        self.steps: dict[int, int] = {}
        self.step = 0
        self.owner: dict[str, int] = {}
        self.module_names: dict[int, str] = {}
        self.block = Block()  # where what is made now goes: of __init__, or of a loop or condition in it
        self.blocks: dict[object, Block] = {plan.region.key: self.block}
        self.flattened: dict[int, Any] = {}  # of each module, what its input was flattened from
        self.variables_of_inputs: list[str] = []
        self.carried: list[tuple[Symbol, str]] = []  # with how they were spelled before
        self.tokens: dict[str, str] = {}  # of the sizes that loops carry: token -> the name it asks for

    def write(self) -> ClassCode:
        if self.plan.kind == "model" and not self.plan.keep_signature:
            told = self.plan.symbols
            free = control.free_symbols(self.plan.region.nodes)
            self.plan.params = [*self.plan.params, *(p for p in free if p.symbol not in told)]
        outputs = tensors_in(self.plan.result)
        self.code.outputs = outputs
        logits = outputs[0] if len(outputs) == 1 and outputs[0].logits is not None else None
        ends = [logits.logits] if logits is not None and logits.logits is not None else outputs
        nodes = live(self.plan.region.nodes, outputs, self.plan.inputs)
        self.last_use, self.steps = last_uses(nodes, outputs)
        self._arguments()
        self._name_modules(nodes)
        with self.spelling(in_forward=True):
            for node in nodes:
                if logits is None or logits not in node.outputs:
                    self.node(node)
            self._finish(outputs, ends, logits)
        for name, value in self.plan.exposed.items():
            attribute = self.code.exposed[name] = self.attributes.fresh(name)
            self.block.add(next(ORDER), [f"self.{attribute} = {self.said(value)}"])
        self._parameters()
        for symbol, spelled in reversed(self.carried):
            symbol.spelled = spelled
        return self.code

    # -- symbols --------------------------------------------------------------------------------
    @contextmanager
    def spelling(self, in_forward: bool) -> Iterator[None]:
        """Within, symbols are spelled as they are in ``forward``, or in ``__init__``."""
        before = [(p.symbol, p.symbol.spelled) for p in self.plan.params]
        for param in self.plan.params:
            name = param.symbol.name
            param.symbol.spelled = f"self.ρ{name}" if in_forward else name
        try:
            yield
        finally:
            for symbol, spelled in before:
                symbol.spelled = spelled

    def said(self, value: Any) -> Expr:
        """A setting, as ``__init__`` says it. Raises RuleError for one that only another class knows."""
        own = {p.symbol for p in self.plan.params}
        for symbol in symbols_in(value):
            if symbol.kind == "carried" and symbol.spelled == symbol.name and symbol not in own:
                raise RuleError("KT302", f"the size {symbol.name} is known within a loop only")
        with self.spelling(in_forward=False):
            return code(value)

    def carry(self, symbols: list[Symbol], name: str) -> str:
        """A token for a size that a loop carries."""
        made = token(len(self.tokens))
        self.tokens[made] = name
        for symbol in symbols:
            self.carried.append((symbol, symbol.spelled))
            symbol.spelled = made
        return made

    def _parameters(self) -> None:
        """The constructor's parameters: all of a factory's, for others those that it uses; what forward needs, kept."""
        parameters = {p.symbol.name for p in self.plan.params}
        forward = "\n".join([*self.code.body, self.code.returns])
        lines, named = with_names(
            self.block.lines(), forward, lambda t: self.tokens[t], parameters
        )
        kept: dict[str, str] = {}
        sizes: dict[str, str] = {}
        for found, name in named.items():
            if found in forward:
                kept[name] = self.attributes.fresh(name)
                forward = forward.replace(found, f"self.{kept[name]}")
        dims = {p.symbol: p.symbol.name for p in self.plan.params if p.symbol.kind == "dim"}
        by_name = {name: symbol for symbol, name in dims.items()}
        for name in dict.fromkeys(re.findall(r"self\.ρ(\w+)", forward)):
            place = self._size_of(by_name[name]) if name in by_name else None
            if place is not None:
                local = name
                while local in self.owner:
                    local += "_"
                sizes[local] = place
                forward = re.sub(rf"self\.ρ{name}\b", local, forward)
            else:
                kept[name] = self.attributes.fresh(name)
                forward = re.sub(rf"self\.ρ{name}\b", f"self.{kept[name]}", forward)
        *body, returns = forward.split("\n")
        self.code.body, self.code.returns = tidied(body, returns)
        self.code.body = [f"{local} = {place}" for local, place in sizes.items()] + self.code.body
        self.code.init = lines + [f"self.{attribute} = {name}" for name, attribute in kept.items()]
        if stray := re.search(r"ρ\w+", "\n".join(self.code.init)):
            raise RuleError("KT302", f"{stray[0][1:]} is not known where {self.code.name} is made")
        with self.spelling(in_forward=False):
            self.code.guards = [
                (_guard(str(said), value), f"translated for {said} = {value!r}")
                for said, value in _distinct([(expand(s), v) for s, v in self.plan.demands])
            ]
        text = " ".join([*self.code.init, *(condition for condition, _ in self.code.guards)])
        words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\w+=", "", text)))
        sizes_of = control.symbols_of_shapes(self.plan.region.nodes)
        for param in self.plan.params:
            name = param.symbol.name
            if not (self.plan.keep_signature or name in words):
                continue
            self.code.used_parameters.append(name)
            kind = param.annotation
            if kind == "Any" and param.symbol.value is UNKNOWN and param.symbol in sizes_of:
                kind = "int"
            hint = f": {kind}" if kind else ""
            default = (
                ""
                if param.default is None
                else f" = {param.default}" if hint else f"={param.default}"
            )
            self.code.parameters.append(name + hint + default)
        required = [p for p in self.code.parameters if "=" not in p]
        self.code.parameters = required + [p for p in self.code.parameters if "=" in p]
        if self.plan.kind == "layer":  # the source's own arguments, then what Keras finds by itself
            own = _sizes(self.plan)
            by_name = [p for p in self.code.parameters if p.split(":")[0] in own]
            rest = [p for p in self.code.parameters if p not in by_name]
            self.code.parameters = [*rest, *(["*", *by_name] if by_name else [])]

    def _size_of(self, symbol: Symbol) -> str | None:
        """How forward reads a size off the input that has it."""
        for tensor, name in zip(self.plan.inputs, self.variables_of_inputs, strict=True):
            for axis, dim in enumerate(tensor.torch_shape):
                if isinstance(dim, Sym) and dim.head == "symbol" and dim.args[0] is symbol:
                    return f"{name}.shape[{axis}]"
        return None

    def _finish(self, outputs: list[Tensor], ends: list[Any], logits: Tensor | None) -> None:
        inner = self.plan.kind == "loop"
        parts = [
            str(self.ordered(t, Layout.LAST if t.rank == 3 and not inner else t.layout))
            for t in ends
        ]
        self.code.returns = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
        if len(parts) > 1:
            self.code.annotation = f"tuple[{', '.join(['Tensor'] * len(parts))}]"
        if logits is not None:
            node = logits.node
            names = ", ".join(self.variables_of_inputs)
            if isinstance(node, OpNode):
                self.code.logits = str(node.render(Expr(f"self.logits({names})")))
                return
            assert isinstance(node, LayerNode)
            source = node.inputs[0]
            call = Call(
                Expr("self"),
                [Expr(f"self.logits({names})")],
                [source],
                [None],
                node.outputs,
                {},
                _never,
            )
            self.code.logits = str(node.rule.forward(call))

    def _arguments(self) -> None:
        names = Names({"self"})
        single = len(self.plan.inputs) == 1
        text = []
        for i, tensor in enumerate(self.plan.inputs):
            given = tensor.facts.get("input")
            name = attribute_name(given, "x") if isinstance(given, str) else None
            name = names.fresh(name or ("x" if single else tensor.name or f"input_{i}"))
            self.variables[id(tensor)] = (name, tensor.layout)
            self.owner[name] = id(tensor)
            text.append(f"{name}: Tensor")
            self.variables_of_inputs.append(name)
        self.code.arguments = ", ".join(text)

    def _name_modules(self, nodes: list[Node]) -> None:
        """Names in the order in which the source makes the layers, which is Keras's for its own names."""
        uses: dict[int, tuple[int, str]] = {}

        def walk(nodes: list[Node]) -> None:
            for node in nodes:
                if isinstance(node, IfNode):
                    self.blocks.update({node.then.key: Block(), node.orelse.key: Block()})
                    name = control.attribute_of_if(node)
                    if name is not None:
                        uses[node.order] = (id(node.test), name)
                    else:
                        walk(node.then.nodes + node.orelse.nodes)
                elif isinstance(node, LoopNode):
                    uses[node.order] = (id(node.body.key), control.attribute_of_loop(node))
                elif isinstance(node, (CallNode, WeightNode)) or (
                    isinstance(node, LayerNode) and node.makes_module()
                ):
                    name = self.name_of(node.use)
                    if isinstance(node, WeightNode):
                        name = attribute_name(node.outputs[0].name or node.use.hint, "weight")
                    uses[node.use.order] = (id(node.use), name)

        walk(nodes)
        for order in sorted(uses):
            key, name = uses[order]
            self.module_names[key] = self.attributes.fresh(name)

    # -- nodes ----------------------------------------------------------------------------------
    def node(self, node: Node) -> None:
        """Write what a node does."""
        self.step = self.steps.get(id(node), self.step)
        if isinstance(node, LayerNode):
            self._layer(node)
        elif isinstance(node, IfNode):
            control.write_if(self, node)
        elif isinstance(node, LoopNode):
            control.write_loop(self, node)
        elif isinstance(node, WeightNode):
            self._weight(node)
        elif isinstance(node, SizeNode):
            control.write_size(self, node)
        elif isinstance(node, CheckNode):
            control.write_check(self, node)
        elif isinstance(node, OpNode):
            wants = node.wants or [Layout.KEEP] * len(node.inputs)
            inputs = [self.ordered(t, w) for t, w in zip(node.inputs, wants, strict=True)]
            where = {"device": Expr(f"{self.variables_of_inputs[0]}.device")} if node.device else {}
            made = node.render(*inputs, **where)
            if len(node.outputs) == 1:
                self.assign(node.outputs[0], made)
            else:
                self.code.body.append(f"{', '.join(map(self.variable, node.outputs))} = {made}")
        elif isinstance(node, CallNode):
            self._call(node)

    def _layer(self, node: LayerNode) -> None:
        rule = node.rule
        wants = rule.wants(*node.inputs)
        tensors = [t.seen_in(w) for t, w in zip(node.inputs, wants, strict=True)]
        copes = node.rule.keras_kind == "dense" or node.outputs[0].flattened is not None
        read = self.read if copes else self.ordered
        inputs = [read(t, w) for t, w in zip(node.inputs, wants, strict=True)]
        self._same_flattening(node)
        self.code.regularized |= rule.keras_kind == "activity_regularization"
        module = self._module(node.use, lambda: self.constructor(node, tensors))
        masks = [
            self.read(t.mask, Layout.KEEP) if t.mask is not None else None for t in node.inputs
        ]
        options = {k: self._option(v) for k, v in node.options.items()}
        call = Call(module, inputs, tensors, masks, node.outputs, options, self._then(node))
        result = rule.forward(call)
        if len(node.outputs) == 1:
            self.assign(node.outputs[0], result, module=id(node.use) in self.module_names)
            return
        names = [self.variable(t) for t in node.outputs]
        self.code.body.append(f"{', '.join(names)} = {result}")

    def _same_flattening(self, node: LayerNode) -> None:
        """A shared layer has one order of rows. Raises RuleError where its calls need several."""
        have = tuple(str(d) for d in node.inputs[0].flattened or ()) if node.inputs else ()
        if self.flattened.setdefault(id(node.use), have) != have:
            raise RuleError("KT302", "a shared layer takes pictures flattened in different orders")

    def ordered(self, tensor: Tensor, layout: Layout) -> Expr:
        """The tensor for a reader that counts on Keras's order of a flattened picture."""
        x = self.read(tensor, layout)
        if tensor.flattened is None:
            return x
        if sum(d is None for d in tensor.flattened) > 1:
            raise RuleError("KT303", "a picture of unknown size is flattened here")
        sizes = tuple(-1 if d is None else d for d in tensor.flattened)
        return x.unflatten(1, sizes).movedim(1, -1).flatten(1)

    def _option(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.read(value, Layout.LAST)
        if isinstance(value, (list, tuple)):
            return [self._option(v) for v in value]
        return value

    def constructor(
        self, node: LayerNode, tensors: list[Tensor], standalone: bool = False
    ) -> Expr | None:
        """What makes the layer's module. ``standalone``: one that does the whole call, without an attribute's name."""
        with self.spelling(in_forward=False):
            made = node.rule.standalone(*tensors) if standalone else node.rule.module(*tensors)
            if made is None:
                return None
            settings, regularized = like_keras(node.rule, node.use, tensors)
            self.code.regularized |= regularized
            name = node.use.keras_name
            if name is not None and (
                standalone
                or isinstance(name, Sym)
                or self.module_names.get(id(node.use)) != name
                or _automatic(name)
            ):
                if any(True for _ in node.rule.parameters()) or not standalone:
                    settings = {"name": name, **settings}
            return Expr(str(Expr("like_keras")(made, **settings))) if settings else made

    def name_of(self, use: ModuleUse) -> str:
        return attribute_name(use.keras_name or use.hint, use.kind)

    def _module(self, use: ModuleUse, construct: Any) -> Expr:
        if id(use) not in self.modules:
            made = construct()
            if made is None:
                return Expr("None")
            attribute = self.module_names[id(use)]
            self.modules[id(use)] = Expr(f"self.{attribute}")
            self._home(use).add(use.order, [f"self.{attribute} = {made}"])
        return self.modules[id(use)]

    def _weight(self, node: WeightNode) -> None:
        """A weight of the class's own: its variable in forward is the attribute."""
        tensor = node.outputs[0]
        attribute = self.module_names[id(node.use)]
        with self.spelling(in_forward=False):
            lines = weight_lines(node, attribute)
        self.code.regularized |= node.regularizer is not None
        self._home(node.use).add(node.use.order, lines)
        self.variables[id(tensor)] = (f"self.{attribute}", tensor.layout)

    def _home(self, use: ModuleUse) -> Block:
        """The statements among which the source makes a module."""
        home = self.blocks.get(use.region.home) if use.region is not None else None
        return home or self.block

    def instance(self, node: CallNode) -> Expr:
        """What makes the instance of a generated class."""
        made = self.classes(node.plan)
        with self.spelling(in_forward=False):
            given = {
                p.symbol.name: node.args.get(p.symbol, Sym.of(p.symbol))
                for p in node.plan.params
                if p.symbol.name in made.used_parameters
            }
            defaults = {p.symbol.name: p.default for p in node.plan.params}
            said = {n: as_expr(v) for n, v in given.items()}
            by_name = node.plan.kind == "layer"
            sizes = [] if by_name else [said[n] for n in made.used_parameters if n in _sizes(node.plan)]
            named = {
                p.symbol.name: said[p.symbol.name]
                for p in node.plan.params
                if (by_name or p.symbol.kind != "dim") and p.symbol.name in said
            }
            named = {n: e for n, e in named.items() if defaults[n] is None or str(e) != defaults[n]}
            return Expr(made.name)(*sizes, **named)

    def sequence(self, chain: Chain, use: ModuleUse) -> Expr:
        """A chain of modules in a Sequential of its own."""
        made = Expr("nn.Sequential")(*constructors(self, chain))
        return Expr("like_keras")(made, name=use.keras_name) if use.keras_name is not None else made

    def _call(self, node: CallNode) -> None:
        chain = chain_of_model(node.plan)
        if chain is None:
            self.classes(node.plan)
            module = self._module(node.use, lambda: self.instance(node))
        else:
            module = self._module(node.use, lambda: self.sequence(chain, node.use))
        inputs = [
            self.ordered(t, p.layout) for t, p in zip(node.inputs, node.plan.inputs, strict=True)
        ]
        result = module(*inputs)
        for tensor, inner in zip(node.outputs, tensors_in(node.plan.result), strict=True):
            tensor.layout = Layout.LAST if tensor.rank == 3 else inner.layout
        if len(node.outputs) == 1:
            self.assign(node.outputs[0], result, module=True)
        else:
            names = [self.variable(t) for t in node.outputs]
            self.code.body.append(f"{', '.join(names)} = {result}")

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

    def free_name(self, tensor: Tensor) -> str:
        """The source's name for the tensor, numbered where its holder is still needed."""
        is_mask = isinstance(tensor.node, OpNode) and tensor.node.label == "mask"
        name = tensor.name or ("mask" if is_mask else "x")
        candidate, n = name, 1
        while candidate in self.owner and self.last_use.get(self.owner[candidate], -1) > self.step:
            n += 1
            candidate = f"{name}_{n}"
        return candidate

    def variable(self, tensor: Tensor) -> str:
        name = self.free_name(tensor)
        self.owner[name] = id(tensor)
        self.variables[id(tensor)] = (name, tensor.layout)
        return name

    def assign(self, tensor: Tensor, value: Expr, module: bool = False) -> None:
        text = str(value)
        previous = self.code.body[-1] if self.code.body else ""
        merged = _merge(previous, text)
        name = self.variable(tensor)
        shape = ""
        if module and tensor.rank >= 3:
            with self.spelling(in_forward=False):
                shape = f"  # ({', '.join(shown_shape(tensor))})"
            if "κ" in shape:
                shape = ""
        if merged is not None and previous.split(" = ")[0] == name:
            self.code.body[-1] = f"{name} = {merged}".split("  # ")[0] + (
                shape or "".join(merged.partition("  # ")[1:])
            )
            return
        self.code.body.append(f"{name} = {text}{shape}")

    def _then(self, node: LayerNode) -> Any:
        def then(value: Any, comment: str = "") -> Expr:
            name = self.free_name(node.outputs[0])
            shown = f"  # {comment}" if comment else ""
            self.code.body.append(f"{name} = {as_expr(value)}{shown}")
            return Expr(name)

        return then


def _sizes(plan: Plan) -> set[str]:
    """The parameters that stand for sizes of the inputs."""
    return {p.symbol.name for p in plan.params if p.symbol.kind == "dim"}


def shown_shape(tensor: Tensor) -> list[str]:
    """The torch sizes as a comment shows them; letters for those that take long to say."""
    letters = {3: "NLC", 4: "NCHW", 5: "NCDHW"}.get(tensor.rank, "N" + "?" * tensor.rank)
    if tensor.layout is Layout.LAST:
        letters = letters[0] + letters[2:] + letters[1] if tensor.rank > 3 else letters
    elif tensor.rank == 3:
        letters = "NCL"
    sizes = []
    for i, (letter, dim) in enumerate(zip(letters, tensor.torch_shape, strict=False)):
        said = str(dim)
        long = dim is None or len(said) > 16 or "κ" in said
        sizes.append("N" if i == 0 else letter if long else said)
    return sizes


def _guard(said: str, value: Any) -> str:
    """The condition under which the class would be wrong."""
    if isinstance(value, bool):
        return f"({said})" if value is False else f"not ({said})"
    return f"({said}) is not None" if value is None else f"({said}) != {value!r}"


def _distinct(demands: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for demand in demands:
        if demand not in found:
            found.append(demand)
    return found


def _never(*args: Any, **kwargs: Any) -> Expr:
    raise AssertionError("a final activation needs no statement before it")


def _merge(previous: str, text: str) -> str | None:
    """``x = self.conv(x)`` and then ``F.relu(x)``: one line, if it stays short and loses no comment."""
    head, mark, comment = previous.partition("  # ")
    match = re.fullmatch(r"(\w+) = (self\.\w+\(.*\)|F\.relu\(.*\))", head)
    if match is None:
        return None
    name, inner = match.groups()
    pattern = re.fullmatch(rf"((?:F|self|torch)\.\w+)\({name}((?:, [^()]*)?)\)", text)
    if pattern is None or len(inner) + len(text) > 64:
        return None
    return f"{pattern[1]}({inner}{pattern[2]}){mark}{comment}"


def _automatic(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9_]+?(_\d+)?", name) is not None and bool(re.search(r"_\d+$", name))
