"""The models of ``keras.applications``, read from the source of the installed Keras."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import modules
from kt_translate.evaluate.values import Function, Unknown

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

ROOT = "keras.applications."
_PACKAGES = ("keras", "tf_keras")
_FOLDERS = ("src/applications", "applications")


@lru_cache(maxsize=1)
def installed() -> Path | None:
    """The folder of the applications of the Keras that is installed, which is looked up and not imported."""
    for package in _PACKAGES:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            continue
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            for folder in _FOLDERS:
                if (Path(place) / folder / "vgg16.py").is_file():
                    return Path(place) / folder
    return None


@lru_cache(maxsize=4)
def names(folder: Path) -> dict[str, Path]:
    """The functions of the applications that give models, each with its file."""
    found = {}
    for file in sorted(folder.glob("*.py")):
        if not file.name.endswith("_test.py"):
            text = file.read_text(encoding="utf-8")
            found.update(dict.fromkeys(re.findall(r"^def ([A-Z]\w+)\(", text, re.MULTILINE), file))
    return found


def resolve(ev: Interpreter, path: str) -> Any:
    """What a path of `keras.applications` stands for; None where it cannot be read."""
    *inner, name = path.removeprefix(ROOT).split(".")
    place = folder(ev)
    if place is None:
        return None
    file = place / f"{inner[-1]}.py" if inner else None
    if file is None or not file.is_file():
        file = names(place).get(name)  # in a module of another name once: resnet50, mobilenetv2
    module = modules.load(ev, file, f"keras/applications/{file.name}") if file is not None else None
    return modules.member(ev, module, name) if module is not None else None


def folder(ev: Interpreter) -> Path | None:
    """The applications beside the source, where it is one of them itself, else those installed."""
    own = ev.main.path
    if own is not None and own.parent.name == "applications" and (own.parent / "vgg16.py").is_file():
        return own.parent
    return installed()


def call(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A call of a function of the applications."""
    from kt_translate.evaluate import calls

    found = resolve(ev, path)
    if isinstance(found, Function):
        return calls.call_function(ev, found, args, kwargs)
    return Unknown(f"the result of {path}", ev.line)


