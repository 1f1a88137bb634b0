"""TimeDistributed around a model, or a layer of the source's own: its class is applied to every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.lambdas import LambdaValue
from kt_translate.evaluate.values import Instance, ModelValue, Native, Unknown
from kt_translate.graph.nodes import (
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    Plan,
    SizeNode,
)
from kt_translate.graph.region import CURRENT, Node, Region, derived
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.layers.layer import RuleError
from kt_translate.layers.time_distributed import WITH_STATISTICS
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def wrapped(ev: Interpreter, args: list[Any], kwargs: dict[str, Any]) -> LambdaValue | None:
    """``TimeDistributed(layer)``, where the layer becomes a class; None for Keras's own layers."""
    given = dict(zip(("layer",), args), **kwargs)
    layer = given.get("layer")
    if not isinstance(layer, ModelValue) and not (isinstance(layer, Instance) and layer.use):
        return None
    steps = Native("TimeDistributed", lambda ev, x: _every_step(ev, layer, x))
    return LambdaValue(
        steps, name=given.get("name"), input_shape=given.get("input_shape"), line=ev.line
    )


def _every_step(ev: Interpreter, layer: Any, x: Any) -> Any:
    from kt_translate.evaluate import calls

    if not isinstance(x, Tensor) or x.rank < 3 or x.mask is not None:
        raise RuleError("KT203", "TimeDistributed of a model takes one tensor without a mask")
    step = Tensor((x.shape[0], *x.shape[2:]), x.dtype, Layout.FIRST if x.rank > 3 else Layout.LAST)
    region = Region()
    CURRENT.append(region)
    try:
        y = calls.call(ev, layer, [step], {}, None, None)
    finally:
        CURRENT.pop()
    if isinstance(y, Unknown):
        return y
    inner = the_call(region)
    if inner is None or not isinstance(y, Tensor):
        raise RuleError("KT203", "TimeDistributed of what is no class by itself is not supported")
    statistics = _has_statistics(_nodes_of(inner.plan))
    if statistics and x.shape[1] is None:
        raise RuleError(
            "KT203", "TimeDistributed of a model with statistics needs a fixed number of steps"
        )
    taken = steps_first(x, inner.plan.inputs[0].layout)
    out = steps_of(x, y)
    over = Expr("step_by_step" if statistics else "over_time")
    inner.use.region = CURRENT[-1]
    node = CallNode([taken], [out], ev.line, inner.plan, inner.use, inner.args, over)
    CURRENT[-1].add(node)
    return in_keras_order(out, y)


def the_call(region: Region) -> CallNode | None:
    """The one call that a region consists of; what names or checks sizes on the way moves to the region at hand."""
    rest = [n for n in region.nodes if not isinstance(n, (CheckNode, SizeNode))]
    for node in region.nodes:
        if node not in rest:
            CURRENT[-1].add(node)
    return rest[0] if len(rest) == 1 and isinstance(rest[0], CallNode) else None


def steps_of(x: Tensor, y: Tensor) -> Tensor:
    """All steps of ``y``, one for each of ``x``: a tensor (N, L, ...) whose order is PyTorch's."""
    pictures = y.layout is Layout.FIRST and y.rank > 3
    shape = (y.shape[-1], *y.shape[1:-1]) if pictures else y.shape[1:]
    return Tensor((x.shape[0], x.shape[1], *shape), y.dtype, Layout.LAST)


def in_keras_order(steps: Tensor, y: Tensor) -> Tensor:
    """What `steps_of` has given, as a tensor of which Keras's order is known."""
    if y.layout is not Layout.FIRST or y.rank <= 3:
        return steps
    shape = (*steps.shape[:2], *y.shape[1:])
    return derived(lambda e: e.transpose(1, 2), [steps], shape, y.dtype, Layout.FIRST, Layout.KEEP)


def steps_first(x: Tensor, layout: Layout) -> Tensor:
    """(N, L, ...) with each step as the class takes it, as a tensor whose order is PyTorch's."""
    if layout is Layout.FIRST and x.rank > 3:
        shape = (x.shape[0], x.shape[1], x.shape[-1], *x.shape[2:-1])
        return derived(lambda e: e.transpose(1, 2), [x], shape, x.dtype, wants=Layout.FIRST)
    if x.layout is Layout.LAST:
        return x
    return derived(lambda e: e, [x], x.shape, x.dtype, wants=Layout.LAST)


def _nodes_of(plan: Plan) -> list[Node]:
    """What a class computes its result with: of the region in which a model was built, no more than that."""
    wanted = {id(t) for t in tensors_in(plan.result)}
    found = []
    for node in reversed(plan.region.nodes):
        if not wanted.isdisjoint(map(id, node.outputs)):
            wanted |= {id(t) for t in node.uses()}
            found.append(node)
    return found


def _has_statistics(nodes: list[Node]) -> bool:
    for node in nodes:
        inside: list[Node] = []
        if isinstance(node, LayerNode) and type(node.rule).__name__ in WITH_STATISTICS:
            return True
        if isinstance(node, CallNode):
            inside = [] if node.itself else _nodes_of(node.plan)
        elif isinstance(node, IfNode):
            inside = node.then.nodes + node.orelse.nodes
        elif isinstance(node, LoopNode):
            inside = node.body.nodes
        if _has_statistics(inside):
            return True
    return False
