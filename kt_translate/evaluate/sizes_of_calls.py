"""The sizes that a model gives for inputs whose sizes are known, where its own are open."""

from __future__ import annotations

from dataclasses import replace

from kt_translate.graph.nodes import CallNode, LayerNode
from kt_translate.graph.region import Node, Region
from kt_translate.graph.tensor import Shape, Tensor, tensors_in
from kt_translate.layers.layer import RuleError


def shapes_of_call(
    region: Region, own: list[Tensor], outputs: list[Tensor], given: list[Tensor]
) -> dict[int, Shape]:
    """The shapes, by identity, of ``outputs`` once ``given`` take the place of the model's ``own`` inputs."""
    found = {id(t): g.shape for t, g in zip(own, given)}
    if any(None in t.shape[1:] for t in outputs):
        for node in region.nodes:
            if any(id(t) in found for t in node.inputs):
                found |= zip(map(id, node.outputs), _shapes(node, found))
    return {id(t): found.get(id(t), t.shape) for t in outputs}


def _shapes(node: Node, found: dict[int, Shape]) -> list[Shape]:
    before = [t.shape for t in node.outputs]
    seen = [replace(t, shape=found.get(id(t), t.shape)) for t in node.inputs]
    if isinstance(node, LayerNode):
        try:
            wants = node.rule.wants(*seen)
            seen = [t.seen_in(w) for t, w in zip(seen, wants)]
            return [t.shape for t in node.rule.outputs(*seen, **node.options)]
        except RuleError:
            return before
    plan = node.plan if isinstance(node, CallNode) else None
    if plan is not None and plan.kind == "model":
        outputs = tensors_in(plan.result)
        shapes = shapes_of_call(plan.region, plan.inputs, outputs, seen)
        return [shapes[id(t)] for t in outputs]
    same = [s.shape for t, s in zip(node.inputs, seen) if [t.shape] == before]
    return same[:1] or before
