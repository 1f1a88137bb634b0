"""What of a region is needed for its results, and when each tensor is used last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kt_translate.graph.arrays import PutNode
from kt_translate.graph.nodes import (
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    Plan,
    SizeNode,
    WeightNode,
)
from kt_translate.graph.region import Node, Region
from kt_translate.graph.tensor import Tensor, tensors_in


def live(nodes: list[Node], results: list[Tensor], given: list[Tensor]) -> list[Node]:
    """The nodes between what is given and the results, in order; conditions and loops pared down to what is needed."""
    stop = {id(t) for t in given}
    return _live(nodes, {id(t) for t in results} - stop, stop)


def needed(nodes: list[Node], results: list[Tensor], given: list[Tensor]) -> set[int]:
    """The tensors, by id, on which the results depend, and the results: back to those given, which are left out."""
    stop = {id(t) for t in given}
    wanted = {id(t) for t in results} - stop
    _live(nodes, wanted, stop)
    return wanted


def following(nodes: list[Node], given: list[Tensor]) -> list[Node]:
    """The nodes that depend on what is given or on weights: not those of models that have inputs of their own."""
    reached = {id(t) for t in given}
    found = []
    for node in nodes:
        if isinstance(node, WeightNode) or any(id(t) in reached for t in node.uses()):
            reached |= {id(t) for t in node.outputs}
            found.append(node)
    return found


def _live(nodes: list[Node], wanted: set[int], stop: set[int]) -> list[Node]:
    """Grows ``wanted`` by what the live nodes use."""
    found: list[Node] = []
    for node in reversed(nodes):
        kept: Node | None = None
        if isinstance(node, IfNode):
            kept = _live_if(node, wanted, stop)
        elif isinstance(node, LoopNode):
            kept = _live_loop(node, wanted, stop)
        elif isinstance(node, (CheckNode, PutNode, SizeNode, WeightNode)):
            kept = node
        elif any(id(t) in wanted for t in node.outputs):
            kept = node = _with_less(node, wanted)
            wanted |= {id(t) for t in node.uses()} - stop
            if isinstance(node, (LayerNode, CallNode)) and node.use.region is not None:
                wanted.add(id(node.use.region.home))
        if kept is not None:
            found.append(kept)
    return found[::-1]


def _with_less(node: Node, wanted: set[int]) -> Node:
    """The call of a function without the results that nothing uses, if layers make them: Keras leaves these out."""
    if not isinstance(node, CallNode) or node.plan.kind != "function":
        return node
    used = [i for i, t in enumerate(node.outputs) if id(t) in wanted]
    if len(used) == len(node.outputs):
        return node
    plan = node.plan.fewer.get(tuple(used)) or _fewer(node.plan, used)
    node.plan.fewer[tuple(used)] = plan
    return node if plan is node.plan else replace(node, plan=plan, outputs=_at(node.outputs, used))


def _fewer(plan: Plan, used: list[int]) -> Plan:
    """The plan with some of the results; itself where the others take no layers of their own."""
    results = tensors_in(plan.result)
    kept = _at(results, used)
    every, needed = (
        set(layers_of(live(plan.region.nodes, r, plan.inputs))) for r in (results, kept)
    )
    if every == needed:
        return plan
    result: Any = tuple(kept)
    names = [t.name for t in kept]
    if isinstance(plan.result, dict):
        result = {k: t for k, t in plan.result.items() if any(t is one for one in kept)}
        names = list(result)
    result = kept[0] if len(kept) == 1 else result
    name = "_".join([plan.name, *(str(n) for n in names if n)])
    title = plan.title or plan.name
    params = list(plan.params)
    return replace(plan, name=name, title=title, result=result, params=params, fewer={})


def _at(tensors: list[Tensor], places: list[int]) -> list[Tensor]:
    return [tensors[i] for i in places]


def layers_of(nodes: list[Node]) -> Iterator[tuple[int, int]]:
    """What has weights of its own, with what of it is called."""
    for node in nodes:
        if isinstance(node, IfNode):
            yield from layers_of(node.then.nodes + node.orelse.nodes)
        elif isinstance(node, LoopNode):
            yield from layers_of(node.body.nodes)
        elif isinstance(node, CallNode):
            yield id(node.use), id(node.plan)
        elif isinstance(node, WeightNode) or (isinstance(node, LayerNode) and has_weights(node)):
            yield id(node.use), 0


def has_weights(node: LayerNode) -> bool:
    """Whether a layer has weights; a BatchNormalization without any has moving statistics all the same."""
    kind = node.rule.keras_kind
    return kind == "batch_normalization" or any(True for _ in node.rule.parameters())


def _live_if(node: IfNode, wanted: set[int], stop: set[int]) -> IfNode | None:
    joined = [j for j in node.joined if id(j[0]) in wanted]
    then, orelse = set(wanted), set(wanted)
    then |= {id(a) for _, a, _ in joined} - stop
    orelse |= {id(b) for _, _, b in joined} - stop
    entered = [j for j in node.joined if id(j[0]) in stop]
    a = _live(node.then.nodes, then, stop | {id(j[1]) for j in entered})
    b = _live(node.orelse.nodes, orelse, stop | {id(j[2]) for j in entered})
    makes = {id(node.then.home), id(node.orelse.home)} & wanted
    idle = all(isinstance(n, (SizeNode, CheckNode, PutNode)) for n in a + b)
    if not joined and not makes and idle:
        return None
    wanted |= then | orelse
    return replace(
        node,
        outputs=[j[0] for j in joined],
        then=_pared(node.then, a),
        orelse=_pared(node.orelse, b),
        joined=joined,
        entered=entered,
    )


def _live_loop(node: LoopNode, wanted: set[int], stop: set[int]) -> LoopNode | None:
    needed = [c for c in node.tensors if id(c.after) in wanted]
    lists = [c for c in node.lists if id(c.after) in wanted]
    left = [c for c in node.left if id(c.after) in wanted]
    body: list[Node] = []
    while True:
        inner = set(wanted) | {id(c.leaving) for c in needed}
        inner |= {id(t) for c in lists for t in c.leaving} | {id(c.leaving) for c in left}
        body = _live(node.body.nodes, inner, stop)
        more = [c for c in node.tensors if c in needed or id(c.entering) in inner]
        if len(more) == len(needed):
            break
        needed = more
    if not needed and not lists and not left:
        body = []
        if not node.sizes:
            return None
    elements = [e for e in node.elements if id(e.tensor) in inner] if body else []
    outer = [c.before for c in needed] + [t for c in lists for t in c.before]
    outer += [e.source.tensors for e in elements]
    wanted |= inner | ({id(t) for t in outer} - stop)
    return replace(
        node,
        inputs=[c.before for c in needed],
        outputs=[*(c.after for c in needed + left), *(c.after for c in lists)],
        body=_pared(node.body, body),
        tensors=needed,
        lists=lists,
        left=left,
        elements=elements,
    )


def _pared(region: Region, nodes: list[Node]) -> Region:
    """A region with some of its nodes. What was made in the whole counts as made in it."""
    return Region(nodes, region.parent, region.merged, region.key)


def last_uses(nodes: list[Node], results: list[Tensor]) -> tuple[dict[int, int], dict[int, int]]:
    """(tensor -> step of its last use, node -> the step at which it is done), by id.

    The two branches of a condition run through the same steps: only one of them is taken. A loop of ``forward``
    starts at the step of its body.
    """
    uses: dict[int, int] = {}
    steps: dict[int, int] = {}

    def use(tensor: Tensor, step: int) -> None:
        uses[id(tensor)] = max(step, uses.get(id(tensor), -1))

    def run(node: LoopNode, step: int) -> int:
        """A turn: what it hands on is needed at its end, and what is around the loop too, for the next one."""
        steps[id(node.body)] = step
        for carried in node.tensors:
            use(carried.before, step)
            use(carried.entering, step + 1)
        step = walk(node.body.nodes, step + 1)
        starts = {id(c.before) for c in node.tensors}
        inside = {id(t) for n in node.body.nodes for t in n.uses()}
        for tensor in node.uses():
            if id(tensor) not in starts or id(tensor) in inside:
                use(tensor, step)
        leaving = [c.leaving for c in (*node.tensors, *node.left)]
        for tensor in (*leaving, *(t for c in node.lists for t in c.leaving)):
            use(tensor, step)
        return step

    def walk(nodes: list[Node], step: int) -> int:
        for node in nodes:
            if isinstance(node, IfNode):
                step = max(walk(node.then.nodes, step), walk(node.orelse.nodes, step))
                for _, a, b in node.joined:
                    use(a, step)
                    use(b, step)
            elif isinstance(node, LoopNode) and node.running:
                step = run(node, step)
            else:
                for tensor in node.uses():
                    use(tensor, step)
            steps[id(node)] = step
            step += 1
        return step

    end = walk(nodes, 0)
    for tensor in results:
        use(tensor, end)
    return uses, steps
