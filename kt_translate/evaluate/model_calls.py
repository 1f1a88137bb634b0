"""Models that are called as layers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import assumed, masked_models, models, sequential, unmasking
from kt_translate.evaluate.sizes_of_calls import shapes_of_call
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import ModelValue, Unknown, map_tensors
from kt_translate.graph.lists import TensorList
from kt_translate.graph.nodes import CallNode
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import known, same
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.graph.terms import closed
from kt_translate.layers.layer import RuleError
from kt_translate.ops.cast import cast_to

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def call_model(ev: Interpreter, model: ModelValue, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A model called as a layer."""
    args = args or [kwargs[name] for name in kwargs if name == "inputs"]
    inputs = tensors_in(args[0]) if args else []
    if not inputs or models.has_unknown(args[0]):
        return Unknown("a model called on what is not known", ev.line)
    if model.kind == "sequential" and model.inputs is None and model.deferred:
        sequential.build_deferred(ev, model, _start_of(ev, model, inputs[0]), inputs[0].dtype)
    if model.outputs is None or model.use is None or "gap" in model.attributes:
        return Unknown("a model that is not known", ev.line)
    assumed.shown_only(ev, model)
    region, own = model.region or Region(), tensors_in(model.inputs)
    if not _fit(inputs, own):
        given, taken = (", ".join(str(t.rank) for t in ts) for ts in (inputs, own))
        ev.note("KT204", f"this model takes inputs of rank {taken}; of rank {given} are given")
        return Unknown("a model called on other inputs than its own", ev.line)
    inputs = [_fitting(ev, t, mine) for t, mine in zip(inputs, own, strict=True)]
    shapes = shapes_of_call(region, own, tensors_in(model.outputs), inputs)
    batch = inputs[0].shape[0]  # which a model keeps

    def result(t: Tensor) -> Tensor:
        if isinstance(t, TensorList):
            t.refuse()
        shape = shapes[id(t)]
        if shape[:1] == (None,):
            shape = (batch, *shape[1:])
        # what a class within this one counts in a loop is said without it
        return Tensor(shape if ev.calling else closed(shape), t.dtype, t.given_layout)

    results = map_tensors(result, model.outputs)
    if models.is_missing_one(args[0]):
        ev.note("KT102", f"{models.plan_of(model).name}: one of its inputs is not known")
        return Unknown("a model called on what is not known in part", ev.line)
    model.use.region = _where_made(model, inputs)
    if not (model.plan and model.plan.frozen):
        models.set_mode(ev, model.use, kwargs.get("training"))
    try:
        plan, entering, masks = masked_models.called(models.plan_of(model), inputs)
    except RuleError as error:
        ev.note(error.code, error.message, error.hint)
        return Unknown(error.message, ev.line)
    unmasking.put_on(ev, inputs)
    for tensor, mask in zip(tensors_in(results), masks, strict=True):
        tensor.mask = mask
        tensor.untold = mask is not None and ev.flavour == "3" and not ev.calling
    CURRENT[-1].add(CallNode(entering, tensors_in(results), ev.line, plan, model.use))
    return results


def _where_made(model: ModelValue, given: list[Tensor]) -> Region:
    """The region in which it is made: that of its first call, or the one around in which all its calls are."""
    first = model.use.region if model.use is not None else None
    if first is None:
        return CURRENT[-1]
    around = list(first.outwards())
    made = next((r for r in CURRENT[-1].outwards() if any(r is other for other in around)), first)
    if made is not first and model.begun and not _alike(given, tensors_in(model.inputs)):
        raise NotGeneral  # the other branch has made another one of it
    return made


def _alike(given: list[Tensor], own: list[Tensor]) -> bool:
    return all(same(a.shape[1:], b.shape[1:]) for a, b in zip(given, own, strict=True))


def _start_of(ev: Interpreter, model: ModelValue, given: Tensor) -> tuple[Any, ...]:
    """The shape that a Sequential without an input starts from. One of the module speaks of no class's sizes."""
    if not any(model is value for value in ev.module.names.values()):
        return given.shape[1:]
    sizes = (known(size) for size in given.shape[1:])
    return tuple(size if isinstance(size, int) else None for size in sizes)


def _fit(given: list[Tensor], own: list[Tensor]) -> bool:
    """Whether a model takes these: as many, of the same ranks up to an axis of size 1 at the end."""
    if len(given) != len(own):
        return False
    pairs = [sorted((a, b), key=lambda t: t.rank) for a, b in zip(given, own, strict=True)]
    return all(
        a.rank == b.rank or (a.rank + 1 == b.rank and b.channels in (1, None)) for a, b in pairs
    )


def _fitting(ev: Interpreter, given: Tensor, own: Tensor) -> Tensor:
    """A tensor as a model takes it: Keras casts whole numbers to floats and back."""
    if kind_of(given.dtype) == kind_of(own.dtype):
        return given
    cast = cast_to(given, own.dtype)
    return cast if isinstance(cast, Tensor) else given


def kind_of(dtype: str) -> str:
    return re.sub(r"[\d_]+", "", dtype).removeprefix("u").replace("bfloat", "float")
