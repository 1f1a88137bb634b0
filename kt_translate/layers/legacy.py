"""The layers of Keras 1 and 2 that Keras 3 calls otherwise, or takes other arguments for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.graph.sym import known
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.layers.merging import MERGES

RENAMED = {
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "TimeDistributedDense": "Dense",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "SyncBatchNormalization": "BatchNormalization",
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
}
GONE = {
    "MaxoutDense": "write it as keras.ops.max over a Dense layer's outputs, reshaped to pieces",
    "Highway": "write it as two Dense layers: gate * transformed + (1 - gate) * x",
    "Merge": "build the model with the functional API: concatenate([a.output, b.output])",
    "SReLU": "write it as a layer of the source's own",
    "ParametricSoftplus": "write it as a layer of the source's own",
}
SEQUENCES = {"LSTM", "GRU", "SimpleRNN", "Conv1D", "Convolution1D", "TimeDistributedDense"}
SEQUENCES |= {"CuDNNLSTM", "CuDNNGRU", "AtrousConvolution1D", "AtrousConv1D"}
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}
SIZES = {  # of a kernel, one by one
    2: ("nb_row", "nb_col"),
    3: ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}
AFTER_KERNEL = ("init", "activation", "weights", "border_mode", "subsample", "data_format")

Arguments = tuple[str, list[Any], dict[str, Any]]


def modernize(name: str, args: list[Any], kwargs: dict[str, Any], flavour: str) -> Arguments:
    """The call of a layer of Keras 1 or 2 as Keras 3 would have it; others stay as they are.

    Arguments that only have another name are the business of each layer's declaration.
    """
    if name in GONE and flavour != "3":
        raise RuleError("KT203", f"{name} of Keras 1 is not translated", GONE[name])
    args, kwargs = list(args), dict(kwargs)
    if "dim_ordering" in kwargs:
        ordering = kwargs.pop("dim_ordering")
        kwargs["data_format"] = DATA_FORMATS.get(known(ordering), ordering)
    if name in SEQUENCES and "input_dim" in kwargs:
        kwargs["input_shape"] = (kwargs.pop("input_length", None), kwargs.pop("input_dim"))
    if rank := _rank(name):
        if name.startswith("Deconv"):
            kwargs.pop("output_shape", None)
            del args[rank + 1 : rank + 2]
        args = _kernel(rank, args, kwargs, flavour)
    for names, change in VALUES:
        if name in names:
            change(kwargs)
    return RENAMED.get(name, name), args, kwargs


def _rank(name: str) -> int:
    """How many numbers a kernel of this layer has, which Keras 1 took one by one."""
    kinds = ("Conv", "Deconv", "AtrousConv", "SeparableConv", "LocallyConnected")
    return int(name[-2]) if name.startswith(kinds) and name[-2:] in ("2D", "3D") else 0


def _kernel(rank: int, args: list[Any], kwargs: dict[str, Any], flavour: str) -> list[Any]:
    """The arguments with the kernel's size in one: ``Convolution2D(64, 3, 3)``."""
    sizes = args[1 : rank + 1]
    named = [kwargs.pop(size) for size in SIZES[rank][len(sizes) :] if size in kwargs]
    single = len(sizes) == rank and not any(isinstance(n, (tuple, list)) for n in sizes)
    if not named and not (flavour == "1" and single):
        return args
    kwargs["kernel_size"] = (*sizes, *named)
    kwargs.update(zip(AFTER_KERNEL, args[rank + 1 :]))
    return args[:1]


def _batch_normalization(kwargs: dict[str, Any]) -> None:
    mode = known(kwargs.pop("mode", 0))
    if mode not in (0, 2):
        raise RuleError(
            "KT203", f"BatchNormalization(mode={mode}) of Keras 1 is not supported; supported: 0"
        )


def _recurrent(kwargs: dict[str, Any]) -> None:
    if "forget_bias_init" in kwargs:
        kwargs["unit_forget_bias"] = known(kwargs.pop("forget_bias_init")) in ("one", "ones")
    kwargs.pop("consume_less", None)  # how it is computed, not what


def _cudnn(kwargs: dict[str, Any]) -> None:
    kwargs.setdefault("recurrent_activation", "sigmoid")


def _cudnn_gru(kwargs: dict[str, Any]) -> None:
    kwargs.setdefault("reset_after", True)


def _synchronized(kwargs: dict[str, Any]) -> None:
    kwargs["synchronized"] = True


VALUES: list[tuple[tuple[str, ...], Callable[[dict[str, Any]], None]]] = [
    (("BatchNormalization",), _batch_normalization),
    (("SyncBatchNormalization",), _synchronized),
    (("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D"), _recurrent),
    (("CuDNNLSTM", "CuDNNGRU"), _cudnn),
    (("CuDNNGRU",), _cudnn_gru),
]


def merge_call(args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, str, dict[str, Any]]:
    """Keras 1's ``merge(inputs, mode="concat", concat_axis=1)``: the inputs, the layer, its arguments."""
    names = ("inputs", "mode", "concat_axis", "dot_axes", "output_shape", "output_mask")
    given = {**dict(zip(names, args)), **kwargs}
    mode = given.get("mode", "sum")
    settings = {"name": given["name"]} if given.get("name") is not None else {}
    spoken = decided(mode, "the mode") if isinstance(known(mode), str) else mode
    if not isinstance(spoken, str):
        return given["inputs"], "Lambda", {"function": mode, **settings}
    if spoken not in MERGES:
        raise RuleError("KT203", f"merge(mode={spoken!r}) of Keras 1 is not translated")
    if spoken == "concat":
        settings["axis"] = given.get("concat_axis", -1)
    if spoken == "dot":
        settings["axes"] = given.get("dot_axes", -1)
    return given["inputs"], MERGES[spoken].__name__, settings
