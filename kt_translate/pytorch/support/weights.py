"""Copying trained Keras weights into PyTorch modules."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .convert import KERAS_LAYERS, Conversion
from .weights_read import KerasLayer, read_keras_layers, without_number


def load_keras_weights(module: nn.Module, weights: Any) -> None:
    """Copy trained Keras weights into `module`.

    Args:
        module: filled in place; any module of this file, on any device.
        weights: the live Keras model or layer that `module` stands for, or the path of a `.keras`,
            `.weights.h5` or old `.h5` file.

    Raises:
        ValueError: something is missing, left over or of another shape; `module` is unchanged.
    """
    known = {kind for part in module.modules() for kind in keras_kinds(part)}
    root = settled(read_keras_layers(weights), known)
    if not root.all_arrays() and module.state_dict():
        raise ValueError("there are no weights: is the Keras model built?")
    matching = WeightMatching()
    matching.fill("", module, root)
    if matching.complaints(module):  # a layer for a whole model's weights, or the other way round
        single = WeightMatching()
        if keras_kinds(module):
            single.pair([("", module)], root.children)
        else:
            single.pair(list(keras_parts(module)), [root])
        if not single.complaints(module):
            matching = single
    if (open_sizes := getattr(module, "open_sizes", None)) is not None:
        open_sizes.settle(module, matching.values, lambda other: load_keras_weights(other, weights))
        return
    if complaints := matching.complaints(module):
        raise ValueError("the Keras weights do not fit:\n  " + "\n  ".join(complaints))
    with torch.no_grad():
        for target, value in matching.values.values():
            target.copy_(value)


def conversion_of(module: nn.Module) -> Conversion | None:
    """How the module takes a Keras layer's arrays, if it stands for a single layer."""
    own: Any = type(module)
    if hasattr(own, "from_keras"):
        return Conversion(own.keras_kinds, own.from_keras)
    return next((KERAS_LAYERS[c] for c in type(module).__mro__ if c in KERAS_LAYERS), None)


def keras_kinds(module: nn.Module) -> tuple[str, ...]:
    """The kinds of Keras layers that the module may stand for; none if it is only a grouping."""
    if container := getattr(module, "keras_container", None):
        return ("functional" if container == "model" else container,)
    conversion = conversion_of(module)
    return conversion.kinds if conversion else ()


def keras_parts(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The outermost modules inside that stand for Keras layers with weights, with their paths."""
    for name, child in module.named_children():
        where = f"{path}.{name}" if path else name
        if not keras_kinds(child):
            yield from keras_parts(child, where)
        elif child.state_dict():
            yield where, child


def settled(layer: KerasLayer, known: set[str]) -> KerasLayer:
    """The layer without parts that have no weights, its kind told from its name if it must be.

    What is inside a TimeDistributed takes its place: PyTorch needs no wrapper.
    """
    children = [settled(child, known) for child in layer.children if child.all_arrays()]
    kind = layer.kind
    if not kind and (stem := without_number(layer.name)) in {*known, "model", "time_distributed"}:
        kind = "functional" if stem == "model" else stem
    layer = replace(layer, kind=kind, children=children)
    if kind != "time_distributed":
        return layer
    if len(children) != 1:  # an old file of tf.keras 2 does not tell what is inside
        return replace(layer, kind="", name="" if layer.number() is not None else layer.name)
    name = children[0].name if layer.number() is not None else layer.name
    return replace(children[0], name=name, attribute=layer.attribute)


class WeightMatching:
    """Which Keras layer each module takes, and what of both finds no counterpart."""

    def __init__(self) -> None:
        self.values: dict[int, tuple[Tensor, Tensor]] = {}
        self.missing: list[tuple[nn.Module, str]] = []
        self.problems: list[str] = []
        self.spare: list[KerasLayer] = []
        self.taken: set[int] = set()
        self.filled: set[nn.Module] = set()

    def complaints(self, module: nn.Module) -> list[str]:
        """All that is wrong; a shared module need not be found at each of its places."""
        found = [text for part, text in self.missing if part not in self.filled] + self.problems
        for layer in self.spare:  # what a model has once more, beside the part that it belongs to
            if not {id(array) for array in layer.all_arrays()} <= self.taken:
                found.append(f"left over: {told(layer)}")
        if found:
            return found
        return [
            f"{name} has no counterpart in Keras"
            for name, parameter in module.named_parameters()
            if id(parameter) not in self.values
        ]

    def fill(self, path: str, module: nn.Module, layer: KerasLayer) -> None:
        """Give the module the arrays of this Keras layer, or match what is inside of both."""
        conversion = None if hasattr(module, "keras_container") else conversion_of(module)
        self.filled.add(module)
        own = layer.arrays if conversion is None else layer.all_arrays()
        self.taken |= {id(array) for array in own}
        if conversion is None:
            state = own_state(module)
            parts = list(keras_parts(module, path))
            if layer.arrays and not state and not layer.children and len(parts) == 1:
                self.fill(*parts[0], layer)  # a layer that extends a built-in one
                return
            arrays = dict(zip(state, layer.arrays, strict=False))
            if len(state) != len(layer.arrays):
                names = ", ".join(state) or "nothing"
                self.problems.append(f"{label(path, module)} has {names}, {told(layer)}")
            self.fill_inside(path, module, layer)
        else:
            state = module.state_dict(keep_vars=True)
            converted = convert(conversion, module, layer)
            if converted is None:
                self.problems.append(f"{label(path, module)} cannot take {told(layer)}")
            arrays = converted or {}
        for name, array in arrays.items():
            self.put(f"{path}.{name}".lstrip("."), state[name], array, layer)

    def put(self, path: str, target: Tensor, array: np.ndarray, layer: KerasLayer) -> None:
        if array.shape != tuple(target.shape):
            shapes = f"{tuple(target.shape)}, Keras's {layer.name} gives {array.shape}"
            self.problems.append(f"{path} is {shapes}")
        value = torch.from_numpy(np.array(array, order="C"))
        self.values[id(target)] = target, value

    def fill_inside(self, path: str, module: nn.Module, layer: KerasLayer) -> None:
        """Match by attribute where the Keras class has the same ones, and then by name and kind."""
        layers = list(layer.children)
        parts = list(keras_parts(module, path))
        for name, child in module._modules.items():
            group = [inner for inner in layers if inner.attribute == name]
            if child is None or not group or not getattr(module, "keras_attributes", False):
                continue
            where = f"{path}.{name}".lstrip(".")
            own = [(where, child)] if keras_kinds(child) else list(keras_parts(child, where))
            if len(own) == len(group) == 1:
                self.fill(*own[0], group[0])
            else:
                self.pair(own, group)
            layers = [inner for inner in layers if inner not in group]
            parts = [part for part in parts if part[1] not in [p for _, p in own]]
        self.pair(parts, layers)

    def pair(self, parts: Sequence[tuple[str, nn.Module]], layers: Sequence[KerasLayer]) -> None:
        """Match modules and Keras layers of one level, by name and else in order of creation."""
        counted = parts
        parts, rest = level(parts, layers)
        as_filed = any(module not in [m for _, m in parts] for _, module in counted)
        waiting = []
        for path, module in parts:
            layer = namesake(path, module, rest)
            if layer is None:
                waiting.append((path, module))
            else:
                rest.remove(layer)
                self.fill(path, module, layer)
        for path, module in waiting:
            layer = next_layer(module, rest, as_filed)
            if layer is None:
                wanted = getattr(module, "keras_name", None) or keras_kinds(module)[0]
                self.missing.append((module, f"no Keras layer {wanted} for {label(path, module)}"))
            else:
                rest.remove(layer)
                self.fill(path, module, layer)
        self.spare += rest


def own_state(module: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers of a module itself, in Keras's order: trainable ones first."""
    own = {key: t for key, t in module.state_dict(keep_vars=True).items() if "." not in key}
    return dict(sorted(own.items(), key=lambda item: not item[1].requires_grad))


def convert(
    conversion: Conversion, module: nn.Module, layer: KerasLayer
) -> dict[str, np.ndarray] | None:
    """The module's state made from the layer's arrays; None if these are not of its sort."""
    try:
        arrays = conversion.state(module, layer.all_arrays())
    except (ValueError, IndexError):
        return None
    parameters = {name for name, _ in module.named_parameters()}
    return arrays if parameters <= arrays.keys() <= module.state_dict().keys() else None


def fits(module: nn.Module, layer: KerasLayer) -> bool:
    """Whether the layer can stand for the module, as far as kind and shapes tell."""
    if layer.kind and layer.kind not in keras_kinds(module):
        return False
    conversion = None if hasattr(module, "keras_container") else conversion_of(module)
    if conversion is None:
        return bool(layer.kind or layer.children)
    arrays = convert(conversion, module, layer)
    state = module.state_dict()
    return arrays is not None and all(a.shape == state[key].shape for key, a in arrays.items())


def level(
    parts: Sequence[tuple[str, nn.Module]], layers: Sequence[KerasLayer]
) -> tuple[list[tuple[str, nn.Module]], list[KerasLayer]]:
    """Both sides without the groupings that the other does not have: what is inside remains."""
    modules = [module for _, module in parts]
    kinds = {kind for module in modules for kind in keras_kinds(module)}
    own = {k for m in modules if hasattr(m, "keras_container") for k in keras_kinds(m)}
    names = {getattr(module, "keras_name", None) for module in modules}
    for i, layer in enumerate(layers):
        within = layer.kind not in own and any(inner.kind in own for inner in layer.children)
        alike = layer.kind in kinds and not within  # and not an RNN around a cell of the source's
        wanted = alike or layer.name in names or any(fits(m, layer) for m in modules)
        if layer.children and not layer.arrays and not wanted:
            return level(parts, [*layers[:i], *layer.children, *layers[i + 1 :]])
    for i, (path, module) in enumerate(parts):
        container = hasattr(module, "keras_container") and not own_state(module)
        if container and not any(namesake(path, module, [x]) or fits(module, x) for x in layers):
            return level([*parts[:i], *keras_parts(module, path), *parts[i + 1 :]], layers)
    return list({id(module): (path, module) for path, module in parts}.values()), list(layers)


def namesake(path: str, module: nn.Module, layers: Sequence[KerasLayer]) -> KerasLayer | None:
    """The layer of the module's Keras name, or named by hand as the module's attribute is."""
    name = getattr(module, "keras_name", None)
    attribute = path.rpartition(".")[2]
    for layer in layers:
        if layer.name == name or (
            not name
            and layer.name == attribute
            and layer.number() is None
            and (not layer.kind or layer.kind in keras_kinds(module))
        ):
            return layer
    return None


def next_layer(
    module: nn.Module, layers: Sequence[KerasLayer], as_filed: bool
) -> KerasLayer | None:
    """The next layer of the module's kind, as Keras counts them or else in the file's order."""
    if getattr(module, "keras_name", None):
        layers = [layer for layer in layers if not layer.name]

    def creation(layer: KerasLayer) -> tuple[bool, int]:
        return layer.number() is None, 0 if as_filed else layer.number() or 0

    heads = []
    for kind in keras_kinds(module):
        same = sorted((layer for layer in layers if layer.kind == kind), key=creation)
        heads += same[:1] if all(layer.name for layer in same) else same
    unknown = [layer for layer in layers if not layer.kind]
    candidates = sorted([*heads, *unknown], key=layers.index) if unknown else heads
    return next((layer for layer in candidates if fits(module, layer)), heads[0] if heads else None)


def label(path: str, module: nn.Module) -> str:
    return f"{path or 'the module'} ({type(module).__name__})"


def told(layer: KerasLayer) -> str:
    shapes = ", ".join(str(array.shape) for array in layer.all_arrays())
    return f"Keras's {layer.name or layer.kind or 'layer'} with {shapes or 'no arrays'}"


def convert_weights(
    models: Mapping[str, Callable[..., nn.Module]], arguments: Sequence[str] | None = None
) -> None:
    """Convert a file of trained Keras weights into one of PyTorch."""
    parser = argparse.ArgumentParser(description=convert_weights.__doc__)
    parser.add_argument("weights", type=Path, help="a .keras, .weights.h5 or .h5 file")
    parser.add_argument("-o", "--output", type=Path, required=True, help=".pt or .safetensors")
    parser.add_argument("--model", choices=list(models), help="which one, if there are several")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an argument of the model"
    )
    options = parser.parse_args(arguments)
    if options.model is None and len(models) > 1:
        parser.error(f"--model is to be one of {', '.join(models)}")
    settings = {}
    for name, _, value in (setting.partition("=") for setting in options.set):
        try:
            settings[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            settings[name] = value
    try:
        model = models[options.model or next(iter(models))](**settings)
        load_keras_weights(model, options.weights)
    except (OSError, TypeError, ValueError) as error:
        parser.exit(1, f"{options.weights}: {error}\n")
    unfinished = options.output.with_name(f"{options.output.name}.part")
    if options.output.suffix == ".safetensors":
        from safetensors.torch import save_model  # only where it is asked for

        save_model(model, str(unfinished))
    else:
        torch.save(model.state_dict(), unfinished)
    unfinished.replace(options.output)
