"""Masks that come into a model which is called as a layer, and those that go out of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kt_translate.evaluate.parts import behind
from kt_translate.evaluate.values import map_tensors
from kt_translate.graph.nodes import CallNode, IfNode, LayerNode, LoopNode, Plan
from kt_translate.graph.region import CURRENT, Node, OpNode, Region, derived
from kt_translate.graph.tensor import Layout, Shape, Tensor, tensors_in
from kt_translate.layers.layer import RuleError

Masks = dict[int, Tensor | None]  # of tensors, by their ids


class Heeded(Exception):
    """Within a model something heeds a mask that comes with its inputs."""


def called(plan: Plan, given: list[Tensor]) -> tuple[Plan, list[Tensor], list[Tensor | None]]:
    """A model called on tensors: its class, what that takes, and the masks of what comes out.

    Raises RuleError where the model would have to take masks and cannot.
    """
    entering, table = list(given), dict(zip(map(id, plan.inputs), given))
    try:
        found = _through(plan.region, plan.inputs, given)
    except Heeded:
        masks = list({id(t.mask): t.mask for t in given if t.mask is not None}.values())
        key = tuple(t.mask and [id(m) for m in masks].index(id(t.mask)) for t in given)
        if key not in plan.masked:
            plan.masked[key] = _with_masks(plan, given)
        plan, found = plan.masked[key], {}
        table = dict(zip(map(id, plan.inputs), given))
        table |= {i: masks[place] for i, place in plan.passing.items()}
        entering += [masks[i] for i in plan.masks]
    leaving = [
        found[id(t)] if id(t) in found else _outside(t.mask, table) for t in tensors_in(plan.result)
    ]
    return plan, entering, leaving


def _through(region: Region, own: list[Tensor], given: list[Tensor]) -> Masks:
    """The masks within a model once ``given`` take the place of its ``own`` inputs.

    Raises Heeded where that changes what is calculated, and not only what masks go out.
    """
    found: Masks = {id(t): g.mask for t, g in zip(own, given, strict=True)}
    for node in region.nodes:
        _pass(node, found)
    return found


def _pass(node: Node, found: Masks) -> None:
    masks = [found.get(id(t)) for t in node.uses()]
    if not any(masks):
        return
    if isinstance(node, LayerNode):
        inputs = [replace(t, mask=found.get(id(t))) for t in node.inputs]
        if any(replace(node, inputs=inputs).masks()):
            raise Heeded
        found |= _after(node, found)
    elif isinstance(node, IfNode):
        for part in (*node.then.nodes, *node.orelse.nodes):
            _pass(part, found)
        for tensor, a, b in node.joined:
            found[id(tensor)] = _agreed(found.get(id(a)), found.get(id(b)))
    elif isinstance(node, LoopNode):
        for carried in node.tensors:
            found[id(carried.entering)] = found.get(id(carried.before))
        for part in node.body.nodes:
            _pass(part, found)
        for carried in node.tensors:
            same = _agreed(found.get(id(carried.before)), found.get(id(carried.leaving)))
            found[id(carried.after)] = same
        if node.lists or node.elements:
            raise Heeded
    elif isinstance(node, CallNode):
        if node.plan.kind != "model":  # a layer of the source's own, or a block
            raise Heeded
        inputs = [replace(t, mask=found.get(id(t))) for t in node.inputs]
        inner = _through(node.plan.region, node.plan.inputs, inputs)
        for tensor, result in zip(node.outputs, tensors_in(node.plan.result), strict=True):
            if id(result) in inner:
                found[id(tensor)] = inner[id(result)]


def _after(node: LayerNode, found: Masks) -> Masks:
    """The masks of what a layer gives."""
    seen = [
        replace(s, mask=found.get(id(t), t.mask))
        for t, s in zip(node.inputs, node.seen(), strict=True)
    ]
    made = node.rule.outputs(*seen, **node.options)
    return {id(t): m.mask for t, m in zip(node.outputs, made, strict=True)}


def _agreed(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is not b:
        raise Heeded
    return a


def _with_masks(plan: Plan, given: list[Tensor]) -> Plan:
    """The class of a model that takes the masks of its inputs, too. Raises RuleError where there is none."""
    region = Region(key=plan.region.key)
    wanted = behind(plan.region.nodes, tensors_in(plan.result), plan.inputs)
    table: dict[int, Tensor] = {}
    taken: dict[int, Tensor] = {}  # the masks outside, by their ids
    for own, outer in zip(plan.inputs, given, strict=True):
        if outer.mask is not None and id(outer.mask) not in taken:
            name = f"{own.name or 'x'}_mask" if taken else "mask"
            taken[id(outer.mask)] = Tensor(
                own.shape[: outer.mask.rank], "bool", Layout.LAST, name=name
            )
        mask = None if outer.mask is None else taken[id(outer.mask)]
        table[id(own)] = replace(own, mask=mask, node=None)

    def new(tensor: Tensor) -> Tensor:
        return table.get(id(tensor), tensor)

    CURRENT.append(region)
    try:
        for node in plan.region.nodes:
            if all(id(t) in table or id(t) not in wanted for t in node.outputs):
                continue
            if not isinstance(node, (LayerNode, OpNode)):
                raise RuleError("KT203", f"{plan.name} is called on what has a mask")
            again = replace(node, inputs=[new(t) for t in node.inputs])
            if isinstance(again, LayerNode):
                again.options = {k: map_tensors(new, v) for k, v in again.options.items()}
                made = again.rule.outputs(*again.seen(), **again.options)
                masks = [t.mask for t in made]
            else:
                masks = [t.mask and new(t.mask) for t in node.outputs]
            again.outputs = [
                replace(t, mask=mask, logits=t.logits and new(t.logits))
                for t, mask in zip(node.outputs, masks, strict=True)
            ]
            table |= zip(map(id, node.outputs), again.outputs)
            region.add(again)
    finally:
        CURRENT.pop()
    used = {id(t) for node in region.nodes for t in node.uses()}
    found = replace(plan, region=region, inputs=[new(t) for t in plan.inputs])
    found.result = map_tensors(new, plan.result)
    found.masks = [i for i, t in enumerate(taken.values()) if id(t) in used]
    found.passing = {id(t): i for i, t in enumerate(taken.values())}
    found.inputs += [t for t in taken.values() if id(t) in used]
    found.inline = False
    return found


def _outside(mask: Tensor | None, table: dict[int, Tensor]) -> Tensor | None:
    """A mask of what a model gives, where the model is called."""
    if mask is None or mask in table.values():
        return mask
    try:
        return _again(mask, table)
    except RuleError as error:
        return refused(error, mask.shape)


def _again(tensor: Tensor, table: dict[int, Tensor]) -> Tensor:
    """What a model makes of its inputs, made once more."""
    if id(tensor) not in table:
        node = tensor.node
        if not isinstance(node, OpNode):
            raise RuleError("KT203", "a model makes a mask of what it calculates")
        again = replace(node, inputs=[_again(t, table) for t in node.inputs])
        again.outputs = [replace(t) for t in node.outputs]
        CURRENT[-1].add(again)
        table |= zip(map(id, node.outputs), again.outputs)
    return table[id(tensor)]


def refused(error: RuleError, shape: Shape) -> Tensor:
    """A mask that keeps whatever heeds it from being written."""

    def refuse() -> Any:
        raise error

    return derived(refuse, [], shape, "bool", label="mask")
