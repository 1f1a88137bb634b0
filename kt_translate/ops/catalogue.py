"""All declarations of ops: importing a family registers it."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import kt_translate.ops as package

_NOT_FAMILIES = {"op", "catalogue"}


def load() -> None:
    """Import every family of ops."""
    for module in iter_modules(package.__path__):
        if module.name not in _NOT_FAMILIES:
            import_module(f"{package.__name__}.{module.name}")
