"""PyTorch translation of mnist_convnet.py.

A small convnet for handwritten digits: a script with one Sequential model.

Images are channels-first: ``images.permute(0, 3, 1, 2)`` of what the Keras model takes.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

num_classes = 10


class Model(nn.Module):
    """``model`` (mnist_convnet.py:11): (N, 1, 28, 28) -> (N, num_classes)."""

    keras_container = "sequential"

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(1, 32, kernel_size=3)
        self.batch_normalization = BatchNorm2d(32, eps=0.001, momentum=0.01)
        self.conv2d_1 = nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.dense = like_keras(nn.Linear(3136, num_classes), flattened=(64, 7, 7))
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(self.logits(x), dim=1)

    def logits(self, x: Tensor) -> Tensor:
        x = self.batch_normalization(F.relu(self.conv2d(x)))  # (N, 32, 26, 26)
        x = F.relu(self.conv2d_1(F.max_pool2d(x, kernel_size=2))).flatten(1)
        return self.dense(self.dropout(x))


# --- Training, as in model.compile (mnist_convnet.py) ---------------------------------------------


def loss_fn(logits: Tensor, target: Tensor) -> Tensor:
    """Categorical cross-entropy of one-hot targets (N, 10), mean over the batch.

    Takes ``model.logits(x)``: Keras, too, computes this loss from what went into the softmax.
    """
    return F.cross_entropy(logits, target.to(logits.dtype))


def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return KerasAdam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-7)


# --- What PyTorch lacks ---------------------------------------------------------------------------


class BiasedVariance(nn.modules.batchnorm._BatchNorm):
    """Batch normalization whose moving variance is Keras's: the biased variance of the batch.

    A frozen layer (``keras_frozen``) normalizes by the moving statistics in training, too.
    """

    keras_frozen = False
    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        if not self.training or self.keras_frozen:
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        n = x.numel() // x.shape[1]
        step = torch.zeros_like(variance)  # becomes momentum * variance * n / (n - 1)
        y = torch.batch_norm(
            x, self.weight, self.bias, mean, step, True, self.momentum, self.eps, True
        )
        variance.mul_(1 - self.momentum)
        if n > 1:
            variance.add_(step, alpha=(n - 1) / n)
        return y


class BatchNorm2d(BiasedVariance, nn.BatchNorm2d):
    """Keras's batch normalization of (N, C, H, W)."""


class KerasOptimizer(torch.optim.Optimizer):
    """What Keras's optimizers have in common.

    Weight decay shrinks the weights by ``lr * weight_decay`` and never enters the gradient, and
    steps are counted for all parameters together.
    """

    def __init__(self, params: Iterable[Any], **settings: Any) -> None:
        super().__init__(params, {**settings, "steps": 0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["steps"] += 1
            for p in group["params"]:
                if p.grad is not None:
                    if group["weight_decay"]:
                        p.mul_(1 - group["lr"] * float32(group["weight_decay"]))
                    self.update(p, p.grad, self.state[p], group)
        return loss

    def squared(self, p: Tensor) -> Tensor:
        assert p.grad is not None
        return p.grad.square()

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError


def float32(setting: float) -> float:
    """A setting as Keras uses it: rounded to float32, even where the weights are float64."""
    return float(np.float32(setting))


class KerasAdam(KerasOptimizer):
    """Adam with Keras's epsilon, which is added before the bias correction, not after it."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def update(self, p: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = torch.zeros_like(p)
        (beta1, beta2), steps = group["betas"], group["steps"]
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        square = state["exp_avg_sq"].lerp_(self.squared(p), 1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            square = torch.maximum(largest, square, out=largest)
        correction1, correction2 = 1 - float32(beta1) ** steps, 1 - float32(beta2) ** steps
        rate = group["lr"] * correction2**0.5 / correction1
        p.addcdiv_(mean, square.sqrt() + group["eps"], value=-rate)


# --- Weights --------------------------------------------------------------------------------------


class Conversion(NamedTuple):
    """The kinds of Keras layers a module may stand for, and its state made from their arrays."""

    kinds: tuple[str, ...]
    state: Callable[[Any, list[np.ndarray]], dict[str, np.ndarray]]


def in_order(
    module: nn.Module, arrays: list[np.ndarray], names: Sequence[str]
) -> dict[str, np.ndarray]:
    """The arrays under the names of those parameters and buffers that the module has, in order."""
    present = [name for name in names if getattr(module, name, None) is not None]
    return dict(zip(present, arrays, strict=True))


def channels_first_rows(module: nn.Module, array: np.ndarray) -> np.ndarray:
    """Reorder the rows that stand for a flattened picture: Keras counts its channels last."""
    flattened = getattr(module, "keras_flatten", None)
    if flattened is None:
        return array
    channels, *spatial = flattened
    picture = array.reshape(*spatial, channels, *array.shape[1:])
    return np.moveaxis(picture, len(spatial), 0).reshape(array.shape)


def linear_state(module: nn.Linear, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Dense: the kernel is (in, out)."""
    kernel, *bias = arrays
    return in_order(module, [channels_first_rows(module, kernel).T, *bias], ("weight", "bias"))


def conv_state(module: nn.Module, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Convolutions, transposed ones too: a kernel of (*sizes, a, b) becomes (b, a, *sizes)."""
    kernel, *bias = arrays
    weight = np.moveaxis(kernel, (-1, -2), (0, 1))
    return in_order(module, [weight, *bias], ("weight", "bias"))


def grouped_conv_state(module: Any, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Convolutions, depthwise ones too: their kernel is (*sizes, in, multiplier)."""
    kernel, *bias = arrays
    if module.groups == module.in_channels > 1:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return conv_state(module, [kernel, *bias])


def norm_state(module: nn.Module, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Normalizations: scale and shift, as far as there are any, then the moving statistics."""
    rows = [channels_first_rows(module, array) for array in arrays]
    return in_order(module, rows, ("weight", "bias", "running_mean", "running_var"))


KERAS_LAYERS: dict[type[nn.Module], Conversion] = {
    nn.Linear: Conversion(("dense",), linear_state),
    nn.Conv2d: Conversion(("depthwise_conv2d", "conv2d"), grouped_conv_state),
    nn.BatchNorm2d: Conversion(("batch_normalization", "sync_batch_normalization"), norm_state),
}

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def like_keras(
    module: AnyModule,
    *,
    flattened: Sequence[int] | None = None,
) -> AnyModule:
    """Give a module what its Keras layer was given.

    Args:
        flattened: the channels and sizes of the picture that the module takes flattened. Keras
            flattens it with the channels last.
    """
    marks: Any = module
    if flattened is not None:
        marks.keras_flatten = tuple(flattened)
    return module


@torch.no_grad()
def init_like_keras(module: nn.Module) -> None:
    """Start from Keras's defaults, Glorot-uniform kernels and zero biases, not PyTorch's."""
    for part in module.modules():
        if getattr(part, "keras_initialized", False) or next(part.children(), None) is not None:
            continue
        marks: Any = part
        marks.keras_initialized = True
        if init := next((KERAS_STARTS[c] for c in type(part).__mro__ if c in KERAS_STARTS), None):
            init(part)


def init_kernel(part: Any) -> None:
    """Glorot uniform, and no bias."""
    nn.init.xavier_uniform_(part.weight)
    if part.bias is not None:
        nn.init.zeros_(part.bias)


def init_grouped_kernel(part: Any) -> None:
    """Glorot uniform; a depthwise kernel counts, in Keras, the inputs of all its channels."""
    weight = part.weight
    if part.groups == part.in_channels:
        weight = weight.unflatten(0, (part.groups, -1)).squeeze(2)
    nn.init.xavier_uniform_(weight)
    if part.bias is not None:
        nn.init.zeros_(part.bias)


KERAS_STARTS: dict[type[nn.Module], Callable[[Any], None]] = {
    nn.Linear: init_kernel,
    nn.Conv2d: init_grouped_kernel,
}


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


if __name__ == "__main__":
    convert_weights({"model": Model})
