"""Models that no function or variable has: what is implied by inputs and tensors, and what is made on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from kt_translate.builders import Given, is_complete
from kt_translate.evaluate import models
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import Function, ModelValue, models_in
from kt_translate.found import Found
from kt_translate.graph.region import CURRENT
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.lower.liveness import live, needed
from kt_translate.lower.symbols import all_symbols
from kt_translate.makers import called_by, returned_by


def implies_model(ev: Interpreter, function: Function, beside: list[Function]) -> bool:
    """Whether a function makes an input of its own and gives something, and no other one ``beside`` it asks for that."""
    if "Input" not in called_by(ev, function) or not any(returned_by(ev, function)):
        return False
    word = re.compile(rf"\b{function.name}\b")
    others = [f for f in beside if f is not function and isinstance(f.node, cst.FunctionDef)]
    return not any(word.search((f.source or ev.source).code(f.node)) for f in others)


def with_model(ev: Interpreter, result: Any, line: int) -> Any:
    """What a function gives; the model from the inputs that it made to its tensors, where it gives these."""
    if models_in(result) or not tensors_in(result):
        return result
    region = CURRENT[-1]
    made = [t for n in region.nodes for t in n.outputs if "input" in t.facts and not n.inputs]
    used = needed(region.nodes, tensors_in(result), [])
    inputs = [t for t in made if id(t) in used]
    outputs = _without(result, {id(t) for t in made})
    if not inputs or not tensors_in(outputs):
        return result
    model = models.make(ev, "Model", [inputs, outputs], {})
    model.line = line
    model.from_call = _call(result, inputs)
    return model


def _without(value: Any, inputs: set[int]) -> Any:
    """The structure without what is in it but tensors that are computed; a part that stays alone is all."""
    if isinstance(value, Tensor):
        return None if id(value) in inputs else value
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := _without(v, inputs)) is not None}
    if not isinstance(value, (list, tuple)):
        return None
    parts = [kept for v in value if tensors_in(kept := _without(v, inputs))]
    return parts[0] if len(parts) == 1 and len(value) > 1 else parts or None


def _call(result: Any, inputs: list[Tensor]) -> str:
    """How Keras makes the model of what is given, where that is ``inputs, outputs``; else nothing."""
    if isinstance(result, tuple) and len(result) == 2:
        given = tensors_in(result[0])
        if [id(t) for t in given] == [id(t) for t in inputs]:
            return "keras.Model(*{})"
    return ""


def leans_on(model: ModelValue, given: Given) -> bool:
    """Whether a model needs a tensor of what a function was given that is no input of the model."""
    inputs = tensors_in(model.inputs)
    taken = {id(t) for t in tensors_in(list(given.tensors.values()))} - {id(t) for t in inputs}
    nodes = model.region.nodes if model.region is not None else []
    return bool(taken & needed(nodes, tensors_in(model.outputs), inputs))


def left_over(ev: Interpreter, written: set[int], seen: set[int]) -> Iterator[Found]:
    """The models that were made on the way and are in none of the others; ``written``: their plans' ids."""
    for model in list(ev.models):
        if id(model.plan) in written or model.line in seen or not is_complete(model):
            continue
        plan = plan_of(model)
        nodes = live(plan.region.nodes, tensors_in(plan.result), plan.inputs)
        made = {id(t) for t in plan.inputs} | {id(t) for node in nodes for t in node.outputs}
        of_branch = any(id(t) not in made for t in tensors_in(plan.result))
        if of_branch or any(symbol.kind in ("param", "dim") for symbol in all_symbols(nodes)):
            continue  # a builder's, on the way to its own
        name = model.variable or (model.name if isinstance(model.name, str) else None) or "model"
        yield Found(name, "variable", model.line, model)
