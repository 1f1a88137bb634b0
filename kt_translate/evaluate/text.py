"""Text that the source puts together from settings: ``"block_%d" % i``, ``"conv{}".format(i)``, ``f"conv{i}"``."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.values import Scope, Unknown, plain
from kt_translate.graph.sym import UNKNOWN, Sym, call_symbolic, known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


class LayerName(str):
    """What a layer is called, read off the layer: it tells one layer from the others."""


METHODS = (
    *("lower", "upper", "title", "capitalize", "strip", "lstrip", "rstrip", "replace"),
    *("startswith", "endswith", "isdigit", "find", "count", "split", "rsplit", "zfill"),
)


def fstring(ev: Interpreter, node: Any, scope: Scope) -> Any:
    """``f"conv{i:02d}"``."""
    parts: list[Any] = []
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            parts.append(_literal(part.value, raw="r" in node.start.lower()))
            continue
        value = ev.evaluate(part.expression, scope)
        inner = [
            (
                ev.evaluate(p.expression, scope)
                if isinstance(p, cst.FormattedStringExpression)
                else getattr(p, "value", "")
            )
            for p in part.format_spec or ()
        ]
        spec = joined(inner)
        parts.append(with_spec(value, spec) if isinstance(spec, str) else spec)
    said = joined(parts)
    return Unknown("text of what is not known", ev.line) if said is None else said


def _literal(text: str, raw: bool) -> str:
    """What stands between the braces of an f-string."""
    if "\\" in text and not raw:
        text = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    return text.replace("{{", "{").replace("}}", "}")


def with_spec(value: Any, spec: str) -> Any:
    """``format(value, spec)``."""
    if isinstance(value, Sym):
        return call_symbolic("format", value, spec) if spec else value
    try:
        return format(value, spec) if spec and plain(value) else value
    except (ValueError, TypeError):
        return str(value)


def percent(template: str, values: Any) -> Any:
    """``template % values`` where a value is symbolic; None where the template asks for more than numbers and text."""
    given = list(values) if isinstance(values, tuple) else [values]
    parts: list[Any] = []
    at = 0
    for match in re.finditer(r"%(\d*)(.)", template):
        parts.append(template[at : match.start()])
        at = match.end()
        width, kind = match.groups()
        if kind == "%":
            parts.append("%")
        elif kind in "dsi" and given and not (width and kind == "s"):
            parts.append(with_spec(given.pop(0), width and f"{width}d"))
        else:
            return None
    return joined([*parts, template[at:]])


def formatted(template: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``template.format(*args, **kwargs)`` where a value is symbolic; None where a field asks for more than a value."""
    parts: list[Any] = []
    count = 0
    for text, field, spec, conversion in Formatter().parse(template):
        parts.append(text)
        if field is None:
            continue
        if "{" in (spec or "") or conversion or not re.fullmatch(r"\w*", field):
            return None
        if field == "" or field.isdigit():
            index = count if field == "" else int(field)
            count += 1
            if index >= len(args):
                return None
            parts.append(with_spec(args[index], spec or ""))
        elif field in kwargs:
            parts.append(with_spec(kwargs[field], spec or ""))
        else:
            return None
    return joined(parts)


def joined(parts: list[Any]) -> Any:
    out: Any = ""
    for part in parts:
        if isinstance(part, Sym):
            text: Any = part if isinstance(part.value, str) else call_symbolic("str", part)
        elif plain(part):
            text = str(part)
        elif isinstance(part, (list, tuple)) and known(part) is not UNKNOWN:
            text = call_symbolic("str", part)
        else:
            return None
        if text == "":
            continue
        if isinstance(out, str) and isinstance(text, str):
            out += text
        else:
            out = text if out == "" else Sym.binary("+", out, text)
    return out
