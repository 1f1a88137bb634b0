"""The losses of Keras: their arguments, and the functions that translate them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.training import cross_entropies, other_losses
from kt_translate.training.loss_forms import LossForm, LossRequest

REDUCED = {"reduction": "sum_over_batch_size", "name": None, "dtype": None}
LOGITS = {"from_logits": False, "label_smoothing": 0.0, "axis": -1}
FOCAL = {"alpha": 0.25, "gamma": 2.0, **LOGITS, **REDUCED}
SIGNATURES: dict[str, dict[str, Any]] = {
    "binarycrossentropy": {**LOGITS, **REDUCED},
    "categoricalcrossentropy": {**LOGITS, **REDUCED},
    "sparsecategoricalcrossentropy": {
        "from_logits": False,
        "ignore_class": None,
        "reduction": "sum_over_batch_size",
        "axis": -1,
        "name": None,
        "dtype": None,
    },
    "cosinesimilarity": {"axis": -1, **REDUCED},
    "huber": {"delta": 1.0, **REDUCED},
    "categoricalfocalcrossentropy": FOCAL,
    "binaryfocalcrossentropy": {"apply_class_balancing": False, **FOCAL},
    "dice": {**REDUCED, "axis": None},
    "tversky": {"alpha": 0.5, "beta": 0.5, **REDUCED, "axis": None},
    "categoricalgeneralizedcrossentropy": {"q": 0.5, **REDUCED},
}
FORMS: dict[str, Callable[[LossRequest], LossForm]] = {
    "binarycrossentropy": cross_entropies.binary_crossentropy,
    "categoricalcrossentropy": cross_entropies.categorical_crossentropy,
    "sparsecategoricalcrossentropy": cross_entropies.sparse_categorical_crossentropy,
    "meansquarederror": other_losses.mean_squared_error,
    "meanabsoluteerror": other_losses.mean_absolute_error,
    "huber": other_losses.huber,
    "logcosh": other_losses.log_cosh,
    "meanabsolutepercentageerror": other_losses.mean_absolute_percentage_error,
    "meansquaredlogarithmicerror": other_losses.mean_squared_logarithmic_error,
    "poisson": other_losses.poisson,
    "kldivergence": other_losses.kl_divergence,
    "cosinesimilarity": other_losses.cosine_similarity,
    "hinge": other_losses.hinge,
    "squaredhinge": other_losses.squared_hinge,
    "categoricalhinge": other_losses.categorical_hinge,
    "categoricalfocalcrossentropy": cross_entropies.categorical_focal_crossentropy,
    "binaryfocalcrossentropy": cross_entropies.binary_focal_crossentropy,
    "dice": other_losses.dice,
    "tversky": other_losses.tversky,
    "categoricalgeneralizedcrossentropy": other_losses.generalized_cross_entropy,
    "ctc": other_losses.ctc,
}
for _name in FORMS:
    SIGNATURES.setdefault(_name, REDUCED)
CROSS_ENTROPIES = {
    "binarycrossentropy",
    "categoricalcrossentropy",
    "sparsecategoricalcrossentropy",
    "binaryfocalcrossentropy",
}
