"""The arithmetic of symbolic sizes: the easy identities, and a normal form of sums and products."""

from __future__ import annotations

from typing import Any

from kt_translate.graph import sym
from kt_translate.graph.operators import BINARY


def _is_int(x: Any) -> bool:
    return type(x) is int


MOST = 60  # operations of a value that is looked through
_MAKING = ("+", "-", "*", "//", "%", "**")  # operators whose results are never None


def simplify(op: str, a: Any, b: Any) -> Any:
    """The easy identities of integer arithmetic; NotImplemented where none applies."""
    if op in ("==", "!=", "is", "is not"):
        return _compared(op, a, b)
    if (
        op in "+-"
        and _is_int(b)
        and isinstance(a, sym.Sym)
        and a.head == "//"
        and _is_int(a.args[1])
    ):
        folded = _folded(a, b if op == "+" else -b)
        if folded is not None:
            return folded
    if op in ("+", "-") and isinstance(a, sym.Sym) and isinstance(b, sym.Sym):
        (m, x), (n, y) = _multiple(a), _multiple(b)
        if x.key == y.key and not isinstance(x.value, (str, tuple, list)):
            total = m + n if op == "+" else m - n
            return sym.Sym.binary("*", total, x) if total >= 0 else NotImplemented
    if op in ("and", "or") and (a is None or isinstance(a, (bool, int, float, str))):
        return b if bool(a) is (op == "and") else a
    if op in ("and", "or") and isinstance(b, bool):
        return a if b is (op == "and") else b
    if op == "+":
        if _is_int(b) and b == 0:
            return a
        if _is_int(a) and a == 0:
            return b
        if _is_int(b) and isinstance(a, sym.Sym) and a.head in "+-" and _is_int(a.args[1]):
            total = b + a.args[1] if a.head == "+" else b - a.args[1]
            return _shifted(a.args[0], total)
        if _is_int(b) and b < 0:
            return sym.Sym.binary("-", a, -b)
    elif op == "-":
        if _is_int(b) and b == 0:
            return a
        if _is_int(b) and isinstance(a, sym.Sym) and a.head in "+-" and _is_int(a.args[1]):
            total = a.args[1] - b if a.head == "+" else -a.args[1] - b
            return _shifted(a.args[0], total)
        if _is_int(a) and isinstance(b, sym.Sym) and b.head == "-" and _is_int(b.args[0]):
            return _shifted(b.args[1], a - b.args[0])
    elif op == "*":
        if _is_int(a) and a == 1:
            return b
        if _is_int(b) and b == 1:
            return a
        if (_is_int(a) and a == 0) or (_is_int(b) and b == 0):
            return 0
    elif op == "//" and _is_int(b) and b > 0:
        return _divided(a, b)
    return NotImplemented


def _of_floor(value: Any) -> tuple[Any, int] | None:
    """The two numbers of ``x // 2``."""
    if isinstance(value, sym.Sym) and value.head == "//" and _is_int(value.args[1]):
        return (value.args[0], value.args[1]) if value.args[1] > 0 else None
    return None


def _is_rest(part: Any, whole: Any) -> bool:
    """Whether it is ``whole % 2``."""
    is_rest = isinstance(part, sym.Sym) and isinstance(whole, sym.Sym) and part.head == "%"
    return is_rest and part.key == sym.Sym.binary("%", whole, 2).key


def _divided(a: Any, by: int) -> Any:
    """``a // by`` of a number above 0; NotImplemented where nothing makes it easier."""
    if by == 1:
        return a
    if not isinstance(a, sym.Sym) or a.head not in ("//", "*", "+"):
        return NotImplemented
    first, second = a.args
    if a.head == "//" and _is_int(second):
        return sym.Sym.binary("//", first, second * by)
    if a.head == "*" and _is_int(second) and second % by == 0:
        return sym.Sym.binary("*", first, second // by)
    if a.head == "*" and _is_int(first) and first % by == 0:
        return sym.Sym.binary("*", first // by, second)
    if a.head == "+" and _is_int(second) and (inner := _of_floor(first)):
        return sym.Sym.binary("//", _shifted(inner[0], second * inner[1]), inner[1] * by)
    if a.head == "+" and by == 2 and _is_rest(second, first):
        return sym.Sym.binary("//", sym.Sym.binary("+", first, 1), 2)
    return NotImplemented


def _compared(op: str, a: Any, b: Any) -> Any:
    """What a comparison is for all arguments: so too where one of both is a choice between texts or numbers."""
    if op in ("==", "!=") and (a is None or b is None):  # as it is written in good style
        setting = a if b is None else b
        return sym.Sym.binary("is" if op == "==" else "is not", setting, None)
    if not isinstance(a, sym.Sym):
        return NotImplemented
    if op in ("is", "is not") and b is None and a.head == "if" and is_truth(a.args[0]):
        condition, *sides = a.args
        known = [
            _compared(op, v, b) if isinstance(v, sym.Sym) else (v is None) is (op == "is")
            for v in sides
        ]
        if NotImplemented not in known:
            return sym.Sym.choose(condition, *known)
    if op in ("is", "is not"):
        is_size = a.head == "symbol" and a.args[0].kind == "dim"
        never = b is None and (a.head in _MAKING or is_size)
        return op == "is not" if never else NotImplemented
    if isinstance(b, sym.Sym) and a.key == b.key:
        return op == "=="
    if a.head == "if" and is_truth(a.args[0]):
        condition, *sides = a.args
        if all(isinstance(v, (str, int, float)) for v in (*sides, b)):
            return sym.Sym.choose(condition, *((side == b) is (op == "==") for side in sides))
    return NotImplemented


def decided(value: Any, condition: Any, truth: bool) -> Any:
    """A value where it is known whether a condition holds that it asks for."""
    if not isinstance(value, sym.Sym) or value.weight > MOST or not isinstance(condition, sym.Sym):
        return value
    if value.head == "if" and value.args[0] == condition:
        return decided(value.args[1 if truth else 2], condition, truth)
    if value.head != "if" and value.head not in _MAKING:
        return value
    args = [decided(a, condition, truth) for a in value.args]
    if all(a is b for a, b in zip(args, value.args, strict=True)):
        return value
    if value.head == "if":
        return sym.Sym.choose(*args)
    symbolic = any(isinstance(a, sym.Sym) for a in args)
    return sym.Sym.binary(value.head, *args) if symbolic else BINARY[value.head](*args)


def element(a: Any, key: Any) -> Any:
    """``x[1:][k]`` is ``x[1 + k]``, a place in one of two tuples is one of two values; else NotImplemented."""
    if not isinstance(a, sym.Sym) or not _is_int(key):
        return NotImplemented
    if a.head == "index" and a.args[1] == sym.BACKWARDS:
        return sym.Sym.index(a.args[0], -1 - key)
    if a.head == "index" and key >= 0:
        start = start_of_rest(a.args[1])
        if start is not None:
            return sym.Sym.index(a.args[0], start + key)
    if a.head == "if":
        condition, *choices = a.args
        if all(isinstance(c, (tuple, list)) and -len(c) <= key < len(c) for c in choices):
            return sym.Sym.choose(condition, *(c[key] for c in choices))
    return NotImplemented


_TRUTHS = {"==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in"}


def is_truth(value: Any) -> bool:
    """Whether it is True or False whatever the symbols stand for."""
    if not isinstance(value, sym.Sym):
        return isinstance(value, bool)
    if value.head in ("and", "or"):
        return all(map(is_truth, value.args))
    if value.head == "method":
        return value.args[1] in ("startswith", "endswith", "isdigit")
    if value.head == "symbol":
        return isinstance(value.value, bool)
    if value.head == "call":
        return value.args[0] in ("any", "all", "bool")
    return value.head in _TRUTHS or (value.head == "unary" and value.args[0] == "not")


def logical(condition: Any, a: Any, b: Any) -> Any:
    """``a if condition else b`` where one of both is True or False: NotImplemented for any other."""
    if not all(map(is_truth, (condition, a, b))):
        return NotImplemented
    unless = sym.Sym.unary("not", condition)
    if a is True:
        return condition if b is False else sym.Sym.binary("or", condition, b)
    if a is False:
        return unless if b is True else sym.Sym.binary("and", unless, b)
    if isinstance(b, bool):
        return sym.Sym.binary("or" if b else "and", unless if b else condition, a)
    return NotImplemented


def start_of_rest(cut: Any) -> int | None:
    """The first place that ``x[1:]`` keeps; None for any other slice, or a place counted from the end."""
    whole = isinstance(cut, slice) and cut.stop is None and cut.step is None
    return cut.start if whole and _is_int(cut.start) and cut.start >= 0 else None


def _multiple(value: sym.Sym) -> tuple[int, sym.Sym]:
    """``3 * x`` as 3 and x."""
    if value.head == "*":
        a, b = value.args
        if _is_int(a) and isinstance(b, sym.Sym):
            return a, b
        if _is_int(b) and isinstance(a, sym.Sym):
            return b, a
    return 1, value


def _folded(a: sym.Sym, by: int) -> Any:
    """``(x - 2) // 2 + 1`` as ``x // 2``: where the sum within gets smaller. None where it does not."""
    inner, divisor = a.args
    constant = 0
    if isinstance(inner, sym.Sym) and inner.head in "+-" and _is_int(inner.args[1]):
        constant = inner.args[1] if inner.head == "+" else -inner.args[1]
        inner = inner.args[0]
    total = constant + by * divisor
    if divisor <= 0 or constant >= 0 or not 0 <= total < divisor:
        return None
    return sym.Sym.binary("//", _shifted(inner, total), divisor)


def _shifted(a: Any, by: int) -> Any:
    if by == 0:
        return a
    return sym.Sym.binary("+", a, by) if by > 0 else sym.Sym.binary("-", a, -by)


def polynomial(value: Any) -> dict[tuple[Any, ...], Any] | None:
    """Sums of products: monomial (sorted atom keys) -> coefficient. None for what is no sum or product of numbers."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {(): value} if value else {}
    if not isinstance(value, sym.Sym):
        return None
    if value.head in ("+", "-", "*"):
        a, b = polynomial(value.args[0]), polynomial(value.args[1])
        if a is None or b is None:
            return None
        if value.head == "*":
            return _collect((_product(m, n), c * d) for m, c in a.items() for n, d in b.items())
        sign = 1 if value.head == "+" else -1
        return _collect([*a.items(), *((m, sign * c) for m, c in b.items())])
    if value.head == "symbol" and value.args[0].kind == "local":
        return polynomial(value.args[0].origin)
    if isinstance(value.value, (str, tuple, list)):
        return None
    return {(value._atom,): 1}


def _product(m: tuple[Any, ...], n: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted((*m, *n)))


def _collect(terms: Any) -> dict[tuple[Any, ...], Any]:
    total: dict[tuple[Any, ...], Any] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    return {m: c for m, c in total.items() if c}
