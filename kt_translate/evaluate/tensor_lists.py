"""Lists of tensors that a loop has filled: what the source may do with one that stands for all turns.

Such a list has one item, a `Some`. Whatever reads it in another way than is said here asks for its tensors one by
one, and the loop that filled it is unrolled (`LeftOpen`, caught where the function began).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import libcst as cst

from kt_translate.evaluate import merging
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import Native, Scope, Unknown, items_of
from kt_translate.graph.conditions import answered
from kt_translate.graph.lists import (
    EARLY,
    LeftOpen,
    Rows,
    Some,
    TensorList,
    of_numbers,
    one_of,
    some_of,
)
from kt_translate.graph.region import CURRENT, OpNode
from kt_translate.graph.sym import BACKWARDS, Items, Sym, Symbol, code, known
from kt_translate.graph.tensor import Layout, Many, Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


class Growing(Many):
    """What is in a list that the loop at hand fills: nothing is known of it within the loop, but all of it joined."""

    def __init__(self, name: str | None, names: dict[str, Any]) -> None:
        self.name = name
        self.names = names  # of the scope that it is a name of
        self.joined = 0  # how many of the tensors that a turn adds
        self.how: Any = None  # what joins them, if a turn does

    def refuse(self) -> NoReturn:
        raise NotGeneral


class Joined(Many):
    """What is in such a list afterwards, where it is known joined alone."""

    def __init__(self, how: Any, loop: Any) -> None:
        self.how = how
        self.joined: Tensor | None = None
        self.loop = loop

    def refuse(self) -> NoReturn:
        raise LeftOpen([self.loop])


class When(Many):
    """What a turn adds to a list if a condition on settings holds."""

    def __init__(self, test: Any, item: Any) -> None:
        if isinstance(item, When):
            test, item = Sym.binary("and", test, item.test), item.tensor
        if type(item) is not Tensor:
            raise NotGeneral
        self.test: Any = test
        self.tensor: Tensor = item

    def refuse(self) -> NoReturn:
        raise NotGeneral


class Shrinking(Many):
    """What is in a list that the loop at hand takes its tensors from, one in each turn."""

    def __init__(self, some: Some, element: Any) -> None:
        self.some = some
        self.element = element

    def refuse(self) -> NoReturn:
        raise NotGeneral


class Spent(Many):
    """What such a loop leaves in the list."""

    def __init__(self, some: Some) -> None:
        self.some = some

    def refuse(self) -> NoReturn:
        self.some.refuse()


class Left(Unknown, Many):
    """What the last turn of a loop leaves in a name: the loop is unrolled if something reads it."""

    def __init__(self, why: str, line: int, loop: Any) -> None:
        super().__init__(why, line)
        self.loop = loop

    def refuse(self) -> NoReturn:
        raise LeftOpen([self.loop])


def left_by_last(ev: Interpreter, why: str, loop: Any) -> Unknown:
    """What a name holds that only the last turn tells: who reads it has the loop unrolled, where a way leads back."""
    return Left(why, ev.line, loop) if ev.guards else Unknown(why, ev.line)


def settled(value: Any) -> Any:
    """A value that is read in a way that asks for its items."""
    if isinstance(value, Left):
        value.refuse()
    for item in (value if isinstance(value, list) and not of_numbers(value) else ()):
        if isinstance(item, Many):
            item.refuse()
    for part in (value.args if isinstance(value, Items) else ()):
        settled(part)
    return value


def countless(value: Any) -> bool:
    """Whether a loop over the value takes tensors of such a list."""
    return some_of(value) is not None or (
        isinstance(value, Items) and any(map(countless, value.args))
    )


def joinable(a: Any, b: Any) -> bool:
    """Whether ``a + b`` are lists of which at least one has been filled by a loop."""
    lists = isinstance(a, list) and isinstance(b, list)
    return (
        lists
        and all(isinstance(v, (Some, Tensor)) for v in a + b)
        and any(isinstance(v, Some) for v in a + b)
    )


def outputs(ev: Interpreter, value: Any) -> Any:
    """The outputs of a model, with its lists as `as_tensors` has them.

    Which of them has its axes in another order must not hang on how many there are.
    """
    found = as_tensors(ev, value)
    ends = tensors_in(found)
    for i, tensor in enumerate(ends):
        kinds = {t.rank if t.rank > 3 and t.layout is Layout.FIRST else 0 for t in ends[i:]}
        if isinstance(tensor, TensorList):
            if len(kinds) > 1:
                tensor.refuse()
            tensor.given = True
    return found


def as_tensors(ev: Interpreter, value: Any) -> Any:
    """The same with the one tensor that ``forward`` has in place of each list that a loop has filled."""
    some = some_of(value)
    if some is not None and some.picks() is not None:
        return _shown(ev, some)
    if isinstance(value, (list, tuple)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(as_tensors(ev, [v] if isinstance(v, Some) else v) for v in value)
    return {k: as_tensors(ev, v) for k, v in value.items()} if isinstance(value, dict) else value


def _shown(ev: Interpreter, some: Some) -> TensorList:
    """What the view shows, as a list of its own."""
    source = some.tensors
    if some.is_the_list:
        return source
    symbol = Symbol(source.symbol.name, some.view.value, "list")
    sizes = {
        axis: Symbol(size.name, known(along := some.along(axis)), "local", along)
        for axis, size in source.sizes.items()
    }
    made = replace(source, symbol=symbol, sizes=sizes, count=some.count)
    node = OpNode([source], [made], ev.line, label="element")
    node.render = some.said
    node.wants = [Layout.KEEP]
    CURRENT[-1].add(node)
    return made


def holds_many(value: Any) -> bool:
    """Whether a loop has filled a list, or a part of it."""
    return merging.parts_of(value) is not None or countless(value)


# -- what the source does with it -------------------------------------------------------------------

METHODS = ("append", "copy", "pop", "reverse")


def call_method(ev: Interpreter, node: cst.Call, scope: Scope) -> Any:
    """``skips.append(x)`` and the like; NotImplemented for any other call."""
    if not isinstance(node.func, cst.Attribute) or node.func.attr.value not in METHODS:
        return NotImplemented
    owner = raw(ev, node.func.value, scope)
    if not (isinstance(owner, list) and any(isinstance(v, Many) for v in owner)):
        return NotImplemented
    args = [ev.evaluate(arg.value, scope) for arg in node.args]
    return method(ev, owner, node.func.attr.value, args)


def method(ev: Interpreter, owner: list[Any], name: str, args: Any) -> Any:
    """``owner.append(x)`` and the like."""
    some = some_of(owner)
    if name == "append" and tensors_in(args):
        owner.append(*args)
        return None
    if name == "pop" and not args and owner and isinstance(owner[0], Shrinking):
        return owner[0].element(owner)
    if some is not None and name == "pop" and args in ([], [-1]):
        last = one_of(some, -1) if ev.loops else index(ev, some, -1)
        owner[:] = [some.seen(slice(None, -1, None))]
        return last
    if some is not None and name == "copy":
        return [some.copied()]
    if some is not None and name == "reverse":
        owner[:] = [some.seen(BACKWARDS)]
        return None
    return getattr(settled(owner), name)(*args)


def row(ev: Interpreter, rows: Rows, key: Any) -> Any:
    """``levels[key]`` of a list of rows."""
    if isinstance(key, slice):
        rows.refuse()
    left = Unknown("a part of a row that is not in every row", ev.line)
    return rows.kind(left if some is None else index(ev, some, key) for some in rows.columns)


def index(ev: Interpreter, some: Some, key: Any) -> Any:
    """``skips[key]``."""
    only = answered(Sym.binary(">", some.count, 1), ev.assumed) is False
    if not some.tensors.on_the_way and key != BACKWARDS and not only:
        some.refuse()  # Keras leaves out what makes the others only
    if isinstance(key, slice):
        return [some.seen(key)]
    for loop in reversed(ev.loops):
        if isinstance(key, Sym) and key.symbols & loop.turning():
            return loop.takes(some, key)
    if ev.loops and not only:
        some.refuse()
    taken = one_of(some, key)
    label = "element" if known(key) == -1 else EARLY
    node = OpNode([some.tensors], [taken], ev.line, label=label)
    node.render = lambda tensors: some.said(tensors)[code(key)]
    node.wants = [Layout.KEEP]
    CURRENT[-1].add(node)
    return taken


ITERATING = ("reversed", "list", "tuple", "len", "zip", "enumerate")


def copes(function: Any) -> bool:
    """Whether a function can be called with such a list."""
    if isinstance(function, Native):
        return function.name in ITERATING
    return merging.kind_of(function) is not None


def call(ev: Interpreter, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``reversed(skips)``, ``len(skips)``, ``Concatenate()(skips)`` ..."""
    some = some_of(args[0]) if args else None
    if not isinstance(function, Native):
        parts = merging.parts_of(args[0]) if args else None
        merged = None if parts is None else merging.merged(ev, function, parts, args[1:], kwargs)
        if merged is not None:
            return merged
    elif function.name in ("zip", "enumerate"):
        lists = [items(a) for a in args]
        if None not in lists:
            made = zip(*lists) if function.name == "zip" else enumerate(*lists)  # type: ignore[arg-type]
            return Items(list(made), function.name, tuple(args))
    elif some is not None and len(args) == 1:
        if function.name == "reversed":
            return [some.seen(BACKWARDS)]
        if function.name in ("list", "tuple"):
            return [some.copied()]
        if function.name == "len" and some.count is not None:
            return some.count
    for value in (*args, *kwargs.values()):
        settled(value)
    raise NotGeneral


def items(value: Any) -> list[Any] | None:
    """The items of what a loop goes through."""
    some = some_of(value)
    return items_of(value, None) if some is None else some.picks()


def raw(ev: Interpreter, node: Any, scope: Any) -> Any:
    """The value of an expression: an `Either` where a condition left it open, a list of which the length is open."""
    if isinstance(node, cst.Name):
        try:
            return ev.lookup(node.value, scope)
        except KeyError:
            pass
    from kt_translate.evaluate import calls, expressions

    if isinstance(node, cst.Subscript):  # an item of a dict, as a rule
        return expressions.as_made(ev, node, scope)
    if isinstance(node, cst.Attribute):
        return calls.attribute(ev, ev.evaluate(node.value, scope), node.attr.value)
    return ev.evaluate(node, scope)


def listed(ev: Interpreter, node: Any, scope: Any) -> list[Any] | None:
    """The tensors of the list that a name stands for, be there as many as a loop has turns."""
    value = raw(ev, node, scope) if isinstance(node, cst.Name) else None
    is_list = type(value) is list and all(isinstance(v, (Tensor, Many)) for v in value)
    return value if is_list else None
