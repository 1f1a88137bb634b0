"""What the parity test builds on either side: expressions of the source and of the output for the same model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kt_translate import builders, guesses
from kt_translate.emit.slices import ARRAY, BY_HAND
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Array, Class, Instance, ModelValue, plain
from kt_translate.found import Found, elements, inputs_text
from kt_translate.graph.lists import as_many, one_by_one
from kt_translate.graph.nodes import Plan
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Tensor, permutation, tensors_in
from kt_translate.lower.class_code import ClassCode

# Sizes for inputs of which nothing is known, by rank.
_SIZES = {2: (6,), 3: (7, 6), 4: (9, 11, 3), 5: (5, 6, 7, 2)}

Case = dict[str, Any]


def of_models(found: Found, factory: str, codes: list[ClassCode], value: Any) -> list[Case]:
    """The cases for a model, or for each of several that come together; ``value``: what holds them."""
    said = _expressions(found)
    if isinstance(said, str):
        return [{"name": found.name, "skip": said}]
    keras, arguments = said
    cases = []
    paths = list(elements(value)) if not isinstance(value, ModelValue) else [("", value)]
    for model, code in zip(found.models, codes, strict=True):
        if not model.from_call:
            why = "gives tensors without the inputs that they are computed from"
            return [{"name": found.name, "skip": f"{found.name} {why}"}]
        path = next((path for path, other in paths if other is model), "")
        case = {
            "name": f"{found.name}{path}",
            "keras": model.from_call.format(f"{keras}{path}"),
            "torch": f"{factory}({arguments}){path}",
        }
        cases.append(case | _ports(code, tensors_in(model.inputs), tensors_in(model.outputs)))
    return cases


def _expressions(found: Found) -> tuple[str, str] | str:
    """The source's expression and the factory's arguments; a reason where there are none."""
    if found.keras is not None:
        return found.keras, found.arguments
    if found.kind == "function":
        texts = inputs_text(found.given)
        given = _arguments(found.given)
        if given is None:
            return f"{found.name} needs arguments that are no plain values"
        return f"{found.called}({', '.join([*texts, *given])})", ", ".join(given)
    if found.kind == "method":
        return f"{found.name} comes about in a method that is to be called with data"
    return re.sub(r"\W", "_", f"{found.name}_of_line_{found.line}"), ""


def _arguments(given: builders.Given) -> list[str] | None:
    """The arguments that must be given: as the file has them, else likely ones."""
    texts = []
    for param in given.params:
        name = param.symbol.name
        if param.default is not None and name not in given.guessed:
            continue
        value = param.symbol.value
        if value is UNKNOWN and not isinstance(given.values.get(name), Sym):
            return None  # a function or a class, which the output has no word for
        if value is UNKNOWN:
            value = guesses.guess(name, "", "")
        if not plain(value):
            return None
        texts.append(f"**{value!r}" if param.gathers else f"{name}={value!r}")
    return texts


def of_class(
    cls: Class, factory: str, code: ClassCode, plan: Plan, instance: Instance, tensors: list[Tensor]
) -> Case:
    """The case for a layer or model class of the source, made and called as the file does it."""
    given = dict(instance.bound or {})
    values = {name: _value(name, value) for name, value in given.items()}
    texts = {
        n: text for n, text in values.items() if text is not None and _must_be_given(plan, n, text)
    }
    unsaid = [n for n in given if values[n] is None]
    if unsaid:
        reason = f"{cls.name} is made with {', '.join(unsaid)}, which is no plain value"
        return {"name": cls.name, "skip": reason}
    shapes, sizes = _shapes(plan, tensors)
    used = {p.symbol.name for p in plan.params}
    mine = [
        f"{n}={v}" for n, v in {**sizes, **texts}.items() if n in used and n in code.used_parameters
    ]
    case: Case = {
        "name": cls.name,
        "keras": f"{cls.name}({', '.join(f'{n}={text}' for n, text in texts.items())})",
        "torch": f"{factory}({', '.join(mine)})",
    }
    case |= _ports(code, plan.inputs, code.outputs)
    for port, shape in zip(case["inputs"], shapes, strict=True):
        port["shape"] = shape
    return case


def _must_be_given(plan: Plan, name: str, text: str) -> bool:
    param = next((p for p in plan.params if p.symbol.name == name), None)
    return param is None or param.default != text


def _value(name: str, value: Any) -> str | None:
    """A constructor's argument as text; of one that is not known, a small number."""
    if isinstance(value, Sym):
        value = known(value)
        if value is UNKNOWN:
            value = _small(name)
    if isinstance(value, KerasObject) and plain([value.args, value.kwargs]):
        return None
    return repr(value) if plain(value) else None


def _small(name: str) -> Any:
    """A likely value for a layer's setting that nothing tells, small enough for a test."""
    value = guesses.guess(name, "", "")
    if isinstance(value, int) and not isinstance(value, bool):
        return {1000: 20, 16: 8, 20: 7}.get(value, value)
    return value


def _shapes(plan: Plan, tensors: list[Tensor]) -> tuple[list[list[int | None]], dict[str, str]]:
    """The inputs' shapes as the file has them, or small ones, and what the class's sizes are for them."""
    shapes: list[list[int | None]] = []
    sizes: dict[str, int] = {}
    chosen: dict[str, int] = {}
    for inner, outer in zip(plan.inputs, tensors, strict=True):
        defaults = _SIZES.get(outer.rank, (3,) * (outer.rank - 1))
        shape: list[int | None] = [None]
        for mine, theirs, default in zip(inner.shape[1:], outer.shape[1:], defaults, strict=True):
            size = known(theirs)
            if not isinstance(size, int):
                size = chosen.setdefault(str(theirs), default) if theirs is not None else default
            shape.append(size)
            if isinstance(mine, Sym):
                sizes[str(mine)] = size
        shapes.append(shape)
    return shapes, {name: repr(size) for name, size in sizes.items()}


def _ports(code: ClassCode, actual: list[Tensor], given: list[Tensor]) -> Case:
    """How the module takes and gives what Keras takes and gives."""
    inputs = [
        {
            "shape": [d if isinstance(d := known(dim), int) else None for dim in real.shape],
            "dtype": tensor.dtype,
            "permute": permutation(tensor.rank, tensor.layout),
        }
        for tensor, real in zip(code.inputs, actual, strict=True)
    ]
    count = sum(len(one_by_one(t)) for t in given)
    outputs = [permutation(t.rank, t.given_layout) for t in as_many(code.outputs, count)]
    return {"inputs": inputs, "outputs": outputs}


def values_of(names: Mapping[str, Any]) -> dict[str, str]:
    """What is known of a module's variables, as expressions."""
    values = {}
    for name, value in names.items():
        if isinstance(value, Sym) and isinstance(value.value, (int, float, str, tuple, list)):
            value = value.value
        if isinstance(value, Array):
            if value.shape is not None and all(isinstance(n, int) for n in value.shape):
                values[name] = f"{ARRAY}{value.shape!r}, {value.dtype!r})"
        elif plain(value):
            values[name] = repr(value)
        elif isinstance(value, Instance) and value.cls.name == "Namespace":
            options = {n: known(v) for n, v in value.attributes.items()}
            if plain(options):  # of a command line
                values[name] = f"argparse.Namespace(**{options!r})"
    return values


def said_by_hand(ev: Interpreter) -> dict[str, str]:
    """The variables that are given values, whatever the source says: by the command line, or in place of data."""
    said = {}
    for name, size in ev.open_sizes.items():
        counted = re.fullmatch(r"len\((\w+)\)", size.origin)
        said[counted[1] if counted else name] = f"range({size.value})" if counted else size.value
    return {n: f"{BY_HAND}{v}" for n, v in said.items()} | {
        n: BY_HAND + repr(v) for n, v in ev.settings.items()
    }
