"""Merging layers against Keras: layouts, ranks, masks, ties."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kt_translate.graph.sym import Sym, Symbol
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import Call, Expr
from tests.layers.harness import assert_signature, bind, check_layer, rejects

ELEMENTWISE = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_signature(name: str) -> None:
    assert_signature(name)


SHAPES: list[tuple[tuple[int, ...], ...]] = [
    ((3, 4), (3, 4)),
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4, 5), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (2, 1, 1, 5)),
    ((2, 3, 1, 5), (2, 1, 4, 5)),
    ((2, 5), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (2, 5)),
    ((2, 4, 5), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (2, 4, 1)),
    ((2, 3, 4), (2, 4)),
]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shapes", SHAPES)
def test_elementwise(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    layouts = [Layout.LAST, Layout.FIRST] if max(map(len, shapes)) > 2 else None
    check_layer(name, {}, *shapes, layouts=layouts)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n != "Subtract"])
def test_several(name: str) -> None:
    check_layer(name, {}, (2, 3, 4), (2, 3, 4), (2, 4), layouts=[Layout.LAST, Layout.FIRST])
    check_layer(name, {}, (2, 3), (2, 3), (2, 3), symbolic=True, unknown=True)


@pytest.mark.parametrize("name", ["Maximum", "Minimum"])
def test_ties(name: str) -> None:
    x = np.array([[1.0, 2.0, -1.0, 0.0]])
    y = np.array([[1.0, 0.0, -1.0, 0.0]])
    check_layer(name, {}, inputs=[x, y])
    check_layer(name, {}, inputs=[x, y, x])


MASKS = [
    [np.array([[1, 0, 1], [1, 1, 0]], bool), np.array([[1, 1, 0], [0, 1, 0]], bool)],
    [np.array([[1, 0, 1], [1, 1, 0]], bool), None],
    [None, np.array([[1, 0, 1], [1, 1, 0]], bool)],
]


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate"])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("layout", [Layout.LAST, Layout.FIRST])
def test_masks(name: str, masks: list[Any], layout: Layout) -> None:
    check_layer(name, {}, (2, 3, 4), (2, 3, 4), masks=masks, layouts=[layout])


@pytest.mark.parametrize("name", ["Maximum", "Multiply"])
def test_three_masks(name: str) -> None:
    masks = [MASKS[0][0], MASKS[0][1], np.array([[0, 0, 0], [1, 1, 0]], bool)]
    check_layer(name, {}, (2, 3, 4), (2, 3, 4), (2, 3, 4), masks=masks)
    check_layer(name, {}, (2, 3, 4), (2, 3, 4), (2, 3, 4), masks=[masks[0], None, masks[2]])


CONCATENATE = [
    ({}, ((3, 4), (3, 2))),
    ({}, ((2, 3, 4), (2, 3, 5), (2, 3, 1))),
    ({"axis": 1}, ((2, 3, 4), (2, 5, 4))),
    ({"axis": -2}, ((2, 3, 4, 5), (2, 3, 1, 5))),
    ({"axis": 3}, ((2, 3, 4, 5), (2, 3, 4, 1))),
    ({"axis": 1}, ((2, 3, 4, 5), (2, 2, 4, 5))),
]


@pytest.mark.parametrize(("kwargs", "shapes"), CONCATENATE)
def test_concatenate(kwargs: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    layouts = [Layout.LAST, Layout.FIRST] if len(shapes[0]) > 2 else None
    check_layer("Concatenate", kwargs, *shapes, layouts=layouts)
    if not kwargs:
        check_layer("Concatenate", kwargs, *shapes, layouts=layouts, symbolic=True)


@pytest.mark.parametrize("masks", MASKS)
def test_concatenate_masks_in_time(masks: list[Any]) -> None:
    check_layer("Concatenate", {"axis": 1}, (2, 3, 4), (2, 3, 4), masks=masks)


DOT = [
    (1, (3, 4), (3, 4)),
    (-1, (3, 4), (3, 4)),
    ((2, 2), (2, 3, 4), (2, 5, 4)),
    ((2, 1), (2, 3, 4), (2, 4, 5)),
    ((1, 1), (2, 3, 4), (2, 3, 5)),
    ((1, 2), (2, 3, 4), (2, 5, 3)),
    (1, (2, 3, 4), (2, 3, 5)),
    ((1, 2), (2, 4), (2, 3, 4)),
    ((2, 1), (2, 3, 4), (2, 4)),
    ((3, 1), (2, 3, 4, 5), (2, 5, 6)),
    ((1, 2), (2, 3, 4, 5), (2, 6, 3)),
    ((-1, -2), (2, 3, 4, 5), (2, 6, 5, 2)),
]


@pytest.mark.parametrize(("axes", "a", "b"), DOT)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(axes: Any, a: tuple[int, ...], b: tuple[int, ...], normalize: bool) -> None:
    check_layer("Dot", {"axes": axes, "normalize": normalize}, a, b)


def text(name: str, kwargs: dict[str, Any], *tensors: Tensor) -> str:
    rule = bind(name, kwargs)
    names = [Expr(f"x{i}") for i, _ in enumerate(tensors)]
    return str(
        rule.forward(
            Call(Expr("m"), names, list(tensors), [None] * len(names), [], {}, lambda e, c="": e)
        )
    )


def test_texts() -> None:
    flat, picture = Tensor((None, 8)), Tensor((None, 4, 5, 8), layout=Layout.FIRST)
    assert text("Add", {}, flat, flat) == "x0 + x1"
    assert text("Average", {}, flat, flat) == "(x0 + x1) / 2"
    assert text("Concatenate", {}, picture, picture) == "torch.cat((x0, x1), dim=1)"
    assert text("Concatenate", {}, flat, flat) == "torch.cat((x0, x1), dim=1)"
    assert text("Multiply", {}, picture, flat) == "x0 * x1[:, :, None, None]"
    assert text("Maximum", {}, flat, flat) == "maximum(x0, x1)"
    assert text("Dot", {"axes": 1}, flat, flat) == "(x0 * x1).sum(dim=1, keepdim=True)"


def test_layout_is_that_of_the_first_with_all_axes() -> None:
    flat, picture = Tensor((None, 8)), Tensor((None, 4, 5, 8), layout=Layout.FIRST)
    assert bind("Multiply", {}).wants(flat, picture) == [Layout.LAST, Layout.FIRST]
    assert bind("Multiply", {}).outputs(flat, picture)[0].layout is Layout.FIRST
    assert bind("Add", {}).wants(picture, Tensor((None, 4, 5, 8))) == [Layout.FIRST, Layout.FIRST]


def test_one_mask_for_all_stays_what_it_is() -> None:
    mask = Tensor((None, 3), "bool")
    x, y = Tensor((None, 3, 4), mask=mask), Tensor((None, 3, 4), mask=mask)
    assert bind("Add", {}).outputs(x, y)[0].mask is mask


def test_sizes_add_up() -> None:
    n = Sym.of(Symbol("n", 7))
    (output,) = bind("Concatenate", {}).outputs(Tensor((None, 3, n)), Tensor((None, 3, 4)))
    assert str(output.shape[-1]) == "n + 4"


def test_refused() -> None:
    rejects("Add", {}, (2, 3), (2, 4), code="KT204")
    rejects("Concatenate", {}, (2, 3), (2, 3, 4), code="KT204")
    rejects("Concatenate", {}, (2, 3, 4), (2, 5, 4), code="KT204")
    rejects("Dot", {"axes": 1}, (2, 3), (2, 4), code="KT204")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(ELEMENTWISE),
    shape=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    ones=st.lists(st.booleans(), min_size=4, max_size=4),
    cut=st.integers(0, 3),
    swap=st.booleans(),
)
def test_random_elementwise(
    name: str, shape: list[int], ones: list[bool], cut: int, swap: bool
) -> None:
    other = [1 if one else n for n, one in zip(shape, ones, strict=False)][
        min(cut, len(shape) - 1) :
    ]
    # with as many samples as features, Keras's eager addition takes (N, 1) for a bias of the features
    shapes = [(7, *shape), (7, *other)]
    layouts = [Layout.LAST, Layout.FIRST] if len(shape) > 1 else None
    check_layer(name, {}, *(shapes[::-1] if swap else shapes), layouts=layouts)


def test_nothing_leaks() -> None:
    assert keras.config.floatx() == "float32"
    assert torch.get_default_dtype() is torch.float32
