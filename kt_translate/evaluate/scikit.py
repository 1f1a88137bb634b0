"""What scripts take from scikit-learn before they build a model: data sets, their parts, and scaled data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import records
from kt_translate.evaluate.values import Array, Native, Unknown

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_SETS: dict[str, tuple[int, int]] = {
    "fetch_california_housing": (20640, 8),
    "load_breast_cancer": (569, 30),
    "load_diabetes": (442, 10),
    "load_digits": (1797, 64),
    "load_iris": (150, 4),
    "load_wine": (178, 13),
}
_SCALERS = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "Normalizer")


def _data_set(shape: tuple[int, int]) -> Callable[..., Any]:
    def load(ev: Interpreter, return_X_y: Any = False, **options: Any) -> Any:
        data, target = Array(shape), Array(shape[:1])
        if return_X_y:
            return data, target
        names = Unknown("the names of the features", ev.line)
        return records.namespace(ev, data=data, target=target, feature_names=names)

    return load


def _split(ev: Interpreter, *arrays: Any, **options: Any) -> list[Any]:
    """``train_test_split(x, y)``: two parts of each, whose number of rows is not known."""
    return [part(ev, array) for array in arrays for part in (_part, _part)]


def _part(ev: Interpreter, value: Any) -> Any:
    if isinstance(value, Array) and value.shape:
        return Array((None, *value.shape[1:]), value.dtype)
    return Unknown("a part of data", ev.line)


def _scaler(ev: Interpreter, *args: Any, **options: Any) -> Any:
    """What scales data leaves its shape."""

    def scaled(ev: Interpreter, data: Any, *more: Any) -> Any:
        return Array(data.shape) if isinstance(data, Array) else Unknown("scaled data", ev.line)

    names = ("fit_transform", "transform", "inverse_transform", "fit")
    return records.namespace(ev, **{name: Native(name, scaled) for name in names})


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"sklearn.datasets.{name}": _data_set(shape) for name, shape in _SETS.items()},
    **{f"sklearn.preprocessing.{name}": _scaler for name in _SCALERS},
    "sklearn.model_selection.train_test_split": _split,
    "sklearn.cross_validation.train_test_split": _split,
}
