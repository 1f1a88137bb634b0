"""What a script reads from its command line: the defaults that `argparse` declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import Class, Instance, Native, Scope, Unknown, plain

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_PARSER = Class("ArgumentParser", None, [], {}, Scope("module"), 0)  # type: ignore[arg-type]
_ARGUMENTS = Class("Namespace", None, [], {}, Scope("module"), 0)  # type: ignore[arg-type]


def make_parser(ev: Interpreter, *args: Any, **kwargs: Any) -> Instance:
    """``argparse.ArgumentParser()``: `parse_args` gives the defaults, or what --set says."""
    values: dict[str, Any] = {}
    parser = Instance(_PARSER, {}, [], {}, ev.line)

    def add(ev: Interpreter, *names: Any, **options: Any) -> None:
        name = _name(names, options)
        values[name] = _default(ev, names, options)
        if name in ev.settings:
            ev.used_settings.add(name)
            values[name] = ev.settings[name]

    def parse(ev: Interpreter, *args: Any, **kwargs: Any) -> Instance:
        said = args[0] if args and plain(args[0]) and args[0] else []
        if not said:
            return Instance(_ARGUMENTS, dict(values), [], {}, ev.line)
        return Instance(
            _ARGUMENTS,
            {n: Unknown("an argument of the command line", ev.line) for n in values},
            [],
            {},
            ev.line,
        )

    def set_defaults(ev: Interpreter, **given: Any) -> None:
        values.update(given)

    parser.attributes = {
        "add_argument": Native("add_argument", add),
        "parse_args": Native("parse_args", parse),
        "parse_known_args": Native("parse_known_args", lambda ev, *a: (parse(ev), [])),
        "set_defaults": Native("set_defaults", set_defaults),
        "add_argument_group": Native("add_argument_group", lambda ev, *a, **k: parser),
        "add_mutually_exclusive_group": Native("group", lambda ev, *a, **k: parser),
    }
    return parser


def _converted(default: Any, kind: Any) -> Any:
    """A default: text is read as the command line's would be."""
    makes = {"int": int, "float": float}.get(getattr(kind, "name", ""))
    if makes is None or not isinstance(default, str):
        return default
    with as_the_source_would():
        return makes(default)


def _name(names: tuple[Any, ...], options: dict[str, Any]) -> str:
    texts = [n for n in names if isinstance(n, str)] or [""]
    name = options.get("dest") or next((n for n in texts if n.startswith("--")), texts[0])
    return str(name).lstrip("-").replace("-", "_")


def _default(ev: Interpreter, names: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if "default" in options:
        return _converted(options["default"], options.get("type"))
    if options.get("action") in ("store_true", "store_false"):
        return options["action"] == "store_false"
    optional = any(isinstance(n, str) and n.startswith("-") for n in names)
    if optional and not options.get("required"):
        return None
    return Unknown("an argument of the command line", ev.line)
