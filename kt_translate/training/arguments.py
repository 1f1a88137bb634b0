"""What a setting of ``model.compile`` names, and its arguments by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.objects import KerasFunction, KerasObject
from kt_translate.graph.sym import UNKNOWN, known
from kt_translate.pytorch.expr import Expr, as_expr


class NotTranslatable(Exception):
    """A setting that has no exact counterpart; says why and what to do instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Setting:
    """A Keras object by its last name, with the arguments that the source gives it."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    legacy: bool = False

    def bind(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by name, those not given with Keras's default."""
        names = list(defaults)
        if len(self.args) > len(names):
            raise NotTranslatable(f"{self.name} takes {len(names)} arguments, not {len(self.args)}")
        given = dict(zip(names, self.args, strict=False)) | dict(self.kwargs or {})
        if surplus := given.keys() - defaults.keys():
            raise NotTranslatable(f"{self.name} has no argument {', '.join(sorted(surplus))}")
        return dict(defaults) | given


def setting(value: Any, kind: str) -> Setting:
    """Read an object, class, function, name or config of Keras; ``kind`` is for messages."""
    if isinstance(value, KerasObject):
        path = value.path.split(".")
        return Setting(path[-1], tuple(value.args), value.kwargs, "legacy" in path)
    if isinstance(value, KerasFunction):
        path = value.path.split(".")
        return Setting(path[-1], legacy="legacy" in path)
    plain = known(value)
    if isinstance(plain, str):
        return Setting(plain)
    named = getattr(value, "path", None)  # a function or class of Keras, not called
    if isinstance(named, str) and named.startswith("keras."):
        return Setting(named.split(".")[-1], legacy="legacy" in named)
    if isinstance(plain, dict) and isinstance(plain.get("class_name"), str):
        return Setting(plain["class_name"], kwargs=dict(plain.get("config", {})))
    what = getattr(value, "name", None) or getattr(value, "why", None)
    described = f" ({what})" if isinstance(what, str) else ""
    raise NotTranslatable(f"the {kind}{described} is not one of Keras's own")


def decided(value: Any, name: str) -> Any:
    """The plain value of an argument on which the form of the code depends."""
    plain = known(value)
    if plain is UNKNOWN or not isinstance(plain, (bool, int, float, str, type(None))):
        raise NotTranslatable(f"the argument {name} is not known from the source")
    return plain


def number(value: Any) -> Expr:
    """A number as a person writes it: ``1e-7``, not ``1e-07``."""
    if isinstance(value, float):
        text = repr(value).replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
        return Expr(text) if value >= 0 and "n" not in text else as_expr(value)
    try:
        return as_expr(value)
    except RuleError as error:
        raise NotTranslatable(error.message) from error
