"""Finds the declarations: every module of this folder registers its own."""

from __future__ import annotations

import importlib
import pkgutil

import kt_translate.layers as folder


def load() -> None:
    """Import every declaration, once."""
    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
