"""Flattening, reshaping, repeating, padding and cropping against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kt_translate.graph.tensor import Layout
from kt_translate.pytorch.support import resize
from tests.layers.harness import assert_signature, check_layer, rejects

NAMES = [
    "Flatten",
    "Reshape",
    "Permute",
    "RepeatVector",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
]
NAMES += [f"{kind}{rank}D" for kind in ("ZeroPadding", "Cropping") for rank in (1, 2, 3)]
SIGHT = [{}, {"symbolic": True}, {"open_shape": True}, {"symbolic": True, "unknown": True}]

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Flatten", {}, (3, 5)),
    ("Flatten", {}, (3, 5, 4)),
    ("Flatten", {}, (2, 4, 5, 3)),
    ("Flatten", {}, (2, 4, 2, 5, 3)),
    ("Flatten", {}, (2, 1, 1, 3)),
    ("Flatten", {}, (2, 4, 5, 1)),
    ("Reshape", {"target_shape": (4, 6)}, (2, 24)),
    ("Reshape", {"target_shape": (2, 3, 4)}, (2, 24)),
    ("Reshape", {"target_shape": (8,)}, (2, 8)),
    ("Reshape", {"target_shape": (24,)}, (2, 4, 2, 3)),
    ("Reshape", {"target_shape": (6, 4)}, (2, 4, 2, 3)),
    ("Reshape", {"target_shape": (4, 6)}, (2, 4, 2, 3)),
    ("Reshape", {"target_shape": (8, 3)}, (2, 4, 2, 3)),
    ("Reshape", {"target_shape": (4, 2, 3)}, (2, 8, 3)),
    ("Reshape", {"target_shape": (2, 2, 2, 3)}, (2, 8, 3)),
    ("Reshape", {"target_shape": (3, 1, 8)}, (2, 4, 2, 3)),
    ("RepeatVector", {"n": 4}, (3, 5)),
    ("UpSampling1D", {"size": 3}, (2, 5, 3)),
    ("UpSampling2D", {"size": 2}, (2, 5, 4, 3)),
    ("UpSampling2D", {"size": (3, 11)}, (2, 5, 4, 3)),
    ("UpSampling3D", {"size": (2, 1, 3)}, (2, 3, 4, 2, 3)),
    ("ZeroPadding1D", {}, (2, 5, 3)),
    ("ZeroPadding1D", {"padding": (2, 0)}, (2, 5, 3)),
    ("ZeroPadding2D", {}, (2, 5, 4, 3)),
    ("ZeroPadding2D", {"padding": (2, 3)}, (2, 5, 4, 3)),
    ("ZeroPadding2D", {"padding": ((0, 1), (2, 3))}, (2, 5, 4, 3)),
    ("ZeroPadding3D", {"padding": ((0, 1), (2, 3), (1, 4))}, (1, 2, 3, 4, 2)),
    ("Cropping1D", {}, (2, 5, 3)),
    ("Cropping1D", {"cropping": (2, 0)}, (2, 5, 3)),
    ("Cropping2D", {}, (2, 5, 4, 3)),
    ("Cropping2D", {"cropping": 1}, (2, 5, 4, 3)),
    ("Cropping2D", {"cropping": ((0, 1), (2, 0))}, (2, 5, 4, 3)),
    ("Cropping3D", {}, (2, 5, 4, 3, 2)),
    ("Cropping3D", {"cropping": (2, 0, 1)}, (2, 5, 4, 3, 2)),
]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name: str) -> None:
    assert_signature(name)


@pytest.mark.parametrize("sight", SIGHT, ids=str)
@pytest.mark.parametrize(("name", "kwargs", "shape"), CASES, ids=str)
def test_same_as_keras(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...], sight: dict[str, bool]
) -> None:
    check_layer(name, kwargs, shape, **sight)


@pytest.mark.parametrize("sight", SIGHT[:3], ids=str)
@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ((-1,), (2, 4, 2, 3)),
        ((-1, 6), (2, 24)),
        ((-1, 3), (2, 4, 2, 3)),
        ((2, -1), (2, 4, 2, 3)),
        ((3, -1, 2), (2, 4, 3)),
        ((-1, 2, 3), (2, 8, 3)),
    ],
)
def test_reshape_with_an_open_size(
    target: tuple[int, ...], shape: tuple[int, ...], sight: dict[str, bool]
) -> None:
    check_layer("Reshape", {"target_shape": target}, shape, **sight)


@pytest.mark.parametrize(
    "dims", [(2, 1), (1, 2), (3, 1, 2), (1, 3, 2), (2, 1, 3), (3, 2, 1), (4, 1, 3, 2), (1,)]
)
def test_permute(dims: tuple[int, ...]) -> None:
    check_layer("Permute", {"dims": dims}, (2, 3, 4, 5, 6)[: len(dims) + 1])


def test_channels_first() -> None:
    first = {"data_format": "channels_first"}
    check_layer("Flatten", first, (2, 3, 4, 5))
    check_layer("UpSampling2D", {"size": (2, 3), **first}, (2, 3, 4, 5))
    check_layer("UpSampling3D", {"size": (2, 3, 1), **first}, (2, 3, 4, 2, 5))
    check_layer("ZeroPadding1D", {"padding": 2, **first}, (2, 3, 4))
    check_layer("ZeroPadding2D", {"padding": ((0, 1), (2, 3)), **first}, (2, 3, 4, 5))
    check_layer("Cropping2D", {"cropping": ((0, 1), (2, 0)), **first}, (2, 3, 4, 5))
    check_layer("Cropping3D", first, (2, 3, 4, 5, 3))


@pytest.mark.parametrize("name", ["Flatten", "UpSampling1D", "ZeroPadding1D", "Cropping1D"])
def test_whole_numbers_stay_whole(name: str) -> None:
    got = check_layer(name, {}, inputs=[np.arange(24, dtype="int32").reshape(2, 4, 3)])
    assert got.outputs[0].dtype == "int32"


def test_flattened_pictures_are_marked() -> None:
    def mark(shape: tuple[int, ...], layout: Layout) -> Any:
        return check_layer("Flatten", {}, shape, layouts=[layout]).outputs[0].flattened

    assert mark((2, 4, 5, 3), Layout.FIRST) == (3, 4, 5)
    assert mark((2, 4, 5, 3), Layout.LAST) is None
    assert mark((2, 1, 1, 3), Layout.FIRST) is None
    assert mark((2, 4, 5, 1), Layout.FIRST) is None
    got = check_layer("Flatten", {"data_format": "channels_first"}, (2, 3, 4, 5))
    assert got.outputs[0].flattened == (3, 4, 5)


# TensorFlow resizes in float32; its gradient of "lanczos" takes nothing else, "area" has none.
INTERPOLATIONS: list[tuple[str, dict[str, Any]]] = [
    ("bilinear", {"tolerance": 2e-6}),
    ("bicubic", {"tolerance": 2e-6}),
    ("lanczos3", {"tolerance": 1e-5, "dtype": "float32"}),
    ("lanczos5", {"tolerance": 1e-5, "dtype": "float32"}),
    ("area", {"tolerance": 2e-6, "gradients": False}),
]


@pytest.mark.parametrize("sight", SIGHT, ids=str)
@pytest.mark.parametrize("size", [2, 3, (4, 5), (8, 1)], ids=str)
@pytest.mark.parametrize(("interpolation", "precision"), INTERPOLATIONS)
def test_interpolation(
    interpolation: str, precision: dict[str, Any], size: Any, sight: dict[str, bool]
) -> None:
    kwargs = {"size": size, "interpolation": interpolation}
    check_layer("UpSampling2D", kwargs, (2, 6, 7, 2), **precision, **sight)


@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos3", "lanczos5", "area"])
@pytest.mark.parametrize("size", [(16, 18), (13, 20), (5, 4), (8, 3), (31, 33), (8, 9)], ids=str)
def test_resize(interpolation: str, size: tuple[int, int]) -> None:
    from keras import ops

    x = np.random.default_rng(0).normal(size=(2, 8, 9, 3)).astype("float32")
    theirs = np.asarray(ops.image.resize(x, size, interpolation=interpolation))
    picture = torch.from_numpy(x).permute(0, 3, 1, 2)
    if interpolation.startswith("lanczos"):
        ours = resize.resize_lanczos(picture, size, radius=int(interpolation[-1]))
        smooth = resize.resize_lanczos(picture, size, radius=int(interpolation[-1]), antialias=True)
        expected = np.asarray(
            ops.image.resize(x, size, interpolation=interpolation, antialias=True)
        )
        np.testing.assert_allclose(smooth.permute(0, 2, 3, 1), expected, atol=1e-5)
    else:
        ours = getattr(resize, f"resize_{interpolation}")(picture, size)
    np.testing.assert_allclose(ours.permute(0, 2, 3, 1), theirs, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    edges=st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
    sizes=st.tuples(st.integers(5, 7), st.integers(5, 7)),
    kind=st.sampled_from(["ZeroPadding", "Cropping"]),
    sight=st.sampled_from(SIGHT),
)
def test_any_edges(edges: Any, sizes: Any, kind: str, sight: dict[str, bool]) -> None:
    field = "padding" if kind == "ZeroPadding" else "cropping"
    check_layer(f"{kind}2D", {field: edges}, (2, *sizes, 2), **sight)
    check_layer(f"{kind}1D", {field: edges[0]}, (2, sizes[0], 2), **sight)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from([(24,), (8, 3), (4, 2, 3), (2, 2, 2, 3)]),
    target=st.permutations([2, 3, 4, 1]),
    joined=st.integers(0, 3),
    layout=st.sampled_from([Layout.FIRST, Layout.LAST]),
)
def test_any_reshape(
    shape: tuple[int, ...], target: list[int], joined: int, layout: Layout
) -> None:
    sizes = (int(np.prod(target[: joined + 1])), *target[joined + 1 :])
    check_layer("Reshape", {"target_shape": sizes}, (2, *shape), layouts=[layout])


@pytest.mark.parametrize(
    ("name", "kwargs", "shape", "layout", "text"),
    [
        ("Flatten", {}, (1, 4, 5, 3), Layout.FIRST, "x0.flatten(1)"),
        (
            "Reshape",
            {"target_shape": (7, 7, 2)},
            (1, 98),
            Layout.LAST,
            "x0.unflatten(1, (7, 7, 2))",
        ),
        (
            "Reshape",
            {"target_shape": (-1, 3)},
            (1, 4, 5, 3),
            Layout.FIRST,
            "x0.flatten(2).transpose(1, 2)",
        ),
        ("Reshape", {"target_shape": (-1, 3)}, (1, 4, 5, 3), Layout.LAST, "x0.flatten(1, 2)"),
        (
            "Reshape",
            {"target_shape": (4, 5, 3)},
            (1, 20, 3),
            Layout.LAST,
            "x0.unflatten(1, (4, 5))",
        ),
        (
            "Reshape",
            {"target_shape": (6, 10)},
            (1, 4, 5, 3),
            Layout.LAST,
            "x0.reshape(x0.shape[0], 6, 10)",
        ),
        ("Permute", {"dims": (2, 1)}, (1, 4, 5), Layout.LAST, "x0.transpose(1, 2)"),
        ("Permute", {"dims": (3, 1, 2)}, (1, 4, 5, 3), Layout.FIRST, "x0"),
        ("UpSampling2D", {}, (1, 4, 5, 3), Layout.FIRST, "F.interpolate(x0, scale_factor=2)"),
        (
            "ZeroPadding2D",
            {"padding": ((1, 2), (3, 4))},
            (1, 4, 5, 3),
            Layout.FIRST,
            "F.pad(x0, (3, 4, 1, 2))",
        ),
        (
            "Cropping2D",
            {"cropping": ((1, 0), (0, 2))},
            (1, 4, 5, 3),
            Layout.FIRST,
            "x0[:, :, 1:, :-2]",
        ),
        ("Cropping1D", {"cropping": (1, 2)}, (1, 4, 3), Layout.LAST, "x0[:, 1:-2]"),
    ],
)
def test_text(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...], layout: Layout, text: str
) -> None:
    assert check_layer(name, kwargs, shape, layouts=[layout]).forward == [text]


def test_what_keras_refuses() -> None:
    rejects("Permute", {"dims": (0, 1)}, code="KT204")
    rejects("Permute", {"dims": (2, 1)}, (1, 4, 5, 3), code="KT204")
    rejects("Reshape", {"target_shape": (5, 5)}, (1, 24), code="KT204")
    rejects("Reshape", {"target_shape": (-1, 5)}, (1, 24), code="KT204")
    rejects("Reshape", {"target_shape": (-1, -1)}, (1, 24), code="KT204")
    rejects("RepeatVector", {"n": 3}, (1, 4, 5), code="KT204")
    rejects("UpSampling2D", {"interpolation": "gaussian"})
    rejects("Cropping1D", {"cropping": 2}, (1, 4, 3), code="KT204")
    rejects("ZeroPadding2D", {"padding": (1, 2, 3)})
    rejects("ZeroPadding1D", {"padding": -1}, code="KT204")
