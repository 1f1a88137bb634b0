"""Sizes that go to and fro with tensors: ``x, (height, width) = self.patches(image)``, ``x = block(x, height, width)``.

What the source's own layers give beside their tensors, who calls them has from the sizes of the inputs. What they are
handed so are parameters of ``forward``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.evaluate import general
from kt_translate.evaluate.general import tensors_only
from kt_translate.evaluate.inputs import unpacked_names
from kt_translate.evaluate.values import Class, plain
from kt_translate.graph.nodes import Param
from kt_translate.graph.sym import Sym, Symbol, key_of, known, substitute, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.graph.terms import closed, expand


def apart(
    result: Any, asked: list[Symbol], params: list[Param], inputs: list[Tensor]
) -> tuple[Any, Any]:
    """The tensors that a call gives; and all of it, where what the class knows tells what stands beside them."""
    sizes = {*asked, *(p.symbol for p in params), *symbols_in([t.shape for t in inputs])}
    if tensors_only(result) or not _tells(result, sizes):
        return result, None
    return _tensors_alone(result), result


def _tells(value: Any, sizes: set[Symbol]) -> bool:
    """Whether all that stands beside the tensors can be said by these sizes."""
    if isinstance(value, (list, tuple)):
        return all(_tells(v, sizes) for v in value)
    if isinstance(value, dict):
        return all(_tells(v, sizes) for v in value.values())
    if isinstance(value, Sym):
        return symbols_in(closed(value)) <= sizes
    return isinstance(value, Tensor) or plain(value)


def _tensors_alone(value: Any) -> Any:
    """The same without what holds no tensors; what is left of a row is no row if it is one."""
    if isinstance(value, dict):
        return {k: _tensors_alone(v) for k, v in value.items() if tensors_in(v)}
    if not isinstance(value, (list, tuple)):
        return value
    kept = [_tensors_alone(v) for v in value if tensors_in(v)]
    return kept[0] if len(kept) == 1 < len(value) else type(value)(kept)


def for_caller(value: Any, table: dict[Symbol, Any]) -> Any:
    """The sizes in the terms of who calls."""
    return _mapped(lambda said: substitute(closed(said), table), value)


def _mapped(function: Callable[[Sym], Any], value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(function, v) for v in value)
    if isinstance(value, dict):
        return {k: _mapped(function, v) for k, v in value.items()}
    return function(value) if isinstance(value, Sym) else value


def handed(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call that are sizes of data, or rows of them: only ``forward`` can know them."""
    return {name: value for name, value in given.items() if are_sizes(value)}


def are_sizes(value: Any) -> bool:
    """Whether an argument is a size of data, or a row with such."""
    return any(map(_of_data, leaves(value)))


def told(given: dict[str, Any]) -> list[Sym]:
    """What the arguments of a call say of the sizes that ``forward`` is handed."""
    found = [leaf for value in handed(given).values() for leaf in leaves(value)]
    return [leaf for leaf in found if isinstance(leaf, Sym)]


def leaves(value: Any) -> list[Any]:
    """The sizes in arguments, one after the other."""
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def _of_data(value: Any) -> bool:
    return isinstance(value, Sym) and any(s.kind == "dim" for s in symbols_in(expand(value)))


def entering(value: Any, names: list[str], symbols: list[Symbol]) -> Any:
    """The same by symbols of these names, which are added to ``symbols``; plain numbers stay what they are."""
    said = iter(names)

    def enter(leaf: Any) -> Any:
        name = next(said)
        if not isinstance(leaf, Sym):
            return leaf
        symbols.append(Symbol(name, known(leaf), "dim"))
        return Sym.of(symbols[-1])

    def each(part: Any) -> Any:
        return type(part)(map(each, part)) if isinstance(part, (list, tuple)) else enter(part)

    return each(value)


def beside(cls: Class, name: str, value: Any, symbols: list[Symbol]) -> Any:
    """An argument whose tensors have entered, with the sizes that are in a row with them: ``block((x, size))``."""
    if not isinstance(value, (list, tuple)) or not are_sizes(value):
        return value
    parts = zip(unpacked_names(cls, name, len(value)), map(leaves, value))
    rows = ([n] if len(row) == 1 else unpacked_names(cls, n, len(row)) for n, row in parts)
    return entering(value, [n for row in rows for n in row], symbols)


def kind_of(value: Any) -> Any:
    """Equal for rows that differ in sizes alone."""
    return tuple(
        (
            general.kind_of(leaf)
            if isinstance(leaf, Tensor)
            else None if isinstance(leaf, Sym) else key_of(leaf)
        )
        for leaf in leaves(value)
    )
