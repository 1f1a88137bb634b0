"""NumPy code, as text, of what is done to arrays."""

from __future__ import annotations

from typing import Any

from kt_translate.graph import sym
from kt_translate.pytorch.expr import Expr


def array_code(kind: str, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Expr:
    """A step as NumPy code."""
    if kind in ("index", "part"):
        return sym.code(args[0])[key_code(args[1])]
    parts = [sym.code(a) for a in args]
    if kind == "operator":
        return Expr.binary(what, *parts) if len(parts) > 1 else Expr.unary(what, *parts)
    if kind == "attribute":
        return getattr(parts[0], what)  # type: ignore[no-any-return]
    named_ = {k: sym.code(v) for k, v in kwargs.items()}
    if kind == "method":
        return getattr(parts[0], what)(*parts[1:], **named_)  # type: ignore[no-any-return]
    return Expr(f"np.{what}")(*parts, **named_)


def key_code(key: Any) -> Any:
    """What stands in brackets behind an array."""
    if isinstance(key, tuple):
        return tuple(key_code(k) for k in key)
    if isinstance(key, slice):
        return slice(*(p if p is None else sym.code(p) for p in (key.start, key.stop, key.step)))
    return key if key is Ellipsis else sym.code(key)
