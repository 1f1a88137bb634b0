"""Text that the source puts together from settings: ``"block_%d" % i``, ``"conv{}".format(i)``."""

from __future__ import annotations

import re
from string import Formatter
from typing import Any

from kt_translate.evaluate.values import plain
from kt_translate.graph.sym import Sym, call_symbolic


def percent(template: str, values: Any) -> Any:
    """``template % values`` where a value is symbolic; None where the template asks for more than plain numbers and text."""
    given = list(values) if isinstance(values, tuple) else [values]
    parts: list[Any] = []
    at = 0
    for match in re.finditer(r"%(.)", template):
        parts.append(template[at : match.start()])
        at = match.end()
        if match[1] == "%":
            parts.append("%")
        elif match[1] in "dsi" and given:
            parts.append(given.pop(0))
        else:
            return None
    return joined([*parts, template[at:]])


def formatted(template: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``template.format(*args, **kwargs)`` where a value is symbolic; None where a field asks for a format of its own."""
    parts: list[Any] = []
    count = 0
    for text, field, spec, conversion in Formatter().parse(template):
        parts.append(text)
        if field is None:
            continue
        if spec or conversion or not re.fullmatch(r"\w*", field):
            return None
        if field == "" or field.isdigit():
            index = count if field == "" else int(field)
            count += 1
            if index >= len(args):
                return None
            parts.append(args[index])
        elif field in kwargs:
            parts.append(kwargs[field])
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
        else:
            return None
        if text == "":
            continue
        if isinstance(out, str) and isinstance(text, str):
            out += text
        else:
            out = text if out == "" else Sym.binary("+", out, text)
    return out
