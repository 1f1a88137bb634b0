"""Numbers and words to places in a vocabulary."""

from __future__ import annotations

from typing import Any

from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    Layer,
    Layout,
    RuleError,
    Shape,
    Tensor,
    is_plain,
    unless,
)
from kt_translate.layers.preprocessing import check_mode, encoded, encoded_shape
from kt_translate.layers.spatial import name_of, plain


class IntegerLookup(Layer):
    """``keras.layers.IntegerLookup`` with a given vocabulary; a learnt one is in no weight file."""

    layout = Layout.LAST

    max_tokens: Any = None
    num_oov_indices: Any = 1
    mask_token: Any = None
    oov_token: Any = -1
    vocabulary: Any = None
    vocabulary_dtype: Any = "int64"
    idf_weights: Any = None
    invert: Any = False
    output_mode: Any = "int"
    sparse: Any = False
    pad_to_max_tokens: Any = False
    oov_method: Any = "floormod"
    salt: Any = None

    only = {
        "vocabulary_dtype": ("int64",),
        "sparse": (False,),
        "oov_method": ("floormod",),
        "salt": (None,),
    }

    def check(self) -> None:
        self.output_mode = check_mode(self, "int", "one_hot", "multi_hot", "count", "tf_idf")
        for field in ("num_oov_indices", "mask_token", "oov_token", "invert", "pad_to_max_tokens"):
            plain(self, field)

    @property
    def tokens(self) -> list[Any]:
        """The vocabulary without the special numbers that it may begin with."""
        given = self.vocabulary
        if given is None:
            raise RuleError(
                "KT202",
                "IntegerLookup learns its vocabulary from data; no file of weights keeps it",
                "give it the vocabulary that it has found",
            )
        if not isinstance(given, (list, tuple, range)) or not is_plain(tuple(given)) or not given:
            raise RuleError("KT203", "IntegerLookup(vocabulary=) must be a list of numbers")
        masks = [] if self.mask_token is None or self.output_mode != "int" else [self.mask_token]
        special = [*masks, *[self.oov_token] * self.num_oov_indices]
        found = list(given)
        return found[len(special) :] if found[: len(special)] == special else found

    @property
    def depth(self) -> Any:
        return (
            self.max_tokens if self.pad_to_max_tokens else len(self.tokens) + self.num_oov_indices
        )

    def output_shape(self, *shapes: Shape) -> Shape:
        return encoded_shape(self, shapes[0], self.depth)

    def output_dtype(self, *dtypes: str) -> str:
        return "float32" if self.output_mode == "tf_idf" else "int64"

    def module(self, *tensors: Tensor) -> Expr:
        settings = {
            "oov": unless(self.num_oov_indices, 1),
            "mask": unless(self.mask_token, None),
        }
        if self.invert:
            unknown = unless(self.oov_token, -1)
            return Expr("IntegerLookupInverse")(self.tokens, **settings, unknown=unknown)
        encodes = self.output_mode != "int" and self.mask_token is not None
        return Expr("IntegerLookup")(self.tokens, **settings, encoded=True if encodes else OMIT)

    def forward(self, call: Call) -> Expr:
        places = call.module(call.x)
        if self.output_mode == "int":
            return places
        if self.output_mode != "tf_idf":
            return encoded(self.output_mode, call, places, self.depth, Expr("torch.int64"))
        counts = encoded("count", call, places, self.depth)
        return counts * counts.new_tensor(self.weights)

    @property
    def weights(self) -> list[Any]:
        """The inverse document frequencies; unknown numbers get their mean."""
        given = self.idf_weights
        if not isinstance(given, (list, tuple)) or not is_plain(tuple(given)):
            raise RuleError("KT203", "IntegerLookup(idf_weights=) must be a list of numbers")
        known = list(given)
        missing = len(self.tokens) + self.num_oov_indices - len(known)
        weights = [*[sum(known) / len(known)] * missing, *known]
        return [*weights, *[0.0] * (self.depth - len(weights))]

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return self.module(*tensors) if self.output_mode == "int" else None


class WithoutCounterpart(Layer, abstract=True):
    """A layer that can be made, and that nothing in PyTorch computes."""

    why = "works on strings, of which PyTorch has no tensors"

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        raise RuleError(
            "KT202",
            f"{name_of(self)} {self.why}",
            "do this step where the data is loaded: the module then takes its result as input",
        )


class StringLookup(WithoutCounterpart):
    """``keras.layers.StringLookup``."""

    def known_vocabulary(self) -> list[str] | None:
        """What ``get_vocabulary()`` gives; None where it is not given, or read from a file."""
        if not is_plain(self.vocabulary) or not isinstance(self.vocabulary, (list, tuple)):
            return None
        tokens = [str(v) for v in self.vocabulary]
        special = [] if self.mask_token is None or self.output_mode != "int" else [self.mask_token]
        special += [self.oov_token] * self.num_oov_indices
        given = tokens[: len(special)] == special
        return tokens if given else [*special, *tokens]

    max_tokens: Any = None
    num_oov_indices: Any = 1
    mask_token: Any = None
    oov_token: Any = "[UNK]"
    vocabulary: Any = None
    idf_weights: Any = None
    invert: Any = False
    output_mode: Any = "int"
    pad_to_max_tokens: Any = False
    sparse: Any = False
    encoding: Any = "utf-8"
    salt: Any = None


class TextVectorization(WithoutCounterpart):
    """``keras.layers.TextVectorization``."""

    max_tokens: Any = None
    standardize: Any = "lower_and_strip_punctuation"
    split: Any = "whitespace"
    ngrams: Any = None
    output_mode: Any = "int"
    output_sequence_length: Any = None
    pad_to_max_tokens: Any = False
    vocabulary: Any = None
    idf_weights: Any = None
    sparse: Any = False
    ragged: Any = False
    encoding: Any = "utf-8"


class Hashing(WithoutCounterpart):
    """``keras.layers.Hashing``."""

    why = "hashes by TensorFlow's FarmHash or SipHash, which PyTorch does not have"

    num_bins: Any
    mask_value: Any = None
    salt: Any = None
    output_mode: Any = "int"
    sparse: Any = False


class HashedCrossing(WithoutCounterpart):
    """``keras.layers.HashedCrossing``."""

    why = "hashes by TensorFlow's FarmHash, which PyTorch does not have"

    num_bins: Any
    output_mode: Any = "int"
    sparse: Any = False
