"""The layers of a functional model, in the order in which Keras lists them, and freezing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kt_translate.diagnostics import Statement
from kt_translate.evaluate.values import LayerValue, ModelValue, Unknown, map_tensors
from kt_translate.graph.conditions import negated
from kt_translate.graph.nodes import CallNode, IfNode, LayerNode, LoopNode, ModuleUse
from kt_translate.graph.region import CURRENT, Node, Region
from kt_translate.graph.tensor import Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def layers_of(model: ModelValue) -> list[Any]:
    """Inputs, layers and models called, as ``model.layers`` has them.

    What a class or a loop of the output holds together counts as one.
    """
    inputs, outputs = tensors_in(model.inputs), tensors_in(model.outputs)
    found: dict[object, Any] = {}
    ends = {id(inner): outer for outer, inner in _ends(outputs)}
    for node in _in_keras_order(inputs, outputs):
        function = node.outputs[0].facts.get("lambda") if node.outputs else None
        if function is not None:  # what the source calls a layer there
            found[id(function)] = function
        elif isinstance(node, LayerNode):
            layer = found.setdefault(id(node.use), LayerValue(node.rule, node.use, node.line))
            layer.trainable = negated(node.use.frozen)
            given = [ends.get(id(t), t) for t in node.outputs]
            layer.calls.append((node.inputs, given[0] if len(given) == 1 else given))
        elif isinstance(node, CallNode):
            part = ModelValue("part", list(node.inputs), _result(node), name=node.use.keras_name)
            part.use, part.trainable = node.use, negated(node.use.frozen)
            found.setdefault(id(node.use), part)
        elif isinstance(node, (IfNode, LoopNode)):
            for use in uses_within(node):
                part = ModelValue("part", name=use.keras_name)
                part.use, part.trainable = use, negated(use.frozen)
                found.setdefault(id(use), part)
        elif not node.inputs and node.outputs and "input" in node.outputs[0].facts:
            found[id(node)] = node.outputs[0]
    return list(found.values())


class Listed(list[Any]):
    """The layers of a model; where some are hidden, by what: then not every place is Keras's."""

    def __init__(self, layers: list[Any], model: ModelValue) -> None:
        super().__init__(layers)
        ends = tensors_in(model.inputs), tensors_in(model.outputs)
        own = model.region.nodes if model.layers and model.region else _in_keras_order(*ends)
        nodes = list(filter(_holds_layers, own))
        self.hidden = set(_hiding(nodes))
        self._parts = {id(use) for node in nodes for use in uses_within(node)}

    def tells(self, key: Any) -> bool:
        """Whether what is at this place, or between these places, is the same in Keras."""
        if not self.hidden:
            return True
        if isinstance(key, slice):
            return key.step is None and all(self._is_told(k) for k in (key.start, key.stop))
        return key != 1 and self._is_told(key)

    def _is_told(self, bound: Any) -> bool:
        """Before the first or after the one input, or counted from the end over layers that are seen."""
        if bound is None or bound == 0:
            return True
        if bound == 1:
            return not any(isinstance(la, Tensor) for la in self[1:])
        seen = (id(getattr(la, "use", None)) not in self._parts for la in self[bound:])
        return isinstance(bound, int) and bound < 0 and all(seen)


def withheld(ev: Interpreter, layer: Any) -> set[Statement]:
    """The loops, ended by now, that made a layer and hold it for all their turns."""
    use = getattr(layer, "use", None)
    if use is None or use.region is CURRENT[-1]:
        return set()
    regions = [m.region for m in ev.models if m.region is not None]
    region: Region | None = CURRENT[-1]
    while region is not None:
        regions.append(region)
        region = region.parent
    loops = [n for region in regions for n in region.nodes if isinstance(n, LoopNode)]
    return set(_hiding(n for n in loops if any(use is inner for inner in uses_within(n))))


def cannot_pick(ev: Interpreter, hidden: set[Statement]) -> Unknown:
    """A layer is asked for that a class holds, or by a place that is not Keras's: the source is read once more."""
    ev.picked |= hidden
    ev.note("KT201", "a layer is taken from within what has become a class")
    return Unknown("a layer within what has become a class", ev.line)


def _holds_layers(node: Node) -> bool:
    is_function = isinstance(node, CallNode) and node.plan.kind == "function"
    return is_function or isinstance(node, (IfNode, LoopNode))


def _hiding(nodes: Iterable[Node]) -> Iterator[Statement]:
    """The functions, loops and conditions of the source that hold layers of theirs together, those within included."""
    for node in nodes:
        if isinstance(node, CallNode) and node.plan.kind == "function":
            yield node.plan.file, node.plan.line
            yield from () if node.itself else _hiding(node.plan.region.nodes)
        elif isinstance(node, LoopNode):
            yield node.file, node.line
            yield from _hiding(node.body.nodes)
        elif isinstance(node, IfNode):
            yield from _hiding([*node.then.nodes, *node.orelse.nodes])


def _result(node: CallNode) -> Any:
    """What a call gives, in the structure in which the class gives it."""
    given = iter(node.outputs)
    return map_tensors(lambda _: next(given), node.plan.result)


def uses_within(node: Node) -> Iterator[ModuleUse]:
    """The modules that a node stands for, those within loops and conditions included."""
    if isinstance(node, (LayerNode, CallNode)):
        yield node.use
    for inner in _nested(node):
        if isinstance(inner, (LayerNode, CallNode)):
            yield inner.use


def freeze(model: ModelValue, frozen: Any) -> None:
    """``model.trainable = ...``: of everything between its inputs and its outputs."""
    for node in _in_keras_order(tensors_in(model.inputs), tensors_in(model.outputs)):
        for use in uses_within(node):
            use.frozen = frozen


# -- order ----------------------------------------------------------------------------------------


def _base(node: Node | None) -> Node | None:
    """The layer's own node, for that of the activation that it was given."""
    while isinstance(node, LayerNode) and node.use.part_of is not None:
        node = node.inputs[0].node
    return node


def _ends(outputs: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """(what a layer gives, what it gives before its activation), for layers with one."""
    stack, seen = [t.node for t in outputs], set()
    while stack:
        node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, LayerNode) and node.use.part_of is not None:
            yield node.outputs[0], node.inputs[0]
        stack += [t.node for t in node.uses()]


def _key(node: Node) -> int:
    """What layer or operation a node calls: shared layers have several nodes."""
    return id(node.use) if isinstance(node, (LayerNode, CallNode)) else id(node)


def _in_keras_order(inputs: list[Tensor], outputs: list[Tensor]) -> list[Node]:
    """The first node of each layer: by the longest way to an output, then by when a search from there meets it."""
    nodes, met = _search(inputs, outputs)
    depths: dict[int, int] = {}
    by_layer: dict[int, int] = {}
    first: dict[int, Node] = {}
    for node in reversed(nodes):
        key = _key(node)
        depth = max(depths.setdefault(id(node), 0), by_layer.get(key, 0))
        depths[id(node)] = by_layer[key] = depth
        for parent in _parents(node, inputs):
            depths[id(parent)] = max(depth + 1, depths.get(id(parent), 0))
    for node in nodes:
        first.setdefault(_key(node), node)
    return [first[key] for key in sorted(first, key=lambda key: (-by_layer[key], met[key]))]


def _parents(node: Node, inputs: list[Tensor]) -> list[Node]:
    if any(t in inputs for t in node.outputs):
        return []
    if isinstance(node, (IfNode, LoopNode)):
        inner = {id(n) for n in _nested(node)}
        found = [_base(t.node) for t in node.uses() if id(t.node) not in inner]
    else:
        called_on = node.arguments() if isinstance(node, LayerNode) else node.inputs
        found = [_base(t.node) for t in called_on]
    return [p for p in found if p is not None]


def _nested(node: Node) -> Iterator[Node]:
    bodies = [node.body] if isinstance(node, LoopNode) else []
    if isinstance(node, IfNode):
        bodies = [node.then, node.orelse]
    for body in bodies:
        for inner in body.nodes:
            yield inner
            yield from _nested(inner)


def _search(inputs: list[Tensor], outputs: list[Tensor]) -> tuple[list[Node], dict[int, int]]:
    """All nodes, each after what it needs, and in which order the layers are met, outputs first."""
    done: dict[int, Node] = {}
    met: dict[int, int] = {}
    for output in outputs:
        stack: list[tuple[Node, Iterator[Node]]] = []

        def enter(node: Node, stack: list[tuple[Node, Iterator[Node]]] = stack) -> None:
            met.setdefault(_key(node), len(met))
            stack.append((node, iter(_parents(node, inputs))))

        start = _base(output.node)
        if start is not None and id(start) not in done:
            enter(start)
        while stack:
            node, rest = stack[-1]
            parent = next((p for p in rest if id(p) not in done), None)
            if parent is not None:
                enter(parent)
            else:
                done[id(node)] = node
                stack.pop()
    return list(done.values()), met
