"""The arguments with which a function of the source is tried: what the source tells, then what is likely."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import libcst as cst

from kt_translate.evaluate import handed
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.passed_on import with_passed_on
from kt_translate.evaluate.values import Function, Unknown
from kt_translate.graph.sym import UNKNOWN, known
from kt_translate.graph.tensor import tensors_in
from kt_translate.graph.tuning import Tuned, tells_hyperparameters
from kt_translate.guesses import (
    by_hand,
    code_about,
    gathered,
    guess,
    guesser,
    input_of,
    is_called_on,
    keys_read,
    length_told,
)
from kt_translate.instead import objects_instead
from kt_translate.sample_objects import object_for
from kt_translate.shapes import is_shape, is_tensor_name, other_shapes, roomier
from kt_translate.words import choices, code_with

Shapes = dict[str, tuple[int | None, ...]]


def declared(function: Function) -> list[tuple[cst.Param, bool]]:
    """The parameters that a caller gives, and whether only by name; a method's ``self`` is not among them."""
    params = function.node.params
    positional = [*params.posonly_params, *params.params]
    bound = function.owner is not None and "staticmethod" not in function.decorators
    found = [(p, False) for p in positional[1 if bound else 0 :]]
    return found + [(p, True) for p in params.kwonly_params]


def attempts(
    ev: Interpreter, function: Function, shapes: Shapes, own: Callable[[dict[str, Any]], bool]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Sample values to try, the likeliest first, and which of them are guesses."""
    function = with_passed_on(function)
    names = [p.name.value for p, _ in declared(function)]
    star = gathered(function, ev.source)
    names += [star] if star is not None else []
    calls = [bound for bound, _, _ in function.calls if own(bound)][:3]
    shape = shapes.get(function.name, shapes.get(""))
    text = code_about(ev, function)
    objects = objects_instead(ev, function)
    first = {name: _told(ev, function, name, calls, objects) for name in names}
    sized = by_hand(ev, function, names, shape, shapes)
    first |= sized
    if star is not None and first[star] is UNKNOWN and not keys_read(star, text):
        first[star] = {}
    yield first, {}
    for bound in calls:
        other = {n: _sample(bound.get(n, UNKNOWN)) for n in names}
        other = {n: first[n] if v is UNKNOWN else v for n, v in other.items()} | sized
        if other != first:
            yield other, {}
    guessing, kinds = guesser(ev, function, text)

    def taken(name: str) -> Any:
        length = length_told(name, text)
        one = input_of(guess("shape", text, kinds) if length is None else (length,))
        count = _tensors_read(name, text)
        return [replace(one) for _ in range(count)] if count else one

    def likely(names: list[str]) -> dict[str, Any]:
        return {
            n: taken(n) if _takes_tensors(n, text) else handed.likely(n, text, kinds) or guessing(n)
            for n in names
        }

    guessed = likely([n for n in names if first[n] is UNKNOWN])
    if guessed:
        yield {**first, **guessed}, dict(guessed)
    if objects:
        yield {**first, **guessed, **dict.fromkeys(objects)}, guessed
    shapes_left_out = (n for n in names if first[n] is None and n not in sized)
    shapes_guessed = {n: guessing(n) for n in shapes_left_out if is_shape(n, text)}
    if shapes_guessed:
        guessed |= shapes_guessed
        yield {**first, **guessed}, guessed
    larger = {n: roomier(v) for n, v in guessed.items()}
    if larger != guessed:
        yield {**first, **larger}, larger
    for other in other_shapes(guessed):
        yield {**first, **other}, other
    if isinstance(first.get("weights"), str):  # of a model whose weights have gone
        yield {**first, **guessed, "weights": None}, guessed
    required = likely([n for n in names if n not in function.defaults and n not in sized])
    if calls and required.keys() > guessed.keys():  # the source's own calls may not fit
        yield {**first, **guessed, **required}, guessed | required


def _tensors_read(name: str, text: str) -> int:
    """How many tensors the code reads off a parameter that is a list of them, ``inputs[0]``; 0 where it is none."""
    n = re.escape(name)
    places = re.findall(rf"(?:=|\)\()\s*{n}\[(\d)\]\s*\)?$", text, re.MULTILINE)
    return max(map(int, places), default=-1) + 1 if is_tensor_name(name) else 0


def _takes_tensors(name: str, text: str) -> bool:
    """Whether a parameter is a tensor or a list of them: layers are called on it, or on what is read off it."""
    return is_called_on(name, text) or (_tensors_read(name, text) > 0 and ")(" in text)


def _told(
    ev: Interpreter,
    function: Function,
    name: str,
    calls: list[dict[str, Any]],
    objects: dict[str, Any],
) -> Any:
    """A parameter's value by its default or the source's calls of the function, or by what the code compares it with."""
    values = [objects.get(name, function.defaults[name])] if name in function.defaults else []
    values += [bound[name] for bound in calls if name in bound]
    if name in ev.settings:
        ev.used_settings.add(name)
        values.insert(0, ev.settings[name])
    told = next((v for v in map(_sample, values) if v is not UNKNOWN), UNKNOWN)
    if told is UNKNOWN and tells_hyperparameters(name, code_about(ev, function)):
        return Tuned()
    if told is UNKNOWN and (made := object_for(ev, function, name)) is not None:
        return made
    return (
        next(iter(choices(ev, name, code_with(ev, function))), UNKNOWN) if told is UNKNOWN else told
    )


def _sample(value: Any) -> Any:
    if tensors_in(value):
        return value
    return UNKNOWN if isinstance(value, Unknown) else known(value)
