"""Spectrograms, ReversibleEmbedding and Pipeline against Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.pytorch.support.embedding import ReversibleEmbedding
from kt_translate.pytorch.support.spectrogram import STFTSpectrogram
from kt_translate.pytorch.support.weights import load_keras_weights
from tests.layers.harness import bind, check_layer, close, floatx, rejects, support_units

MELS: list[dict[str, Any]] = [
    {},
    {"window": "hamming", "sequence_length": 24},
    {"window": None, "mag_exp": 1.0, "power_to_db": False},
    {"window": [0.5 + i / 32 for i in range(32)], "top_db": 20.0, "ref_power": 2.5},
    {"min_freq": 100.0, "max_freq": 3000.0, "sampling_rate": 8000, "min_power": 1e-3},
]


@pytest.mark.parametrize("kwargs", MELS)
@pytest.mark.parametrize("shape", [(3, 100), (2, 4, 90)])
def test_mel_spectrogram(kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    settings = {"fft_length": 32, "sequence_stride": 10, "num_mel_bins": 9, **kwargs}
    single: dict[str, Any] = {"dtype": "float32", "tolerance": 2e-4, "gradients": False}
    if len(shape) == 3:  # Keras's shape rule knows two axes, its call any number
        single["masks"] = [None]
    check_layer("MelSpectrogram", settings, shape, **single)
    if kwargs:
        check_layer(
            "MelSpectrogram",
            settings,
            shape,
            symbolic=not isinstance(kwargs.get("window"), list),
            **single,
        )


STFTS: list[dict[str, Any]] = [
    {},
    {"mode": "magnitude", "padding": "same"},
    {"mode": "psd", "window": "blackman", "periodic": True},
    {"mode": "real", "scaling": "spectrum"},
    {"mode": "imag", "scaling": None},
    {"mode": "angle", "window": "bartlett"},
    {"mode": "stft", "fft_length": 32, "frame_step": 7, "expand_dims": True},
    {"mode": "magnitude", "window": None, "expand_dims": True},
]


@pytest.mark.parametrize("kwargs", STFTS)
def test_stft_spectrogram(kwargs: dict[str, Any]) -> None:
    """With any kernels, and with those that both start from."""
    settings = {"frame_length": 12, **kwargs}
    theirs = {**settings, "window": window(settings)}  # by name it would ask for SciPy
    check_layer("STFTSpectrogram", theirs, (2, 60, 3), rule_kwargs=settings, tolerance=1e-8)
    x = np.random.default_rng(0).normal(size=(2, 60, 3))
    with floatx():
        expected = keras.layers.STFTSpectrogram(**theirs)(x)
    rule, tensor = bind("STFTSpectrogram", settings), Tensor((None, 60, 3), layout=Layout.FIRST)
    torch.set_default_dtype(torch.float64)
    try:
        module = eval(str(rule.module(tensor)), {"STFTSpectrogram": STFTSpectrogram})
    finally:
        torch.set_default_dtype(torch.float32)
    y = module(torch.from_numpy(x).mT).detach()
    ours = y.permute(0, 3, 2, 1) if settings.get("expand_dims") else y.flatten(1, 2).mT
    tolerance = 2e-5 if settings.get("mode", "log") in ("log", "angle") else 1e-7
    close(ours, expected, "at the start", tolerance)


def window(settings: dict[str, Any]) -> Any:
    """The numbers of a window given by its name: NumPy's are symmetric."""
    name, periodic = settings.get("window", "hann"), settings.get("periodic", False)
    if name is None:
        return None
    make = getattr(np, {"hann": "hanning"}.get(name, name))
    length = settings["frame_length"]
    return (make(length + 1)[:-1] if periodic else make(length)).tolist()


def test_stft_spectrogram_channels_first() -> None:
    for expand in (False, True):
        kwargs = {"frame_length": 12, "data_format": "channels_first", "expand_dims": expand}
        rule = bind("STFTSpectrogram", kwargs)
        (output,) = rule.outputs(Tensor((None, 3, 60)))
        layer = keras.layers.STFTSpectrogram(**kwargs, window=None)
        shape = layer.compute_output_shape((None, 3, 60))
        assert (output.shape, output.layout) == (tuple(shape), Layout.LAST)


def test_spectrograms_refused() -> None:
    rejects("MelSpectrogram", {"window": "kaiser"})
    rejects("MelSpectrogram", {}, (3,), code="KT204")
    rejects("STFTSpectrogram", {"window": "tukey"})
    rejects("STFTSpectrogram", {"mode": "phase"})


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kwargs", [{}, {"tie_weights": False}, {"logit_soft_cap": 2.0}])
def test_reversible_embedding(kwargs: dict[str, Any], reverse: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)) if reverse else np.array([[1, 5], [0, 6]])
    settings = {"input_dim": 7, "output_dim": 4, **kwargs}
    check_layer(
        "ReversibleEmbedding",
        settings,
        inputs=[x],
        call_kwargs={"reverse": True} if reverse else {},
        uncompared=() if reverse else ("reverse_weight",),
    )


@pytest.mark.parametrize("how", [".keras", ".weights.h5"])
def test_reversible_embedding_from_files(how: str, tmp_path: Path) -> None:
    layer = keras.layers.ReversibleEmbedding(7, 4, tie_weights=False)
    i = keras.Input((3,), dtype="int32")
    model = keras.Model(i, layer(layer(i), reverse=True))
    path = str(tmp_path / f"model{how}")
    (model.save_weights if how == ".weights.h5" else model.save)(path)
    module = nn.Sequential(ReversibleEmbedding(7, 4, tie_weights=False))
    load_keras_weights(module, path)
    x = np.array([[1, 5, 6]])
    ours = module[0](module[0](torch.from_numpy(x)), reverse=True)
    close(ours.detach(), model(x), "logits", 1e-5)


@pytest.mark.parametrize("how", [".keras", ".weights.h5"])
@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_gated_attention_from_files(name: str, how: str, tmp_path: Path) -> None:
    """HDF5 sorts the parts by letter, Keras makes the gate third."""
    sizes = {"num_heads": 2, "key_dim": 3}
    if name == "GroupQueryAttention":
        sizes = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    layer = getattr(keras.layers, name)(**sizes, use_gate=True)
    i = keras.Input((5, 6))
    model = keras.Model(i, layer(i, i))
    model.set_weights(
        [np.random.default_rng(k).normal(size=w.shape) for k, w in enumerate(model.get_weights())]
    )
    path = str(tmp_path / f"model{how}")
    (model.save_weights if how == ".weights.h5" else model.save)(path)
    rule, tensor = bind(name, {**sizes, "use_gate": True}), Tensor((None, 5, 6))
    rule.outputs(tensor, tensor)
    module = nn.Sequential(eval(str(rule.module(tensor, tensor)), support_units()))
    load_keras_weights(module, path)
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    ours = module[0](torch.from_numpy(x), torch.from_numpy(x))
    close(ours.detach(), model(x), "output", 1e-5)


def test_pipeline() -> None:
    parts: list[tuple[str, dict[str, Any]]] = [
        ("RandomFlip", {}),
        ("AveragePooling2D", {"pool_size": 2}),
    ]
    rules = [bind(name, kwargs) for name, kwargs in parts]
    layers = [getattr(keras.layers, name)(**kwargs, dtype="float64") for name, kwargs in parts]
    check_layer(
        "Pipeline",
        {"layers": rules},
        (2, 6, 8, 3),
        keras_layer=keras.layers.Pipeline(layers),
        training=False,
    )
    x = Tensor((None, 6, 8, 3), layout=Layout.FIRST)
    assert str(bind("Pipeline", {"layers": rules}).module(x)) == (
        "nn.Sequential(RandomFlip(), nn.AvgPool2d(kernel_size=2))"
    )
    rejects("Pipeline", {"layers": [bind("Rescaling", {"scale": 0.5})]}, (2, 6, 8, 3))
    rejects("Pipeline", {"layers": [bind("Dense", {"units": 3, "activation": "relu"})]})
