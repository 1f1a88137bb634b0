"""Files of settings beside the source (JSON, YAML), which it reads before it builds a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import records
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import Instance, Native, Unknown
from kt_translate.graph.sym import known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAX_SIZE = 1_000_000  # bytes: what is larger is data
_KINDS = (".json", ".yaml", ".yml")


def opened(ev: Interpreter, path: Any, mode: Any = "r", *args: Any, **options: Any) -> Any:
    """``open(path)``: a file of settings, which is read where it is there, in the source's folder; nothing of any other."""
    name, folder = known(path), ev.main.path and ev.main.path.parent
    if not isinstance(name, str) or folder is None or known(mode) not in ("r", "rt", "rb"):
        return Unknown("a file", ev.line)
    file = folder / name
    try:
        if file.suffix not in _KINDS or file.stat().st_size > MAX_SIZE:
            return Unknown("a file of data", ev.line)
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return Unknown(f"{name}, which is not there", ev.line)
    ev.note("KT301", f"the settings that {name} has now are those of the models")
    return records.namespace(ev, text=text, read=Native("read", lambda ev, *size: text))


def _load(parse: Callable[[str], Any]) -> Callable[..., Any]:
    def load(ev: Interpreter, file: Any, *args: Any, **options: Any) -> Any:
        text = file.attributes.get("text") if isinstance(file, Instance) else known(file)
        if not isinstance(text, str):
            return Unknown("settings of a file that is not there", ev.line)
        with as_the_source_would():
            return parse(text)

    return load


def _yaml(text: str) -> Any:
    from yaml import safe_load  # takes its time, and few sources need it

    return safe_load(text)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json.load": _load(json.loads),
    **{f"yaml.{name}": _load(_yaml) for name in ("safe_load", "load", "full_load")},
}
