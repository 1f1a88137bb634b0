"""What tells the hyperparameters that Keras Tuner chooses, as a setting of the generated code."""

from __future__ import annotations

import re

from kt_translate.pytorch.expr import Expr
from kt_translate.pytorch.support.hyperparameters import HyperParameters

ASKS = ("Boolean", "Choice", "Fixed", "Float", "Int")


def tells_hyperparameters(name: str, text: str) -> bool:
    """Whether code asks a parameter for hyperparameters."""
    return bool(re.search(rf"\b{re.escape(name)}\.(?:{'|'.join(ASKS)})\(", text))


class Tuned(HyperParameters):
    """Gives each hyperparameter its default."""

    @property
    def expr(self) -> Expr:
        """How the generated code makes it."""
        return Expr("HyperParameters")()
