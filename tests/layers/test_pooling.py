"""Pooling against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kt_translate.graph.tensor import Layout
from kt_translate.pytorch.support.pooling import SameAvgPool2d, SameMaxPool2d
from tests.layers.harness import assert_signature, bind, check_layer, rejects

NAMES = [f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)]
GLOBAL = [f"Global{name}" for name in NAMES]
ADAPTIVE = [f"Adaptive{name}" for name in NAMES]
SIGHT = [
    {},
    {"symbolic": True},
    {"symbolic": True, "unknown": True},
    {"open_shape": True},
    {"symbolic": True, "texts": True},
]
SHAPES = {1: (2, 9, 3), 2: (2, 6, 9, 3), 3: (1, 6, 5, 4, 2)}
# TensorFlow has no 3-D pooling in float64 on the CPU.
PRECISION: dict[int, dict[str, Any]] = {1: {}, 2: {}, 3: {"dtype": "float32", "tolerance": 1e-5}}

SETTINGS: list[dict[str, Any]] = [
    {"pool_size": 2},
    {"pool_size": 3, "strides": 1},
    {"pool_size": 2, "padding": "same"},
    {"pool_size": 3, "padding": "same"},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 4, "strides": 3, "padding": "same"},
    {"pool_size": 2, "strides": 1, "padding": "same"},
    {"pool_size": 3, "strides": 1, "padding": "same"},
    {"pool_size": 1, "strides": 2, "padding": "same"},
    {"pool_size": 2, "strides": 4, "padding": "same"},
]


@pytest.mark.parametrize("name", NAMES + GLOBAL + ADAPTIVE)
def test_signature(name: str) -> None:
    assert_signature(name)


def rank_of(name: str) -> int:
    return int(name[-2])


@pytest.mark.parametrize("sight", SIGHT, ids=str)
@pytest.mark.parametrize("kwargs", SETTINGS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_windows(name: str, kwargs: dict[str, Any], sight: dict[str, bool]) -> None:
    rank = rank_of(name)
    check_layer(name, kwargs, SHAPES[rank], **PRECISION[rank], **sight)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["MaxPooling2D", "AveragePooling2D"]),
    sizes=st.tuples(st.integers(1, 10), st.integers(1, 10)),
    pool=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=st.one_of(st.none(), st.tuples(st.integers(1, 4), st.integers(1, 4))),
    padding=st.sampled_from(["same", "valid"]),
    sight=st.sampled_from(SIGHT),
)
def test_any_window(
    name: str, sizes: Any, pool: Any, strides: Any, padding: str, sight: dict[str, bool]
) -> None:
    assume(padding == "same" or all(k <= n for k, n in zip(pool, sizes)))
    # TensorFlow's gradient of the mean is wrong where a window is cut at both ends.
    whole = name == "MaxPooling2D" or all(k <= n for k, n in zip(pool, sizes))
    kwargs = {"pool_size": pool, "strides": strides, "padding": padding}
    check_layer(name, kwargs, (2, *sizes, 2), gradients=whole, **sight)


@pytest.mark.parametrize("name", ["MaxPooling2D", "AveragePooling1D"])
def test_channels_first(name: str) -> None:
    kwargs = {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}
    check_layer(name, kwargs, (2, 3, 8, 9)[: rank_of(name) + 2])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", GLOBAL)
def test_whole_pictures(name: str, keepdims: bool) -> None:
    shape = SHAPES[rank_of(name)]
    check_layer(name, {"keepdims": keepdims}, shape)
    check_layer(name, {"keepdims": keepdims}, shape, open_shape=True)
    check_layer(name, {"keepdims": keepdims, "data_format": "channels_first"}, shape)


def test_equal_maxima_share_the_gradient() -> None:
    check_layer("GlobalMaxPooling2D", {}, inputs=[np.ones((2, 3, 2, 4))])
    check_layer(
        "MaxPooling2D",
        {"pool_size": 3, "strides": 2, "padding": "same"},
        inputs=[np.ones((2, 6, 5, 4))],
    )


@pytest.mark.parametrize(
    "kwargs", [{}, {"keepdims": True}, {"keepdims": True, "data_format": "channels_first"}], ids=str
)
def test_masked_steps(kwargs: dict[str, Any]) -> None:
    mask = np.array([[True, True, False, False], [False, True, True, True]])
    shape = (2, 3, 4) if "data_format" in kwargs else (2, 4, 3)
    check_layer("GlobalAveragePooling1D", kwargs, shape, masks=[mask])
    check_layer("GlobalAveragePooling1D", kwargs, shape, call_kwargs={"mask": mask})


def test_nothing_but_masked_steps() -> None:
    mask = np.array([[True, False], [False, False]])
    check_layer("GlobalAveragePooling1D", {}, (2, 2, 3), masks=[mask], gradients=False)


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@pytest.mark.parametrize("name", ["GlobalMaxPooling1D", "MaxPooling1D"])
def test_mask_without_effect(name: str) -> None:
    mask = np.array([[True, True, False, False], [False, True, True, True]])
    check_layer(name, {}, (2, 4, 3), masks=[mask])


@pytest.mark.parametrize("sight", SIGHT[:4], ids=str)
@pytest.mark.parametrize("name", ADAPTIVE)
def test_given_size(name: str, sight: dict[str, bool]) -> None:
    rank = rank_of(name)
    size = (3, 4, 2)[:rank]
    check_layer(
        name, {"output_size": size if rank > 1 else 4}, SHAPES[rank], **PRECISION[rank], **sight
    )
    check_layer(
        name,
        {"output_size": size, "data_format": "channels_first"},
        (2, 3, 7, 8, 6)[: rank + 2],
        **PRECISION[rank],
    )


def test_text() -> None:
    same = {"pool_size": 3, "strides": 2, "padding": "same"}
    texts = {
        "MaxPooling2D": "F.max_pool2d(x0, kernel_size=3, stride=2, ceil_mode=True)",
        "AveragePooling2D": "F.avg_pool2d(x0, kernel_size=3, stride=2, ceil_mode=True)",
    }
    for name, text in texts.items():
        assert check_layer(name, same, (1, 8, 8, 3)).forward == [text]
    assert check_layer("MaxPooling2D", {}, (1, 8, 8, 3)).standalone == "nn.MaxPool2d(kernel_size=2)"
    assert check_layer(
        "GlobalAveragePooling2D", {}, (1, 8, 8, 3), layouts=[Layout.FIRST]
    ).forward == ["x0.mean(dim=(2, 3))"]
    assert check_layer("GlobalAveragePooling1D", {}, (1, 8, 3), layouts=[Layout.LAST]).forward == [
        "x0.mean(dim=1)"
    ]


def test_old_keras() -> None:
    assert bind("AveragePooling2D", {}, flavour="2").pool_size == 2
    assert bind("MaxPooling1D", {"pool_length": 3, "stride": 2}).strides == 2
    assert bind("MaxPooling2D", {"border_mode": "same"}).padding == "same"


def test_what_keras_refuses() -> None:
    rejects("MaxPooling2D", {"padding": "causal"})
    rejects("MaxPooling2D", {}, (1, 8, 3), code="KT204")
    rejects("MaxPooling2D", {"pool_size": 9}, (1, 8, 8, 3), code="KT204")
    assert bind("AveragePooling2D", {}).pool_size == 2  # as Keras 2 has it; Keras 3 asks for a size


@pytest.mark.parametrize(
    "pool", [SameMaxPool2d(3, stride=2), SameAvgPool2d(3, stride=2)], ids=lambda p: type(p).__name__
)
def test_compiles_without_breaks(pool: torch.nn.Module) -> None:
    compiled = torch.compile(pool, fullgraph=True, backend="eager")
    for size in (7, 8, 9):
        x = torch.randn(2, 3, size, size)
        torch.testing.assert_close(compiled(x), pool(x))
