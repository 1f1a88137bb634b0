"""Objects that hold settings, as parameters of the generated code: ``config.units`` is read where the source reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kt_translate.diagnostics import RuleError
from kt_translate.evaluate import definitions, records
from kt_translate.evaluate.values import Class, Function, Instance, ModelValue, Native, plain
from kt_translate.graph.members import IntMember, Member, TextMember
from kt_translate.graph.objects import is_setting
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, code, known, same
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.tuning import Tuned
from kt_translate.pytorch.expr import ATOM, Expr

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def is_record(value: Any, within: tuple[Any, ...] = ()) -> bool:
    """Whether this is an object of which every attribute can be said in the generated code.

    One that leads back to itself (``self.config = locals()``) cannot; within: the objects on the way to this one.
    """
    if not holds_settings(value) or any(value is other for other in within):
        return False
    return all(sayable(v, (*within, value)) for v in settings_of(value).values())


def holds_settings(value: Any) -> bool:
    """Whether this is an object of a class that is neither Keras's nor builds anything itself."""
    return (
        isinstance(value, Instance)
        and value.use is None
        and not value.pending
        and value.cls.keras_base() is None
    )


def sayable(value: Any, within: tuple[Any, ...] = ()) -> bool:
    """Whether the generated code can say a value, the objects in lists and dicts among it."""
    if isinstance(value, (list, tuple)):
        return all(sayable(v, within) for v in value)
    if isinstance(value, dict):
        return all(sayable(v, within) for v in value.values())
    return isinstance(value, Sym) or plain(value) or is_setting(value) or is_record(value, within)


def settings_of(value: Instance) -> dict[str, Any]:
    """The attributes of an object, those that it has from its class among them."""
    found: dict[str, Any] = {}
    for cls in reversed([c for c in value.cls.mro() if isinstance(c, Class)]):
        found |= {n: v for n, v in cls.names.items() if not _is_code(n, v)}
    return found | value.attributes


def _is_code(name: str, value: Any) -> bool:
    """Whether something in a class is no setting of its objects."""
    return name.startswith("__") or isinstance(value, (Function, Class, Native, records.Field))


def object_of(value: Any) -> Any:
    """A class that is used as an object, as one; anything else as it is."""
    is_plain = isinstance(value, Class) and value.keras_base() is None and not value.members
    return (
        Instance(value, {}, [], {}, value.line, said=Sym("text", (value.name, ATOM), UNKNOWN))
        if is_plain
        else value
    )


def seen(value: Instance, symbol: Symbol) -> Instance:
    """The object as the code sees it to which it is handed by that name: its settings are the name's attributes."""
    attributes = {n: _part(v, symbol, n) for n, v in settings_of(value).items()}
    return replace(value, attributes=attributes, said=Sym.of(symbol), made=dict(attributes))


def read(ev: Interpreter, owner: Instance, name: str) -> Any:
    """An attribute of an object; one that the generated code cannot read is taken for what it is here."""
    value = owner.attributes[name]
    while isinstance(value, Tensor) and "now" in value.facts:  # a weight that this call has set
        value = value.facts["now"]
    given = owner.made or {}
    fixed = owner.said is not None and given.get(name) is value
    if fixed and not sayable(value) and not holds_settings(value):
        ev.note_taken("a setting", f"{owner.said}.{name}", called(value))
    return value


def called(value: Any) -> str:
    """What the source calls something that the generated code cannot say."""
    if isinstance(value, ModelValue):
        return f"the model of line {value.line}"
    return str(getattr(value, "name", None) or getattr(value, "path", None) or type(value).__name__)


def _part(value: Any, symbol: Symbol, name: str) -> Any:
    if holds_settings(value):
        return seen(value, symbol.field(name, value))
    return Sym.of(symbol.field(name, known(value))) if sayable(value) else value


def as_given(value: Any) -> Any:
    """An argument as it is when a function is called, whatever the function then does to it."""
    if holds_settings(value):
        return replace(value, attributes={n: as_given(v) for n, v in value.attributes.items()})
    return known(value) if isinstance(value, (list, dict)) and plain(value) else value


def part_of(value: Any, name: str) -> Any:
    """An attribute of what a parameter is given."""
    if isinstance(value, Instance):
        return settings_of(value).get(name, UNKNOWN)
    if isinstance(value, Sym) and value.head == "symbol":
        symbol = value.args[0]
        return Sym.of(symbol.field(name, getattr(symbol.value, name, UNKNOWN)))
    return getattr(known(value), name, UNKNOWN)


def table(symbols: dict[Symbol, str], given: dict[str, Any]) -> dict[Symbol, Any]:
    """What parameters are, and the attributes of those that are objects, for these arguments."""
    found: dict[Symbol, Any] = {}
    todo = [(s, given[name]) for s, name in symbols.items() if name in given]
    while todo:
        symbol, value = todo.pop()
        found[symbol] = value
        todo += [(field, part_of(value, name)) for name, field in symbol.fields.items()]
    return found


def attribute(ev: Interpreter, owner: Any, name: str) -> Any:
    """An attribute of a parameter that is a member of an enumeration, a named tuple or a dict with attributes."""
    sample = owner.value if isinstance(owner, Sym) else None
    if holds_settings(sample):
        return _element_attribute(ev, owner, name)
    if isinstance(sample, Member) and name in ("name", "value"):
        return part_of(owner if owner.head == "symbol" else ev.demand(owner, f".{name}"), name)
    if isinstance(sample, (IntMember, TextMember)) and name == "value":
        return owner
    if name in (names := getattr(sample, "_fields", ())):
        return Sym.index(owner, names.index(name))
    if isinstance(sample, records.Mapping) and name in sample:
        return Sym.index(owner, name)
    return NotImplemented


def _element_attribute(ev: Interpreter, owner: Sym, name: str) -> Any:
    """An attribute of an object that is an item of a list, say."""
    value = owner.value
    given = settings_of(value)
    said = {n: Sym.attribute(owner, n) for n, v in given.items() if sayable(v)}
    if name in said:
        return said[name]
    from kt_translate.evaluate import calls

    attributes = {**given, **said}
    stands_for = replace(value, attributes=attributes, said=owner, made=dict(attributes))
    return calls.attribute(ev, stands_for, name)


def finished(made: Any) -> Any:
    """An object as its constructor leaves it, which is remembered of one that holds settings."""
    if isinstance(made, Instance):
        left = known(made.attributes)
        made.made = left if left is not UNKNOWN else None
    return made


# -- text -----------------------------------------------------------------------------------------


def text_of(value: Instance) -> Expr:
    """What gives the object in the generated code. Raises RuleError where nothing does."""
    if value.said is not None:
        return code(value.said)
    if not is_record(value):
        raise RuleError("KT102", f"{value.cls.name}: it is not known when the code is written")
    if definitions.definition(value.cls) is None:
        return Expr("SimpleNamespace")(**settings_of(value))
    args, kwargs = value.args, value.kwargs
    if value.made is None or not same(known(value.attributes), value.made):
        if not records.is_dataclass(value.cls):
            return Expr("SimpleNamespace")(**settings_of(value))
        args, kwargs = [], {n: value.attributes[n] for n in records.parameters(value.cls)}
    if records.is_dataclass(value.cls):
        usual = records.fields_of(value.cls)
        kwargs = {n: v for n, v in kwargs.items() if not same(known(v), usual[n])}
    return Expr(value.cls.name)(*args, **kwargs)


def annotation(value: Any) -> str | None:
    """The type of a parameter that is an object, a list of them or a member of an enumeration; None for any other."""
    if isinstance(value, Tuned):
        return "HyperParameters"
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        kinds = {annotation(v) for v in value}
        kind = kinds.pop() if len(kinds) == 1 else None
        return None if kind is None else f"Sequence[{kind}]"
    is_of_class = isinstance(value, (Instance, Member, IntMember, TextMember))
    cls = value.cls if is_of_class else None
    return cls.name if cls is not None and definitions.definition(cls) is not None else None
