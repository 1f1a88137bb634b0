"""Every layer of the installed Keras has a declaration with its arguments, or is accounted for."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import pytest

from kt_translate.layers import catalogue
from kt_translate.layers.layer import REGISTRY

catalogue.load()

# Classes of keras.layers that are no layers of a model, or that hold code of other frameworks.
OTHERS = {
    "FlaxLayer",
    "Input",
    "InputLayer",
    "InputSpec",
    "JaxLayer",
    "Lambda",
    "Layer",
    "TFSMLayer",
    "TorchModuleWrapper",
    "Wrapper",
}
UNDECLARED = {"ContrastLimitedAdaptiveHistogramEqualization"}  # a layer that is reported
# Every layer takes these, so a declaration does not repeat them.
COMMON = {"name", "trainable", "dtype"}
LAYERS = sorted(
    name
    for name, value in vars(keras.layers).items()
    if inspect.isclass(value) and name not in OTHERS | UNDECLARED
)


def keras_arguments(name: str) -> list[tuple[str, Any]]:
    parameters = inspect.signature(getattr(keras.layers, name)).parameters.values()
    return [
        (p.name, p.default)
        for p in parameters
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in COMMON
    ]


@pytest.mark.parametrize("name", LAYERS)
def test_arguments(name: str) -> None:
    assert name in REGISTRY, f"keras.layers.{name} has no declaration"
    ours = [(field.rstrip("_"), default) for field, default in REGISTRY[name].signature()]
    ours = [(field, default) for field, default in ours if field not in COMMON]
    assert ours == keras_arguments(name)


@pytest.mark.parametrize("name", LAYERS)
def test_settings_name_arguments(name: str) -> None:
    rule = REGISTRY[name]
    fields = {field for field, _ in rule.signature()}
    assert set(rule.only) <= fields
    assert not set(rule.renamed) & fields
    assert {prefix for prefixes in rule.flavours.values() for prefix in prefixes} <= fields


def test_nothing_is_accounted_for_that_has_a_declaration() -> None:
    assert not (OTHERS | UNDECLARED) & REGISTRY.keys()
    assert all(hasattr(keras.layers, name) for name in OTHERS | UNDECLARED)
