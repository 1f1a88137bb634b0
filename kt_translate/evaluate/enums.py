"""Enumerations of the source: their members are settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import definitions
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Class, External, Function, Native
from kt_translate.graph.members import IntMember, Member, TextMember
from kt_translate.graph.sym import known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_ROOTS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag")


def is_enum(value: Any) -> bool:
    """Whether this is an enumeration."""
    return isinstance(value, Class) and any(
        isinstance(base, External) and base.path in _ROOTS for base in value.mro()
    )


def make_members(ev: Interpreter, cls: Class) -> None:
    """Give an enumeration its members, in place of their values."""
    if not is_enum(cls):
        return
    cls.members = [m for base in cls.bases if isinstance(base, Class) for m in base.members]
    kinds = {getattr(base, "path", getattr(base, "name", "")) for base in cls.mro()}
    count = 0
    for name, value in list(cls.names.items()):
        if name.startswith("_") or isinstance(value, (Function, Native)):
            continue
        count += 1
        value = known(value)
        if value == External("enum.auto()"):
            value = name.lower() if "enum.StrEnum" in kinds else count
        elif isinstance(value, int):
            count = value
        cls.names[name] = _member(cls, name, value, kinds)
        cls.members.append(cls.names[name])


def _member(cls: Class, name: str, value: Any, kinds: set[str]) -> Any:
    """A member. One that is a number or a text as well is that alone where the output cannot have its class."""
    written = definitions.definition(cls) is not None
    if kinds & {"enum.IntEnum", "enum.IntFlag", "int"} and isinstance(value, int):
        return IntMember(cls, name, value) if written else value
    if kinds & {"enum.StrEnum", "str"} and isinstance(value, str):
        return TextMember(cls, name, value) if written else value
    return Member(cls, name, value)


def by_name(ev: Interpreter, cls: Class, name: Any) -> Any:
    """``Kind["RELU"]``."""
    name = ev.demand(name, "a member")
    for member in cls.members:
        if member.name == name:
            return member
    raise Raised(f"KeyError: {name!r}")


def by_value(ev: Interpreter, cls: Class, value: Any) -> Any:
    """``Kind("relu")``."""
    value = ev.demand(value, "a member")
    for member in cls.members:
        if value is member or value == member.value:
            return member
    raise Raised(f"ValueError: {value!r} is not a valid {cls.name}")
