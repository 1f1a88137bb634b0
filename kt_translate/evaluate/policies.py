"""Policies of precision: Keras computes as they say, the translation in full precision, as `torch.autocast` is for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

FULL = "float32"
PATH = "dtype_policies.DTypePolicy"


def attribute(policy: KerasObject, name: str) -> Any:
    """What a policy says; the translation computes in full precision whatever that is called."""
    if name in ("name", "_name"):
        return policy.args[0]
    return FULL if name in ("compute_dtype", "variable_dtype") else NotImplemented


def full() -> KerasObject:
    """The policy that holds for all that is made."""
    return KerasObject(PATH, [FULL], {})


def _make(ev: Interpreter, name: Any = FULL, *args: Any, **kwargs: Any) -> KerasObject:
    return name if isinstance(name, KerasObject) else KerasObject(PATH, [name], {})


def _set(ev: Interpreter, policy: Any = FULL, *args: Any, **kwargs: Any) -> None:
    said = known(_make(ev, policy).args[0])
    if isinstance(said, str) and said.startswith("mixed"):
        ev.note("KT401", f"the policy {said} is left out: torch.autocast computes so")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f"keras.{path}": function
    for function, paths in (
        (
            lambda ev: full(),
            (
                "mixed_precision.global_policy",
                "mixed_precision.dtype_policy",
                "mixed_precision.experimental.global_policy",
                "config.dtype_policy",
            ),
        ),
        (
            _make,
            (
                "mixed_precision.Policy",
                "mixed_precision.DTypePolicy",
                "mixed_precision.experimental.Policy",
                "dtype_policies.DTypePolicy",
                "dtype_policies.FloatDTypePolicy",
                "dtype_policies.get",
                "DTypePolicy",
            ),
        ),
        (
            _set,
            (
                "mixed_precision.set_global_policy",
                "mixed_precision.set_dtype_policy",
                "mixed_precision.experimental.set_policy",
                "config.set_dtype_policy",
            ),
        ),
    )
    for path in paths
}
