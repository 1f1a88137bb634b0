"""The parameters of a class, what of them ``forward`` needs, and the names of the sizes on the way."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

from kt_translate.graph.objects import KerasObject, lazily
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, code, known, same, symbols_in
from kt_translate.graph.terms import expand
from kt_translate.layers.layer import RuleError
from kt_translate.lower import symbols
from kt_translate.lower.blocks import with_attributes, with_names
from kt_translate.lower.modules import Modules, sizes_of
from kt_translate.lower.tidy import tidied
from kt_translate.pytorch.expr import Expr, as_expr
from kt_translate.pytorch.library import reserved_names


def write_parameters(writer: Modules) -> None:
    """The constructor's parameters: all of a factory's, for others those that it uses; what forward needs, kept."""
    _settle_names(writer)
    with writer.spelling(in_forward=False):
        demands = distinct([(expand(s), v) for s, v in writer.plan.demands])
        guards = guards_of(demands)
    of_mode = [any(s.kind == "mode" for s in symbols_in(said)) for said, _ in demands]
    writer.code.guards = [g for g, late in zip(guards, of_mode) if not late]
    writer.code.forward_guards = [g for g, late in zip(guards, of_mode) if late]
    text = " ".join([*writer.code.init, *(condition for condition, _ in writer.code.guards)])
    words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\w+=", "", text)))
    if late := [s.name for s in writer.plan.asked if s.spelled in words]:
        raise RuleError("KT302", f"{late[0]} is not known where {writer.code.name} is made")
    integers = symbols.symbols_of_shapes(writer.nodes)
    of_data = {p.symbol.name for p in writer.plan.open_sizes}
    writer.plan.params = [  # without the sizes that data would tell and that nothing has
        p for p in writer.plan.params if p.symbol.name not in of_data - words
    ]
    for param in writer.plan.params:
        name = param.symbol.name
        found = param.symbol.kind == "dim" or param.symbol in writer.plan.handed
        stays = writer.plan.kind == "layer" and not found
        if not (writer.plan.keep_signature or stays or name in words):
            continue
        writer.code.used_parameters.append(name)
        if param.instead is not None:
            writer.code.instead.append(f"{name} = {name} or {param.instead}")
        kind = param.annotation
        if kind == "Any" and param.symbol.value is UNKNOWN and param.symbol in integers:
            kind = "int"
        hint = f": {kind}" if kind else ""
        equals = " = " if hint else "="
        default = "" if param.default is None else f"{equals}{param.default}"
        writer.code.parameters.append(name + hint + default)
    for name in [p for p in writer.code.used_parameters if p in reserved_names()]:
        if re.search(rf"(?<![\w.]){name}[.(]", "\n".join(writer.code.init)):
            said = f"the argument {name} of {writer.code.name} hides what its constructor needs"
            raise RuleError("KT202", f"{said}: give it another name")
    required = [p for p in writer.code.parameters if "=" not in p]
    writer.code.parameters = required + [p for p in writer.code.parameters if "=" in p]
    own: set[str] = set()
    if writer.plan.kind == "layer" or writer.plan.keep_signature:
        own = sizes_of(writer.plan) | sizes_of(writer.plan, "data")
    if own:  # the source's own arguments, then what Keras finds by itself and what data tells
        by_name = [p for p in writer.code.parameters if p.split(":")[0] in own]
        rest = [p for p in writer.code.parameters if p not in by_name]
        writer.code.parameters = [*rest, *(["*", *by_name] if by_name else [])]


def guards_of(demands: list[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Where there is no translation, for what is taken for granted: the condition, and what is raised then."""
    return [(str(_guard(code(said), value)), repr(_told(said, value))) for said, value in demands]


def _settle_names(writer: Modules) -> None:
    """Give names to the tokens of sizes and settings, in ``__init__`` and in ``forward``."""
    taken = {p.symbol.name for p in writer.plan.params}
    known = symbols.all_symbols(writer.nodes)
    constants = {s.name for s in known if s.kind == "global"} | reserved_names()
    modes = [text for test, lines in writer.code.modes.items() for text in (test, *lines)]
    forward = "\n".join([*modes, *writer.code.body, writer.code.returns])
    forward = _with_sizes_read(writer, forward, len(modes))

    def name_of(found: str) -> str:
        if found not in writer.tokens:
            raise RuleError("KT302", f"a size is not known where {writer.code.name} is made")
        return writer.tokens[found]

    lines, named = with_names(writer.block.lines(), forward, name_of, taken, constants)
    kept: dict[str, str] = {}
    sizes: dict[str, str] = {}
    for found, name in named.items():
        if found in forward:
            kept[name] = writer.attributes.fresh(name)
            forward = forward.replace(found, f"self.{kept[name]}")
    if unsaid := next((t for t in writer.tokens if t in forward), None):
        said = f"the size {writer.tokens[unsaid]} is not known where {writer.code.name} is made"
        raise RuleError("KT302", said)
    dims = {p.symbol.name: p.symbol for p in writer.plan.params if p.symbol.kind == "dim"}
    for name in dict.fromkeys(re.findall(r"self\.θ(\w+)", forward)):
        place = _size_of(writer, dims[name]) if name in dims else None
        if place is None:
            kept[name] = writer.attributes.fresh(name)
            forward = re.sub(rf"self\.θ{name}\b", f"self.{kept[name]}", forward)
            continue
        local = name
        while local in writer.owner:
            local += "_"
        sizes[local] = place
        forward = re.sub(rf"self\.θ{name}\b", local, forward)
    texts = iter(forward.split("\n"))
    writer.code.modes = {
        next(texts): [next(texts) for _ in lines] for lines in writer.code.modes.values()
    }
    *body, returns = texts
    body, writer.code.returns = tidied(body, returns)
    writer.code.body = [f"{local} = {place}" for local, place in sizes.items()] + body
    writer.code.init = with_attributes(lines, kept)
    if stray := re.search(r"θ\w+", "\n".join(writer.code.init)):
        raise RuleError("KT302", f"{stray[0][1:]} is not known where {writer.code.name} is made")


def _with_sizes_read(writer: Modules, forward: str, at: int) -> str:
    """The text of ``forward`` with what it calculates of its inputs' sizes, which may be others in each call."""
    for symbol in reversed(writer.of_calls):
        if symbol.spelled not in forward or not _is_of_inputs(writer, symbol):
            continue
        local = symbol.name
        while local in writer.owner:
            local += "_"
        writer.owner[local] = 0
        with writer.spelling(in_forward=True):
            line = f"{local} = {code(symbol.origin)}"
        lines = forward.replace(symbol.spelled, local).split("\n")
        forward = "\n".join([*lines[:at], line, *lines[at:]])
    return forward


_NAMES_SIZE = re.compile(r"\s*κ\d+κ = ")


def _is_of_inputs(writer: Modules, symbol: Symbol) -> bool:
    """Whether a size hangs on an axis of the inputs that weights do not fix."""
    said = {s for s in symbols_in(symbol.origin) if s.kind not in ("local", "global")}
    sizes_alone = all(map(_NAMES_SIZE.match, writer.block.lines()))  # there are no weights
    fixed = set() if sizes_alone else symbols_in([t.channels for t in writer.plan.inputs])
    dims = {s for s in said if s.kind == "dim"}
    return bool(dims - fixed) and said <= {p.symbol for p in writer.plan.params}


def _size_of(writer: Modules, symbol: Symbol) -> str | None:
    """How forward reads a size off the input that has it."""
    for tensor, name in zip(writer.plan.inputs, writer.variables_of_inputs, strict=True):
        for axis, dim in enumerate(tensor.torch_shape):
            if isinstance(dim, Sym) and dim.head == "symbol" and dim.args[0] is symbol:
                return f"{name}.shape[{axis}]"
    return None


def _guard(said: Expr, value: Any) -> Expr:
    """The condition under which the class would be wrong; objects of Keras cannot be compared, but for None."""
    if isinstance(value, KerasObject):
        return Expr.binary("is", said, as_expr(None))
    if isinstance(value, bool):
        return said if value is False else Expr.unary("not", said)
    return Expr.binary("is not" if value is None else "!=", said, as_expr(value))


def _holds_objects(value: Any) -> bool:
    """Whether objects of Keras stand in a list: there is no telling whether another one is equal."""
    items = value.values() if isinstance(value, dict) else value
    rows = isinstance(value, (list, tuple, dict))
    return rows and any(isinstance(v, KerasObject) or _holds_objects(v) for v in items)


def _told(said: Sym, value: Any) -> str:
    if isinstance(value, bool) and said.head != "symbol":
        return f"translated for {said}" if value else f"not translated for {said}"
    return f"translated for {said} = {_said(value)}"


def _said(value: Any) -> str:
    return lazily(value) if isinstance(value, KerasObject) else repr(value)


def distinct(demands: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Each once, and none that follows from what single parameters have to be, or that nothing can be compared with."""
    demands = [(said, value) for said, value in demands if not _holds_objects(value)]
    held = [said for said, value in demands if value is True]
    demands = [_where(held, *demand) for demand in demands]
    said_outright = {s.args[0] for s, _ in demands if isinstance(s, Sym) and s.head == "symbol"}
    found: list[tuple[Any, Any]] = []
    for demand in demands:
        if demand not in found and not _follows(*demand, said_outright):
            found.append(demand)
    return found


def _conjuncts(test: Any) -> list[Any]:
    if isinstance(test, Sym) and test.head == "and":
        return [part for side in test.args for part in _conjuncts(side)]
    return [test]


def _where(held: list[Any], said: Any, value: Any) -> tuple[Any, Any]:
    """What is demanded under a condition that is demanded as well, without that condition."""
    parts = _conjuncts(said) if value is False else []
    left = [part for part in parts if not any(same(part, other) for other in held)]
    if not left or len(left) == len(parts):
        return said, value
    test = reduce(lambda a, b: Sym.binary("and", a, b), left)
    if not isinstance(test, Sym):
        return test, False
    one, other = test.args if len(test.args) == 2 else (None, None)
    if test.head in ("!=", "is not") and isinstance(one, Sym) and not isinstance(other, Sym):
        return one, other
    return (other, True) if (test.head, one) == ("unary", "not") else (test, False)


def _follows(said: Any, value: Any, outright: set[Symbol]) -> bool:
    """Whether a demand holds where these parameters are what they have to be."""
    if not isinstance(said, Sym) or said.head == "symbol":
        return False
    parts = _conjuncts(said) if value is False else []
    told = (p for p in parts if isinstance(p, Sym) and p.symbols <= outright)
    return said.symbols <= outright or any(known(part) is False for part in told)
