"""What ``forward`` returns, and of which type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.graph.lists import TensorList
from kt_translate.graph.sym import code
from kt_translate.graph.tensor import Fork, Tensor, tensors_in
from kt_translate.lower.blocks import indented

if TYPE_CHECKING:
    from kt_translate.lower.writer import Writer


def returned(writer: Writer, result: Any, ends: list[Tensor], kinds: list[str]) -> list[str]:
    """The statements that return a result; adds what types they give to ``kinds``."""
    if isinstance(result, Fork):
        then = returned(writer, result.then, tensors_in(result.then), kinds)
        orelse = returned(writer, result.orelse, tensors_in(result.orelse), kinds)
        return [f"if {code(result.test)}:", *indented(then), *orelse]
    parts = [_given(writer, t) for t in ends]
    keys = keys_of(result)
    if keys is not None:
        kinds.append("dict[str, Tensor]")
        pairs = zip(keys, parts, strict=True)
        return [f"return {{{', '.join(f'{k!r}: {p}' for k, p in pairs)}}}"]
    lists = [isinstance(t, TensorList) for t in ends]
    if len(parts) == 1:
        kinds.append("list[Tensor]" if any(lists) else "Tensor")
        return [f"return {parts[0]}"]
    each = "..." if any(lists) else ", ".join(["Tensor"] * (len(parts) - 1))
    kinds.append(f"tuple[Tensor, {each}]")
    parts = [f"*{p}" if listed else p for p, listed in zip(parts, lists, strict=True)]
    return [f"return ({', '.join(parts)})"]


def _given(writer: Writer, tensor: Tensor) -> str:
    """A result, as whoever calls the class takes it."""
    inner = writer.plan.kind == "loop"
    layout = tensor.layout if inner else tensor.given_layout
    if isinstance(tensor, TensorList):
        name, have = writer.variables[id(tensor)]
        turned = tensor.rank == 3 and layout is not have
        return f"[x.transpose(1, 2) for x in {name}]" if turned else name
    return str(writer.ordered(tensor, layout))


def keys_of(result: Any) -> list[str] | None:
    """The keys of a result that is a plain dict of tensors, in the order in which they are counted."""
    if not isinstance(result, dict) or not all(map(_is_one, result.values())):
        return None
    return sorted(result, key=str)


def _is_one(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, TensorList)
