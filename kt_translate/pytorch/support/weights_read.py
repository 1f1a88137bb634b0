"""Reading the weights of a Keras model, from a live object or a file, without Keras."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np


@dataclass(eq=False)
class KerasLayer:
    """A Keras layer: its own arrays, in Keras's order, and the layers inside it.

    `name` and `kind` (its class in snake case) are empty where a file does not tell; `attribute` is
    where the layer that contains it keeps it.
    """

    name: str
    kind: str
    arrays: list[np.ndarray]
    children: list[KerasLayer] = field(default_factory=list)
    attribute: str = ""

    def all_arrays(self) -> list[np.ndarray]:
        return [*self.arrays, *(a for child in self.children for a in child.all_arrays())]

    def number(self) -> int | None:
        """The number in an automatic name: 0 in "dense", 2 in "dense_2"; None: named by hand."""
        stem = "functional|model" if self.kind == "functional" else re.escape(self.kind)
        automatic = re.fullmatch(rf"(?:{stem})(?:_(\d+))?", self.name)
        return int(automatic[1] or 0) if automatic else None


def read_keras_layers(weights: Any) -> KerasLayer:
    """The layers of a live Keras object, or of a `.keras`, `.weights.h5` or old `.h5` file."""
    if isinstance(weights, str | Path):
        return with_activations_beside(read_keras_file(weights))
    return with_activations_beside(read_live_layer(weights))


def with_activations_beside(layer: KerasLayer) -> KerasLayer:
    """The layers, with those that are the activation of one (`Dense(4, activation=PReLU())`) after it, not within."""
    beside: list[KerasLayer] = []
    for child in map(with_activations_beside, layer.children):
        inside = [c for c in child.children if c.attribute == "activation" or c.kind == "p_re_lu"]
        if not child.arrays or not inside:
            beside.append(child)
            continue
        rest = [c for c in child.children if c not in inside]
        new = [c for c in inside if not any(c.arrays is met.arrays for met in beside)]
        beside += [replace(child, children=rest), *(replace(c, attribute="") for c in new)]
    return replace(layer, children=beside)


def read_keras_file(weights: str | Path) -> KerasLayer:
    if not zipfile.is_zipfile(weights):
        with h5py.File(weights) as file:
            old = "layer_names" in file.attrs or "model_weights" in file
            return read_old_file(file) if old else read_group(file, {})
    with zipfile.ZipFile(weights) as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            return read_group(file, config)


def snake_case(class_name: str) -> str:
    """Keras's automatic name for a class; all functional models are of one kind."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return "functional" if name == "model" else name


def without_number(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def read_live_layer(
    layer: Any, attribute: str = "", seen: dict[int, KerasLayer] | None = None
) -> KerasLayer:
    """A layer or model of Keras 3 or tf.keras 2, by what both have in common.

    A layer that is part of several models is read once: all its places have the same arrays.
    """
    seen = {} if seen is None else seen
    if id(layer) in seen:
        return replace(seen[id(layer)], attribute=attribute)
    if not hasattr(layer, "_flatten_layers"):
        raise TypeError(f"neither a path nor a Keras layer or model: {layer!r}")
    own = "variables" if hasattr(layer, "_trainable_variables") else "weights"
    variables = [*getattr(layer, f"_trainable_{own}"), *getattr(layer, f"_non_trainable_{own}")]
    parts = without_repeats(layer._flatten_layers(recursive=False, include_self=False))
    shared = {id(weight) for part in parts for weight in part.weights}  # kept by the layer as well
    arrays = [np.asarray(v.numpy()) for v in variables if id(v) not in shared]
    if hasattr(layer, "adapt_mean"):  # a Normalization computes with copies that it makes of them
        arrays[:2] = [np.asarray(layer.mean), np.asarray(layer.variance)]
    places = attribute_names(layer)
    seen[id(layer)] = KerasLayer(
        layer.name,
        snake_case(type(layer).__name__),
        # NumPy has no bfloat16: Keras's is a type that PyTorch does not take.
        arrays=[a.astype(np.float32) if a.dtype.kind == "V" else a for a in arrays],
        children=[read_live_layer(child, places.get(id(child), ""), seen) for child in parts],
        attribute=attribute,
    )
    return seen[id(layer)]


def attribute_names(layer: Any) -> dict[int, str]:
    """The attribute in which a layer keeps each of its parts, by the part's identity."""
    names: dict[int, str] = {}
    bookkeeping = ("_layers", "_operations", "_nodes", "_self_")

    def visit(name: str, value: Any) -> None:
        if isinstance(value, list | tuple | dict):
            for part in value.values() if isinstance(value, dict) else value:
                visit(name, part)
        else:
            names.setdefault(id(value), name)

    for name, value in vars(layer).items():
        if not name.startswith(bookkeeping):
            visit(name, value)
    return names


def without_repeats(layers: Iterable[Any]) -> list[Any]:
    """The layers; of several TimeDistributed around one layer, the first, if it is not there itself."""
    every = list(layers)
    met = {id(layer) for layer in every}
    found = []
    for layer in every:
        if type(layer).__name__ == "TimeDistributed":
            if id(layer.layer) in met:
                continue
            met.add(id(layer.layer))
        found.append(layer)
    return found


# The parts of a layer that come in another order than by letter.
PART_ORDER = (
    "forward_layer",
    "query_dense",
    "key_dense",
    "gate_dense",
    "value_dense",
    "output_dense",
)


def group_order(key: str) -> tuple[int, int]:
    """HDF5 sorts by letter; Keras's order is that of the counters, and of an attention's parts."""
    part = key.strip("_")
    number = re.search(r"_(\d+)$", key)
    rank = PART_ORDER.index(part) if part in PART_ORDER else len(PART_ORDER)
    return rank, int(number[1]) if number else 0


def read_group(
    group: h5py.Group, config: dict[str, Any], kind: str = "", attribute: str = ""
) -> KerasLayer:
    """A layer of a `.weights.h5` file; `config` is its entry in a `.keras` archive, or empty."""
    own = group["vars"]
    name = own.attrs.get("name") or config.get("config", {}).get("name", "")
    arrays = [read_array(own[key]) for key in sorted(own, key=int)]
    children = list(read_parts(group, config))
    return KerasLayer(name, kind, arrays, children, attribute)


def read_parts(
    group: h5py.Group, config: dict[str, Any], attribute: str | None = None
) -> Iterator[KerasLayer]:
    """The layers inside a group, whose keys are attributes or, in a list, kinds with a counter."""
    configs = layer_configs(config)
    for key in sorted(group, key=group_order):
        if key in ("vars", "optimizer", "metrics", "seed_generator"):
            continue
        if attribute is None and is_metric(group[key]):
            continue
        if "vars" not in group[key]:
            yield from read_parts(group[key], config, "" if key == "layers" else attribute or key)
        elif attribute is None:
            yield read_group(group[key], {}, attribute=key)
        else:
            yield read_group(group[key], configs.get(key, {}), without_number(key), attribute)


def is_metric(group: h5py.Group) -> bool:
    """Whether a group looks like a metric in an attribute of the model: tf.keras 2 saves these."""
    own = group.get("vars", {})
    alone = len(own) > 0 and "name" not in own.attrs and group.parent.name == "/"
    return alone and all(own[key].shape == () for key in own)


def layer_configs(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries of a model's layers by the keys of their groups: tf.keras 2 writes no names."""
    entries: dict[str, dict[str, Any]] = {}
    counts: dict[str, int] = {}
    for layer in config.get("config", {}).get("layers", ()):
        kind = snake_case(layer["class_name"])
        number = counts[kind] = counts.get(kind, -1) + 1
        entries[f"{kind}_{number}" if number else kind] = layer
    return entries


def read_array(dataset: h5py.Dataset) -> np.ndarray:
    """An array of a file, where bfloat16 is the upper half of a float32."""
    array: np.ndarray = dataset[()]
    if dataset.attrs.get("dtype") == "bfloat16":
        array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return array


def read_old_file(file: h5py.File) -> KerasLayer:
    """An `.h5` file of `model.save` or of tf.keras 2's `save_weights`: paths of named weights."""
    kinds: dict[str, str] = {}
    homes: dict[str, str] = {}
    config = json.loads(file.attrs.get("model_config", "{}"))
    read_config(config.get("config"), "", kinds, homes)
    groups = file.get("model_weights", file)
    root = KerasLayer("", "", [])
    for name in text_list(groups.attrs, "layer_names"):
        layer = KerasLayer(name, kinds.get(name, ""), [])
        root.children.append(layer)
        for path in text_list(groups[name].attrs, "weight_names"):
            _, found, inside = f"/{path}".partition(f"/{name}/")
            parts = (inside if found else path).split("/")[:-1]
            while parts and (home := homes.get(parts[0], name)) not in (name, ""):
                parts.insert(0, home)
            place = layer
            for part in parts:
                place = child_named(place, part, kinds.get(part, ""))
            place.arrays.append(groups[name][path][()])
    if own := groups.get("top_level_model_weights"):
        root.arrays = [own[path][()] for path in text_list(own.attrs, "weight_names")]
    return root


def read_config(config: Any, home: str, kinds: dict[str, str], homes: dict[str, str]) -> None:
    """Note the kind of each layer of a model, and the nested model that it is in, by its name."""
    for part in config if isinstance(config, list) else ():
        read_config(part, home, kinds, homes)
    if not isinstance(config, dict):
        return
    settings = config.get("config")
    if "class_name" in config and isinstance(settings, dict) and "name" in settings:
        name = settings["name"]
        kinds[name] = snake_case(config["class_name"])
        homes[name] = home
        home = name if "layers" in settings else home
    for part in config.values():
        read_config(part, home, kinds, homes)


def text_list(attributes: h5py.AttributeManager, name: str) -> list[str]:
    """A list of texts in attributes; Keras splits a long one over `name0`, `name1`, ..."""
    keys = [name] if name in attributes else [f"{name}{i}" for i in range(len(attributes))]
    texts = [text for key in keys if key in attributes for text in attributes[key]]
    return [text.decode() if isinstance(text, bytes) else text for text in texts]


def child_named(layer: KerasLayer, name: str, kind: str) -> KerasLayer:
    """The layer of this name inside `layer`, made if there is none yet."""
    for child in layer.children:
        if child.name == name:
            return child
    layer.children.append(KerasLayer(name, kind, []))
    return layer.children[-1]
