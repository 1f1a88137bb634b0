"""Loops through the places of a list of layers: ``for i in range(depth): x = self.blocks[i](x)``.

The loop goes through the layers themselves, and has their places where something else reads these; of a list to which
each turn added several, ``self.blocks[2 * i + 1]``, it goes through rows of them. Of layers and tensors that are gone
through together, ``zip(self.blocks, skips)``, the tensors are taken by the places of the layers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import loops, tensor_lists
from kt_translate.evaluate.abreast import Abreast, Numbered, abreast, counts
from kt_translate.evaluate.layer_lists import Flat, LayerList, is_range
from kt_translate.evaluate.values import Scope
from kt_translate.graph.lists import count, singular
from kt_translate.graph.sym import Items, Sym, known, same
from kt_translate.source.walk import Named, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def run_for(ev: Interpreter, node: cst.For, scope: Scope) -> bool:
    """Keep such a loop. False where it is none, or cannot be kept; nothing has changed then."""
    found = _through_items(node)
    if found is None:
        return False
    loop, place = found
    together = [arg.value for arg in loop.iter.args] if isinstance(loop.iter, cst.Call) else []
    if not all(isinstance(gone_through(ev, one, scope), LayerList) for one in together):
        return False
    layers = gone_through(ev, loop.iter, scope)
    if place is not None:
        layers = Numbered(layers, place) if type(layers) in (LayerList, Abreast) else None
    elif not isinstance(loop.iter, cst.Call) and isinstance(loop.target, cst.Tuple):
        layers = _in_rows(layers, len(loop.target.elements))
    if not isinstance(layers, LayerList):
        return False
    turns: Any = node.iter.args[0].value  # type: ignore[attr-defined]
    if not _is_length(turns, loop.iter) and not same(ev.evaluate(turns, scope), _length(layers)):
        return False
    return loops.run_for(ev, loop, scope, layers)


def gone_through(ev: Interpreter, node: cst.BaseExpression, scope: Scope) -> Any:
    """What a loop goes through: a list of layers keeps its length open, and so do several, gone through together."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "zip":
        lists = [gone_through(ev, arg.value, scope) for arg in node.args if _is_named(arg.value)]
        made = abreast(lists) if len(lists) == len(node.args) else None
        if made is not None:
            return made
    return tensor_lists.raw(ev, node, scope)


def taken(ev: Interpreter, layers: Any, key: Any) -> Any:
    """The layer that a turn of a loop takes by its number, ``self.downs[i]``; None for anything else."""
    if type(layers) is not LayerList or not isinstance(key, Sym):
        return None
    loop = next((loop for loop in reversed(ev.loops) if counts(loop, key)), None)
    if loop is None or (loop is not ev.loops[-1] and not isinstance(layers[0], LayerList)):
        return None
    for held, place, made in loop.places:
        if held is layers and same(place, key):
            return made
    item = _item(layers.iterable, key)
    if item is None or not 0 <= known(key) < len(layers):
        return None
    layers.check_first(ev.loops[: ev.loops.index(loop)])
    made = layers.element(ev, lambda target, inner: ev.assign(target, item, inner), known(key))
    loop.places.append((layers, key, made))
    for one in ev.loops:
        one.taken += layers.taken([made])
    return made


def _item(through: Any, key: Sym) -> Any:
    """What a loop has at a place; None where there are no words for it."""
    if is_range(through):
        start = through.args[1] if len(through.args) > 2 else 0
        return Sym.binary("+", start, key) if start != 0 else key
    if isinstance(through, Sym) and isinstance(through.value, (list, tuple)):
        return Sym.index(through, key)
    if not isinstance(through, Items) or through.function not in ("zip", "enumerate"):
        return None
    parts = [_item(value, key) for value in through.args]
    if None in parts or (through.function == "enumerate" and len(parts) > 1):
        return None
    return (key, *parts) if through.function == "enumerate" else tuple(parts)


def numbered(ev: Interpreter, node: cst.For, scope: Scope) -> Numbered | None:
    """What ``for i, block in enumerate(self.blocks)`` goes through; None for any other loop."""
    target, call = node.target, node.iter
    if not isinstance(target, cst.Tuple) or not isinstance(call, cst.Call):
        return None
    place = target.elements[0].value
    if not isinstance(place, cst.Name) or not isinstance(call.func, cst.Name):
        return None
    if call.func.value != "enumerate" or len(call.args) != 1 or not _is_named(call.args[0].value):
        return None
    layers = gone_through(ev, call.args[0].value, scope)
    return Numbered(layers, place.value) if type(layers) is LayerList else None


def beside_tensors(ev: Interpreter, node: cst.For, scope: Scope) -> tuple[cst.For, Numbered] | None:
    """``for block, skip in zip(self.blocks, skips)`` through the blocks and their places; None for any other loop."""
    call, target = node.iter, node.target
    if not isinstance(call, cst.Call) or not call.func.deep_equals(cst.Name("zip")):
        return None
    if not isinstance(target, cst.Tuple) or len(target.elements) != len(call.args):
        return None
    if any(
        isinstance(part, cst.Call) for arg in call.args for part in walk(_unreversed(arg.value))
    ):
        return None  # what may change something is run once
    values = [gone_through(ev, arg.value, scope) for arg in call.args]
    of_layers = tuple(i for i, v in enumerate(values) if type(v) is LayerList)
    tensors = [v for v in values if tensor_lists.countless(v)]
    if not of_layers or not tensors or len(of_layers) + len(tensors) < len(values):
        return None
    lists = [values[i] for i in of_layers]
    layers = lists[0] if len(lists) == 1 else abreast(lists)
    taking = _taking(node, of_layers)
    return None if layers is None or taking is None else (taking[0], Numbered(layers, taking[1]))


@lru_cache(maxsize=1024)
def _taking(node: cst.For, of_layers: tuple[int, ...]) -> tuple[cst.For, str] | None:
    """The loop that takes of all others what stands at the place of its layers, and the name of that place."""
    targets = [element.value for element in node.target.elements]  # type: ignore[attr-defined]
    if not all(isinstance(name, cst.Name) for name in targets):
        return None
    place = "i"
    while place in names_in(node) | {name.value for name in targets}:
        place += "_"
    taken = []
    for i, arg in enumerate(node.iter.args):  # type: ignore[attr-defined]
        if i not in of_layers:
            said = cst.Module([]).code_for_node(_unreversed(arg.value))
            taken.append(cst.parse_statement(f"{targets[i].value} = ({said})[{place}]"))
    layers = [cst.Element(targets[i]) for i in of_layers]
    body = node.body.with_changes(body=[*taken, *node.body.body])
    target = cst.Tuple([cst.Element(cst.Name(place)), *layers])
    return node.with_changes(target=target, body=body), place


def _unreversed(node: cst.BaseExpression) -> cst.BaseExpression:
    """``skips[::-1]`` for ``reversed(skips)``."""
    if not isinstance(node, cst.Call) or not node.func.deep_equals(cst.Name("reversed")):
        return node
    return cst.parse_expression(f"({cst.Module([]).code_for_node(node.args[0].value)})[::-1]")


def _in_rows(layers: Any, size: int) -> LayerList | None:
    """The rows of a list to which each turn added so many layers."""
    return layers.rows if isinstance(layers, Flat) and len(layers.rows[0]) == size else None


def _length(layers: LayerList) -> Any:
    """How many layers there are; None where there are no words for it."""
    turns = count(layers.iterable)
    return turns * len(layers.rows[0]) if isinstance(layers, Flat) and turns is not None else turns


@lru_cache(maxsize=1024)
def _through_items(node: cst.For) -> tuple[cst.For, str | None] | None:
    """The loop through the items of the lists that it takes items of, and their place where it reads that otherwise."""
    if not isinstance(node.target, cst.Name) or not _is_range(node.iter):
        return None
    place = node.target.value
    taken = [part for part in walk(node.body) if _place_in_row(part, place) is not None]
    reads = [part for part in walk(node.body) if isinstance(part, cst.Name) and part.value == place]
    if not taken:
        return None
    counts = len(reads) != len(taken)
    code = cst.Module([]).code_for_node
    text = code(node.body)
    size, *others = {_place_in_row(part, place)[0] for part in taken}  # type: ignore[index]
    lists: dict[str, Any] = {code(p.value): p.value for p in taken}  # type: ignore[attr-defined]
    if others or (size > 1 and (counts or len(lists) > 1)):
        return None
    lists = dict(sorted(lists.items(), key=lambda item: text.index(item[0])))
    variables: dict[tuple[str, int], str] = {}
    for said, at in product(lists, range(size)):
        word = re.findall(r"\w+", said)[-1]
        variable = singular(word if word.isidentifier() else "layers")
        while variable in names_in(node) or variable in variables.values():
            variable += "_"
        variables[said, at] = variable
    named = {
        id(part): variables[code(part.value), _place_in_row(part, place)[1]]  # type: ignore[attr-defined,index]
        for part in taken
    }
    names = [cst.Name(name) for name in [*([place] if counts else []), *variables.values()]]
    target = names[0] if len(names) == 1 else cst.Tuple([cst.Element(name) for name in names])
    together = cst.Call(cst.Name("zip"), [cst.Arg(listed) for listed in lists.values()])
    through = next(iter(lists.values())) if len(lists) == 1 else together
    made = node.with_changes(target=target, iter=through, body=node.body.visit(Named(named)))
    return made, place if counts else None


def _is_range(node: cst.BaseExpression) -> bool:
    """``range(n)``."""
    ranged = isinstance(node, cst.Call) and isinstance(node.func, cst.Name)
    return ranged and node.func.value == "range" and len(node.args) == 1  # type: ignore[attr-defined]


def _is_named(node: cst.BaseExpression) -> bool:
    """Whether it is a name or an attribute, or an item of one by a word: ``self.parts["blocks"]``."""
    if isinstance(node, cst.Subscript) and len(node.slice) == 1:
        key = node.slice[0].slice
        by_word = isinstance(key, cst.Index) and isinstance(key.value, cst.SimpleString)
        return by_word and _is_named(node.value)
    return isinstance(node, (cst.Name, cst.Attribute))


def _is_length(node: Any, listed: cst.BaseExpression) -> bool:
    """``len(listed)``, or of one of those that are gone through together."""
    if isinstance(listed, cst.Call):
        return any(_is_length(node, arg.value) for arg in listed.args)
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
        return False
    return node.func.value == "len" and node.args[0].value.deep_equals(listed)


def _place_in_row(node: cst.CSTNode, place: str) -> tuple[int, int] | None:
    """How many items a turn has, and which of them is taken: (2, 1) for ``self.blocks[2 * place + 1]``."""
    if not isinstance(node, cst.Subscript) or len(node.slice) != 1 or not _is_named(node.value):
        return None
    key = node.slice[0].slice
    said = cst.Module([]).code_for_node(key.value) if isinstance(key, cst.Index) else ""
    one, name = r"([2-9])", re.escape(place)
    found = re.fullmatch(rf"\(?(?:{one} *\* *)?{name}(?: *\* *{one})?\)?(?: *\+ *(\d))?", said)
    if found is None or (found[1] and found[2]):
        return None
    size, at = int(found[1] or found[2] or 1), int(found[3] or 0)
    return (size, at) if at < size else None
