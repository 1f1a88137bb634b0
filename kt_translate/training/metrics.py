"""The metrics of ``model.compile``: for each a function that makes an object with update and compute."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import OMIT, Expr, as_expr, unless
from kt_translate.training.arguments import NotTranslatable, Setting, decided, number, setting
from kt_translate.training.catalogue import FORMS, SIGNATURES
from kt_translate.training.loss_forms import LossRequest, OutputFacts
from kt_translate.training.losses import canonical_loss

METRIC = Expr("MeanMetric")
SPARSE = {"sparsecategoricalcrossentropy", "categoricalgeneralizedcrossentropy"}


@dataclass(frozen=True)
class MetricCode:
    """A metric by Keras's name, and the body of the function that makes it."""

    name: str
    body: list[str]
    made: str  # its class
    title: str

    @property
    def factory(self) -> str:
        return "make_" + (re.sub(r"\W+", "_", self.name).strip("_").lower() or "metric")

    @property
    def docstring(self) -> str:
        text = f'Keras\'s "{self.name}"'
        fits = self.title and len(text) + len(self.title) < 85
        return f"{text}: {self.title[:1].lower()}{self.title[1:]}." if fits else f"{text}."

    def of_output(self, name: str, key: str | int) -> MetricCode:
        """The same for one output of several: its object takes all of them."""
        *before, last = self.body
        made = Expr("MetricOfOutput")(Expr.raw(last.removeprefix("return ")), key)
        body = [*before, f"return {made}"]
        return replace(self, name=f"{name}_{self.name}", body=body, made="MetricOfOutput")

    def renamed(self, taken: list[str]) -> MetricCode:
        """With a number behind the name, where another has it."""
        name = self.name
        count = 1
        while name in taken:
            name = f"{self.name}_{count}"
            count += 1
        return replace(self, name=name)


@dataclass(frozen=True)
class MetricRequest:
    """A metric with its arguments, and the output that it is computed from."""

    given: dict[str, Any]
    output: OutputFacts
    flavour: str

    @property
    def dim(self) -> Any:
        return unless(self.output.class_dim, -1)

    def option(self, name: str, default: Any) -> Any:
        """An argument's expression, left out where it is the default."""
        value = self.given[name]
        if unless(value, default) is OMIT:
            return OMIT
        return number(value) if isinstance(value, float) else as_expr(value)

    def refuse(self, **defaults: Any) -> None:
        for name, default in defaults.items():
            if known(self.given[name]) != default:
                raise NotTranslatable(f"its argument {name} is not done")


Build = Callable[[MetricRequest], Expr]


def mean_of(function: str, **settings: Any) -> Expr:
    """A mean of what a function of the support code gives."""
    settings = {key: value for key, value in settings.items() if value is not OMIT}
    values = Expr(function)
    return METRIC(Expr("partial")(values, **settings) if settings else values)


def _binary(request: MetricRequest) -> Expr:
    return mean_of("binary_accuracy", threshold=request.option("threshold", 0.5))


def _top_k(function: str) -> Build:
    def build(request: MetricRequest) -> Expr:
        if "from_sorted_ids" in request.given:
            request.refuse(from_sorted_ids=False)
        return mean_of(function, k=request.option("k", 5), dim=request.dim)

    return build


def _by_class(function: str) -> Build:
    return lambda request: mean_of(function, dim=request.dim)


def _cosine(request: MetricRequest) -> Expr:
    dim = request.output.torch_dim(decided(request.given["axis"], "axis"))
    eps = OMIT if request.flavour == "3" else Expr("1e-6")
    return mean_of("cosine_of_angle", dim=unless(dim, -1), eps=eps)


def _counts(name: str) -> Build:
    def build(request: MetricRequest) -> Expr:
        settings = {key: request.option(key, None) for key in request.given}
        if request.output.channels_first and set(settings.values()) - {OMIT}:
            raise NotTranslatable("its arguments are not done for pictures")
        return Expr(name)(**settings)

    return build


def _auc(request: MetricRequest) -> Expr:
    request.refuse(label_weights=None)
    curve, method = (decided(request.given[k], k) for k in ("curve", "summation_method"))
    if str(curve).upper() not in ("ROC", "PR"):
        raise NotTranslatable(f"the curve {curve} is not done")
    if decided(request.given["multi_label"], "multi_label") and request.output.rank > 2:
        raise NotTranslatable("multi_label is done for outputs (N, labels) only")
    return Expr("AUC")(
        num_thresholds=request.option("num_thresholds", 200),
        curve=unless(str(curve).upper(), "ROC"),
        summation_method=unless(str(method).lower(), "interpolation"),
        thresholds=request.option("thresholds", None),
        multi_label=request.option("multi_label", False),
        from_logits=request.option("from_logits", False),
    )


def _iou(request: MetricRequest) -> Expr:
    given = {"num_classes": 2, "sparse_y_true": True, "sparse_y_pred": True, **request.given}
    if decided(given.get("axis", -1), "axis") != -1:
        raise NotTranslatable("classes on another axis than the last are not done")
    dense = not (given["sparse_y_true"] and given["sparse_y_pred"])
    threshold = given.get("threshold")
    return Expr("IoU")(
        given["num_classes"],
        classes=unless(given.get("target_class_ids"), None),
        ignore_class=unless(given.get("ignore_class"), None),
        sparse_target=unless(given["sparse_y_true"], True),
        sparse_output=unless(given["sparse_y_pred"], True),
        threshold=OMIT if threshold is None else number(threshold),
        dim=request.dim if dense else OMIT,
    )


def _f_score(request: MetricRequest) -> Expr:
    if request.output.rank != 2:
        raise NotTranslatable("it is for outputs (N, classes)")
    return Expr("FBetaScore")(
        average=request.option("average", None),
        beta=request.option("beta", 1.0) if "beta" in request.given else OMIT,
        threshold=request.option("threshold", None),
    )


def _r2(request: MetricRequest) -> Expr:
    return Expr("R2Score")(
        class_aggregation=request.option("class_aggregation", "uniform_average"),
        num_regressors=request.option("num_regressors", 0),
    )


_NAMED = {"name": None, "dtype": None}
_LIMITS = {"thresholds": None, "top_k": None, "class_id": None, **_NAMED}
_COUNT = {"thresholds": None, **_NAMED}
_IOU_REST = {"ignore_class": None, "sparse_y_true": True, "sparse_y_pred": True, "axis": -1}
_ONE_HOT = {"ignore_class": None, "sparse_y_pred": False, "axis": -1}
# Keras's name, the arguments in order, and what makes it, by the class's name without underscores.
METRICS: dict[str, tuple[str, dict[str, Any], Build]] = {
    "binaryaccuracy": ("binary_accuracy", {**_NAMED, "threshold": 0.5}, _binary),
    "categoricalaccuracy": ("categorical_accuracy", _NAMED, _by_class("categorical_accuracy")),
    "sparsecategoricalaccuracy": (
        "sparse_categorical_accuracy",
        _NAMED,
        _by_class("sparse_categorical_accuracy"),
    ),
    "topkcategoricalaccuracy": (
        "top_k_categorical_accuracy",
        {"k": 5, **_NAMED},
        _top_k("top_k_accuracy"),
    ),
    "sparsetopkcategoricalaccuracy": (
        "sparse_top_k_categorical_accuracy",
        {"k": 5, **_NAMED, "from_sorted_ids": False},
        _top_k("sparse_top_k_accuracy"),
    ),
    "accuracy": ("accuracy", _NAMED, lambda request: mean_of("is_equal")),
    "rootmeansquarederror": (
        "root_mean_squared_error",
        _NAMED,
        lambda request: Expr("RootMeanSquaredError")(),
    ),
    "cosinesimilarity": ("cosine_similarity", {**_NAMED, "axis": -1}, _cosine),
    "auc": (
        "auc",
        {
            "num_thresholds": 200,
            "curve": "ROC",
            "summation_method": "interpolation",
            **_NAMED,
            "thresholds": None,
            "multi_label": False,
            "num_labels": None,
            "label_weights": None,
            "from_logits": False,
        },
        _auc,
    ),
    "precision": ("precision", _LIMITS, _counts("Precision")),
    "recall": ("recall", _LIMITS, _counts("Recall")),
    "truepositives": ("true_positives", _COUNT, _counts("TruePositives")),
    "falsepositives": ("false_positives", _COUNT, _counts("FalsePositives")),
    "truenegatives": ("true_negatives", _COUNT, _counts("TrueNegatives")),
    "falsenegatives": ("false_negatives", _COUNT, _counts("FalseNegatives")),
    "meaniou": ("mean_io_u", {"num_classes": None, **_NAMED, **_IOU_REST}, _iou),
    "iou": (
        "io_u",
        {"num_classes": None, "target_class_ids": None, **_NAMED, **_IOU_REST},
        _iou,
    ),
    "binaryiou": (
        "binary_io_u",
        {"target_class_ids": None, "threshold": 0.5, **_NAMED},
        _iou,
    ),
    "onehotiou": (
        "one_hot_io_u",
        {"num_classes": None, "target_class_ids": None, **_NAMED, **_ONE_HOT},
        lambda request: _iou(one_hot(request)),
    ),
    "onehotmeaniou": (
        "one_hot_mean_io_u",
        {"num_classes": None, **_NAMED, **_ONE_HOT},
        lambda request: _iou(one_hot(request)),
    ),
    "f1score": ("f1_score", {"average": None, "threshold": None, **_NAMED}, _f_score),
    "fbetascore": (
        "fbeta_score",
        {"average": None, "beta": 1.0, "threshold": None, **_NAMED},
        _f_score,
    ),
    "r2score": (
        "r2_score",
        {"class_aggregation": "uniform_average", "num_regressors": 0, **_NAMED},
        _r2,
    ),
}
ALIASES = {"logcosherror": "logcosh"}
# What a loss's metric is called by its class; functions and strings keep their own names.
LOSS_NAMES = {
    "binarycrossentropy": "binary_crossentropy",
    "categoricalcrossentropy": "categorical_crossentropy",
    "sparsecategoricalcrossentropy": "sparse_categorical_crossentropy",
    "meansquarederror": "mean_squared_error",
    "meanabsoluteerror": "mean_absolute_error",
    "meanabsolutepercentageerror": "mean_absolute_percentage_error",
    "meansquaredlogarithmicerror": "mean_squared_logarithmic_error",
    "kldivergence": "kl_divergence",
    "squaredhinge": "squared_hinge",
    "categoricalhinge": "categorical_hinge",
}


def one_hot(request: MetricRequest) -> MetricRequest:
    return replace(request, given={**request.given, "sparse_y_true": False})


def metric_rule(
    value: Any, loss: Any, output: OutputFacts, flavour: str, log: Log, place: Place
) -> MetricCode | None:
    """Translate one metric; None and KT503 where that is not possible. ``loss``: the output's."""
    if isinstance(value, MetricCode):
        return value
    try:
        return _metric(value, loss, output, flavour)
    except NotTranslatable as problem:
        log.add("KT503", place, f"metric left out: {problem.message}", problem.hint)
        return None


def users_metric(name: str, statements: list[str], value: Expr) -> MetricCode:
    """The mean of what a function of the source gives."""
    body = ["", "def values(output: Tensor, target: Tensor) -> Tensor:"]
    body += [f"    {line}" for line in [*statements, f"return {value}"]]
    body += ["", f"return {METRIC(Expr('values'))}"]
    return MetricCode(name, body, "MeanMetric", "the source's own")


def _metric(value: Any, loss: Any, output: OutputFacts, flavour: str) -> MetricCode:
    asked = setting(value, "metric")
    name = canonical_loss(asked)
    name = ALIASES.get(name, name)
    by_class = isinstance(value, KerasObject) or not isinstance(known(value), str)
    spoken = None if by_class and asked.name[:1].isupper() else asked.name
    if isinstance(known(value), str) and name in ("accuracy", "acc"):
        made = _resolved(loss, output)
        return _code(asked.name, made, "what Keras finds by the shapes of output and target")
    if name in METRICS:
        default, defaults, build = METRICS[name]
        given = asked.bind(defaults)
        called = known(given.pop("name"))
        given.pop("dtype")
        made = build(MetricRequest(given, output, flavour))
        return _code(called or spoken or default, made, "")
    if name not in FORMS:
        raise NotTranslatable(f"{asked.name} is not one of Keras's metrics with a known exact form")
    return _of_loss(asked, name, spoken, output, flavour)


def _code(name: str, made: Expr, title: str) -> MetricCode:
    return MetricCode(str(name), [f"return {made}"], str(made).split("(")[0], title)


def _resolved(loss: Any, output: OutputFacts) -> Expr:
    """What "accuracy" stands for: Keras looks at the shapes, and the loss tells the target's."""
    if output.last_dim == 1:
        return mean_of("binary_accuracy")
    dim = unless(output.class_dim, -1)
    try:
        name = canonical_loss(setting(loss, "loss"))
    except NotTranslatable:
        name = ""
    if output.last_dim is None or name not in FORMS or name == "ctc":
        return mean_of("accuracy_by_shape", dim=dim)
    if name in SPARSE:
        return mean_of("sparse_categorical_accuracy", dim=dim)
    return mean_of("categorical_accuracy", dim=dim)


def _of_loss(
    asked: Setting, name: str, spoken: str | None, output: OutputFacts, flavour: str
) -> MetricCode:
    """The mean of a loss, from the output itself, not yet averaged over the batch."""
    defaults: Mapping[str, Any] = {"name": None, "dtype": None} | SIGNATURES[name]
    given = asked.bind(dict(defaults))
    called = known(given.pop("name")) or spoken or LOSS_NAMES.get(name, name)
    request = LossRequest(given, output, flavour, Expr("output"), False, "mean")
    form = FORMS[name](request)
    if form.whole or known(given.get("ignore_class")) is not None:
        raise NotTranslatable(f"{asked.name} is not done for single samples")
    losses = form.losses("none")
    if not form.statements:
        return _code(called, METRIC(Expr(f"lambda output, target: {losses}", 0)), form.title)
    body = ["", "def losses(output: Tensor, target: Tensor) -> Tensor:"]
    body += [f"    {line}" for line in [*form.statements, f"return {losses}"]]
    body += ["", f"return {METRIC(Expr('losses'))}"]
    return MetricCode(str(called), body, "MeanMetric", form.title)
