"""Classes of the source that hold data: dataclasses, named tuples, typed dicts, dicts with attributes, namespaces."""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import definitions
from kt_translate.evaluate.signals import Raised, as_the_source_would
from kt_translate.evaluate.values import (
    Class,
    External,
    Function,
    Instance,
    Method,
    Native,
    Scope,
    Unknown,
    plain,
)
from kt_translate.pytorch.expr import Expr
from kt_translate.pytorch.library import reserved_names

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_MAKERS = {  # of dataclasses: the decorators
    "dataclasses.dataclass",
    "pydantic.dataclasses.dataclass",
    "attr.s",
    "attr.attrs",
    "attr.dataclass",
    "attr.define",
    "attr.frozen",
    "attrs.define",
    "attrs.frozen",
    "flax.struct.dataclass",
}
_BASES = {"pydantic.BaseModel"}  # whose subclasses are dataclasses
_NAMESPACE = Class("SimpleNamespace", None, [], {}, Scope("module"), 0)  # type: ignore[arg-type]


def holding(attributes: dict[str, Any], line: int = 0) -> Instance:
    """An object that has these attributes."""
    return Instance(_NAMESPACE, dict(attributes), [], dict(attributes), line)


@dataclass(eq=False)
class Field:
    """``dataclasses.field(...)``, as it stands in a class."""

    default: Any = None
    factory: Any = None
    given: bool = False  # whether there is a default
    init: bool = True


class Mapping(dict):  # type: ignore[type-arg]
    """An object of a class of the source that extends dict; its items are attributes where the class says so."""

    cls: Class | None = None


# -- dataclasses ----------------------------------------------------------------------------------


def is_dataclass(cls: Class) -> bool:
    made = (d for c in cls.mro() if isinstance(c, Class) for d in c.decorators)
    return any(d in _MAKERS for d in made) or any(
        isinstance(c, External) and c.path in _BASES for c in cls.mro()
    )


def _is_dataclass(ev: Interpreter, value: Any) -> bool:
    cls = getattr(value, "cls", value)
    return isinstance(cls, Class) and is_dataclass(cls)


def fields_of(cls: Class) -> dict[str, Any]:
    """The fields of a dataclass in the order of its constructor, with what stands for their defaults."""
    found: dict[str, Any] = {}
    for part in reversed([c for c in cls.mro() if isinstance(c, Class)]):
        for name in annotated(part):
            found[name] = part.names.get(name, Field())
        found |= {n: v for n, v in part.names.items() if n in found}
    return found


def parameters(cls: Class) -> list[str]:
    """The fields that a dataclass's constructor takes."""
    return [n for n, v in fields_of(cls).items() if not isinstance(v, Field) or v.init]


def required(cls: Class) -> list[str]:
    """The fields that a dataclass's constructor must be given."""
    fields = {n: fields_of(cls)[n] for n in parameters(cls)}
    return [
        n for n, v in fields.items() if isinstance(v, Field) and not v.given and v.factory is None
    ]


def annotated(cls: Class) -> Iterator[str]:
    """The names that a class annotates: its fields."""
    for statement in cls.node.body.body if cls.node is not None else ():
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
                text = (
                    cls.source.code(small.annotation.annotation) if cls.source is not None else ""
                )
                if not re.match(r"['\"]?(typing\.)?ClassVar\b", text):
                    yield small.target.value


def default_of(ev: Interpreter, value: Any) -> Any:
    """A field's default; what stands in the class where it has none."""
    if not isinstance(value, Field):
        return value
    if value.factory is not None:
        from kt_translate.evaluate import calls

        return calls.call(ev, value.factory, [], {}, None, None)
    return value.default if value.given else value


def _new_dataclass(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    fields, names = fields_of(cls), parameters(cls)
    if len(args) > len(names) or kwargs.keys() - names:
        raise Raised(f"TypeError: {cls.name} does not take these arguments")
    given = dict(zip(names, args), **kwargs)
    instance = Instance(cls, {}, args, kwargs, ev.line)
    for name, default in fields.items():
        value = given[name] if name in given else default_of(ev, default)
        if not isinstance(value, Field):
            instance.attributes[name] = value
        elif value.init:
            raise Raised(f"TypeError: {cls.name} needs {name}")
    after = cls.lookup("__post_init__") or cls.lookup("__attrs_post_init__")
    if isinstance(after, Function):
        ev.run_method(after, instance, [], {})
    return instance


def replaced(ev: Interpreter, value: Any, **changes: Any) -> Any:
    """``dataclasses.replace``."""
    if not isinstance(value, Instance):
        return Unknown("a copy of what is not known", ev.line)
    kept = {n: value.attributes[n] for n in parameters(value.cls)}
    return new(ev, value.cls, [], kept | changes)


def as_dict(ev: Interpreter, value: Any, **inert: Any) -> Any:
    """``dataclasses.asdict``."""
    if isinstance(value, Instance):
        return {n: as_dict(ev, value.attributes[n]) for n in fields_of(value.cls)}
    if type(value) in (list, tuple):
        return type(value)(as_dict(ev, v) for v in value)
    if isinstance(value, dict):
        return {k: as_dict(ev, v) for k, v in value.items()}
    return value


def _as_tuple(ev: Interpreter, value: Any, **inert: Any) -> Any:
    found = as_dict(ev, value)
    return tuple(found.values()) if isinstance(found, dict) else found


def _fields(ev: Interpreter, value: Any) -> Any:
    cls = value.cls if isinstance(value, Instance) else value
    if not isinstance(cls, Class):
        return Unknown("fields of what is not known", ev.line)
    return [namespace(ev, name=name, default=v) for name, v in fields_of(cls).items()]


def _field(ev: Interpreter, *args: Any, **kwargs: Any) -> Field:
    default = kwargs.get("default", *args[:1]) if args else kwargs.get("default")
    factory = kwargs.get("default_factory", kwargs.get("factory"))
    return Field(default, factory, bool(args) or "default" in kwargs, kwargs.get("init", True))


# -- tuples, dicts, namespaces --------------------------------------------------------------------


def named_tuple(ev: Interpreter, name: Any, fields: Any, defaults: Any = (), **inert: Any) -> Class:
    """``collections.namedtuple(name, fields)``, or of ``typing.NamedTuple(name, [(field, type), ...])``."""
    if isinstance(fields, str):
        fields = fields.replace(",", " ").split()
    names = [f[0] if isinstance(f, tuple) else f for f in fields]
    cls = Class(name, None, [External("typing.NamedTuple")], {}, Scope("module"), ev.line)  # type: ignore[arg-type]
    set_defaults(cls, names, defaults or ())
    return cls


def set_defaults(cls: Class, names: list[str], defaults: Any) -> None:
    """The last fields of a named tuple have these defaults."""
    cls.names.update(dict.fromkeys(names, Field()))
    if defaults:
        given = [Field(v, given=True) for v in defaults]
        cls.names.update(zip(names[-len(defaults) :], given))


def _tuple_type(cls: Class) -> Any:
    if cls.tuple_type is None:
        names = list(annotated(cls)) or [n for n, v in cls.names.items() if isinstance(v, Field)]
        base = next((c for c in cls.bases if isinstance(c, Class)), None)
        names = names or list(_tuple_type(base)._fields if base is not None else ())
        with as_the_source_would():
            kind: Any = collections.namedtuple(cls.name, names)  # type: ignore[misc]
        own: dict[str, Any] = {"cls": cls, "__slots__": ()}
        if cls.node is None and cls.name not in reserved_names():
            cls.definition = _named_tuple_text(cls, names)
        if definitions.definition(cls) is not None:
            own["expr"] = property(lambda value: Expr(cls.name)(*value))
        cls.tuple_type = type(cls.name, (kind,), own)
    return cls.tuple_type


def _named_tuple_text(cls: Class, names: list[str]) -> definitions.Definition:
    """The statement that makes the class of a named tuple, the last fields with the defaults that are plain values."""
    defaults: list[Any] = []
    late = _late_defaults(cls)
    for place, name in enumerate(reversed(names)):
        default = late[-1 - place] if place < len(late) else cls.names.get(name)
        value = default.default if isinstance(default, Field) else default
        if _is_missing(default) or not plain(value):
            break
        defaults.insert(0, value)
    said = f", defaults={defaults!r}" if defaults else ""
    line = f"{cls.name} = namedtuple({cls.name!r}, {names!r}{said})"
    return definitions.Definition(line, {"namedtuple": "from collections import namedtuple"}, [])


def _late_defaults(cls: Class) -> tuple[Any, ...]:
    """``Block.__new__.__defaults__ = (1, 2)``"""
    late = cls.lookup("__new__")
    return late.attributes.get("__defaults__") or () if isinstance(late, Instance) else ()


def _new_tuple(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    own = cls.lookup("__new__")
    if isinstance(own, Function):  # which hands on to the one that Python has
        return ev.run_method(own, cls, args, kwargs)
    return _tuple_of(ev, cls, *args, **kwargs)


def _tuple_of(ev: Interpreter, cls: Class, *args: Any, **kwargs: Any) -> Any:
    kind = _tuple_type(cls)
    parts = [c for c in cls.mro() if isinstance(c, Class)]
    found = {n: c.names[n] for c in reversed(parts) for n in kind._fields if n in c.names}
    told = {n: default_of(ev, v) for n, v in found.items() if not _is_missing(v)}
    if last := _late_defaults(cls):
        told |= dict(zip(kind._fields[-len(last) :], last))
    given = dict(zip(kind._fields, args), **kwargs)
    with as_the_source_would():
        return kind(**{**told, **given})


def _is_missing(default: Any) -> bool:
    return isinstance(default, Field) and not default.given


def of_class(cls: Class, name: str) -> Any:
    """An attribute of a class; NotImplemented if there is none."""
    for part in cls.mro():
        if isinstance(part, Class) and name in part.names:
            return part.names[name]
    if any(isinstance(b, External) and b.path == "typing.NamedTuple" for b in cls.mro()):
        if name == "__new__":
            return cls.names.setdefault(name, Instance(cls))
        if name == "_fields":
            return _tuple_type(cls)._fields
        if name == "_make":
            return Native(name, lambda ev, values: _tuple_type(cls)._make(values))
    return NotImplemented


def attribute(ev: Interpreter, owner: Any, cls: Class, name: str) -> Any:
    """An attribute of a named tuple, a member of an enumeration, or a dict with a class of its own."""
    if isinstance(owner, Mapping) and name in owner:
        return owner[name]
    if isinstance(owner, tuple) and name in owner._fields:  # type: ignore[attr-defined]
        return getattr(owner, name)
    found = of_class(cls, name)
    if isinstance(found, Function):
        if "property" in found.decorators:
            return ev.run_method(found, owner, [], {})
        return found if "staticmethod" in found.decorators else Method(found, owner)
    if found is not NotImplemented and name != "__new__":
        return found
    if isinstance(owner, tuple) and name in ("_asdict", "_replace"):
        return Native(name, lambda ev, **changes: getattr(owner, name)(**changes))
    if isinstance(owner, Mapping):
        return of_dict(owner, name)
    return getattr(owner, name, Unknown(f"{name} of {cls.name}", ev.line))


def of_dict(owner: Mapping, name: str) -> Native:
    """A method that a dict has from Python."""

    def run(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
        with as_the_source_would():
            if name == "__init__":
                return owner.update(*args, **kwargs)
            return getattr(owner, name)(*args, **kwargs)

    return Native(name, run)


def of_super(instance: Any, name: str) -> Native | None:
    """What ``super()`` has from Python within a dict or a named tuple of the source's."""
    if isinstance(instance, Mapping):
        return of_dict(instance, name)
    return Native(name, _tuple_of) if isinstance(instance, Class) and name == "__new__" else None


def _new_mapping(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    made = Mapping()
    made.cls = cls
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        ev.run_method(init, made, args, kwargs)
    else:
        of_dict(made, "__init__").call(ev, *args, **kwargs)
    return made


def mapping(ev: Interpreter, *args: Any, **kwargs: Any) -> Any:
    """A dict whose items are attributes as well: ``EasyDict(units=3)``; so are the dicts in it."""
    made = Mapping(*[a for a in args if isinstance(a, dict)], **kwargs)
    made.cls = _NAMESPACE
    for key, value in made.items():
        if type(value) is dict:
            made[key] = mapping(ev, value)
    return made


def namespace(ev: Interpreter, **attributes: Any) -> Instance:
    """``types.SimpleNamespace(units=3)``."""
    return holding(attributes, ev.line)


def _new_dict(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    with as_the_source_would():
        return dict(*args, **kwargs)


_CONSTRUCTORS = {
    "typing.NamedTuple": _new_tuple,
    "typing.TypedDict": _new_dict,
    "typing_extensions.TypedDict": _new_dict,
    "builtins.dict": _new_mapping,
    "collections.OrderedDict": _new_mapping,
    "collections.UserDict": _new_mapping,
}


def new(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """An object of a class that holds data; NotImplemented where Python makes it by ``__init__`` alone."""
    for base in cls.mro():
        path = base.path if isinstance(base, External) else getattr(base, "name", "")
        path = "builtins.dict" if path == "dict" and isinstance(base, Native) else path
        if not isinstance(base, Class) and path in _CONSTRUCTORS:
            return _CONSTRUCTORS[path](ev, cls, args, kwargs)
    if is_dataclass(cls) and not isinstance(cls.lookup("__init__"), Function):
        return _new_dataclass(ev, cls, args, kwargs)
    return NotImplemented


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dataclasses.field": _field,
    "pydantic.Field": _field,
    "attr.ib": _field,
    "attr.field": _field,
    "attrs.field": _field,
    "dataclasses.replace": replaced,
    "attr.evolve": replaced,
    "dataclasses.asdict": as_dict,
    "attr.asdict": as_dict,
    "dataclasses.astuple": _as_tuple,
    "dataclasses.fields": _fields,
    "dataclasses.is_dataclass": _is_dataclass,
    "collections.namedtuple": named_tuple,
    "typing.NamedTuple": named_tuple,
    "types.SimpleNamespace": namespace,
    "argparse.Namespace": namespace,
    "easydict.EasyDict": mapping,
    "munch.Munch": mapping,
    "box.Box": mapping,
    "addict.Dict": mapping,
    "ml_collections.ConfigDict": mapping,
    "ml_collections.FrozenConfigDict": mapping,
    "ml_collections.config_dict.ConfigDict": mapping,
    "omegaconf.OmegaConf.create": mapping,
}
