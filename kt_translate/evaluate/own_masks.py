"""Masks that come into the source's own layers, and those that come out of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import first_calls, masked_models, own_classes, subclasses
from kt_translate.evaluate.values import Class, Function, Instance, Unknown, map_tensors
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.layer import RuleError

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


@contextmanager
def seen(instance: Instance, given: dict[str, Any]) -> Iterator[None]:
    """Within, the masks of what a layer is called on are those that it sees: none of what is bare.

    A functional model tells a layer whose ``call`` takes a mask.
    """
    call = instance.cls.lookup("call")
    told = isinstance(call, Function) and "mask" in subclasses.parameter_names(call)
    bare = [t for t in tensors_in(list(given.values())) if t.bare and not told]
    masks = [t.mask for t in bare]
    for tensor in bare:
        tensor.mask = None
    try:
        yield
    finally:
        for tensor, mask in zip(bare, masks, strict=True):
            tensor.mask = mask


def set_results(
    ev: Interpreter,
    instance: Instance,
    plan: Any,
    given: dict[str, Any],
    results: Any,
    tensors: list[Tensor],
) -> None:
    """The masks of what comes out, as ``compute_mask`` says, or as they went in."""
    own = instance.cls.lookup("compute_mask")
    first = next(iter(given.values()), None)
    outer = tensors_in(results)
    if isinstance(own, Function):
        masks = map_tensors(lambda t: t.mask, first)
        said, errors = list(ev.log.diagnostics), ev.log.errors
        made = ev.run_method(own, _built(ev, instance, given), [first, masks], {})
        if isinstance(made, Unknown):  # which matters where something heeds it
            ev.log.diagnostics[:], ev.log.errors = said, errors
            made = [unknown_mask(instance.cls, t, made) for t in outer]
        for tensor, mask in zip(outer, [made] if isinstance(made, Tensor) else made or []):
            tensor.mask = mask if isinstance(mask, Tensor) else None
        return
    entered = own_classes.masks_of(tensors)
    for tensor, inner in zip(outer, tensors_in(plan.result)):
        if inner.mask is not None and id(inner.mask) in plan.passing:
            tensor.mask = entered[plan.passing[id(inner.mask)]]
            told = plan.masking or ev.flavour != "3" or ev.calling
            tensor.untold = tensor.mask is not None and not told


def _built(ev: Interpreter, instance: Instance, given: dict[str, Any]) -> Instance:
    """The object with the attributes that ``build`` leaves; the object itself is as it was."""
    subclasses.settle(ev, instance)
    found = replace(instance, attributes=dict(instance.attributes))
    build = instance.cls.lookup("build")
    if isinstance(build, Function) and not instance.built:
        CURRENT.append(Region())
        try:
            ev.run_method(build, found, *first_calls.shapes_for(build, given))
        finally:
            CURRENT.pop()
    return found


def unknown_mask(cls: Class, tensor: Tensor, made: Unknown) -> Tensor:
    """A mask that keeps whatever heeds it from being written."""

    why = f"{made.why} (line {made.line})" if made.line else made.why
    error = RuleError("KT107", f"the mask that {cls.name} gives is not known: {why}")
    return masked_models.refused(error, tensor.shape[:-1])
