"""Objects of the source that are settings: those that hold some, and members of enumerations."""

from __future__ import annotations

from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.pytorch.expr import Expr


class Record:
    """An object of the source that holds settings; the generated code can have one as well."""

    attributes: dict[str, Any]
    said: Any  # the Sym by which the generated code calls it; None where it makes it anew

    def parts(self) -> list[Any]:
        """What the text that stands for it is made of."""
        return list(self.attributes.values()) if self.said is None else [self.said]


class Member:
    """A member that is no number and no text: equal to itself only."""

    def __init__(self, cls: Any, name: str, value: Any) -> None:
        self.cls = cls  # the class of the source
        self.name = name
        self.value = value

    @property
    def expr(self) -> Expr:
        """How the generated code says it. Raises RuleError where the class is not in it."""
        if self.cls.definition is None:
            raise RuleError("KT102", f"{self}: it is not known when the code is written")
        return Expr(repr(self))

    def __repr__(self) -> str:
        return f"{self.cls.name}.{self.name}"


class IntMember(int):
    """A member that is a number as well."""

    cls: Any
    name: str

    def __new__(cls, owner: Any, name: str, value: int) -> IntMember:
        made = super().__new__(cls, value)
        made.cls, made.name = owner, name
        return made

    @property
    def value(self) -> int:
        return int(self)

    def __repr__(self) -> str:
        return f"{self.cls.name}.{self.name}"


class TextMember(str):
    """A member that is a text as well."""

    cls: Any
    name: str

    def __new__(cls, owner: Any, name: str, value: str) -> TextMember:
        made = super().__new__(cls, value)
        made.cls, made.name = owner, name
        return made

    @property
    def value(self) -> str:
        return "".join(self)

    def __repr__(self) -> str:
        return f"{self.cls.name}.{self.name}"
