"""Which Keras a source was written for, told by its imports and by spellings that others do not know.

"3" is Keras 3; "2" is tf.keras 2, tf_keras and the standalone Keras 2; "1" is the standalone Keras 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^#\n]+)"
    r"|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
_STRING_OR_COMMENT = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''"
    r"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*",
    re.DOTALL,
)

_KERAS_3_MODULES = re.compile(
    r"keras_core\b|keras\.(?:ops|random|saving|config|src|distribution|export|tree|dtype_policies"
    r"|quantizers|visualization)\b|keras_hub\b|keras_nlp\b|keras_cv\b"
)
_KERAS_3_WORDS = re.compile(
    r"\bkeras\.(?:ops|random|saving|config|KerasTensor|StatelessScope|Variable)\b"
    r"|\bKERAS_BACKEND\b|\bnegative_slope\s*=|\bkeras_(?:hub|nlp|cv)\b"
)
_KERAS_2_MODULES = re.compile(
    r"tf_keras\b|keras_applications\b|keras_preprocessing\b|keras_contrib\b|tensorflow_addons\b"
    r"|tensorflow\.(?:contrib|python)\b|tensorflow\.compat\.v[12]\b"
    r"|keras\.(?:engine|legacy|wrappers\.scikit_learn|objectives|initializations|optimizer_v[12])\b"
    r"|keras\.layers\.(?:core|convolutional|convolutional_recurrent|advanced_activations"
    r"|normalization|merge|embeddings|recurrent|wrappers|noise|pooling|local|cudnn_recurrent"
    r"|experimental)\b"
    r"|keras\.utils\.(?:np_utils|vis_utils|visualize_util|data_utils|generic_utils|layer_utils"
    r"|conv_utils|io_utils|training_utils)\b"
    r"|keras\.backend\.(?:tensorflow_backend|theano_backend|common)\b"
    r"|(?<!tensorflow\.)keras\.preprocessing\.text\b|keras\.optimizers\.legacy\b"
    r"|keras\.experimental\b"
)
_KERAS_2_NAMES = {
    "CuDNNLSTM",
    "CuDNNGRU",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "multi_gpu_model",
    "np_utils",
    "get_source_inputs",
}
_INSIDE = r"(?:[^()]|\([^()]*\))*"  # of a call's parentheses
_KERAS_2_WORDS = re.compile(
    r"\.fit_generator\(|\.predict_generator\(|\.evaluate_generator\(|\.predict_classes\("
    r"|\b(?:SGD|Adam|RMSprop|Adagrad|Adadelta|Adamax|Nadam)\([^()]*\b(?:lr|decay)\s*="
    r"|\b(?:keras|optimizers)\.(?:optimizers\.)?legacy\.|\bCuDNN(?:LSTM|GRU)\("
    r"|\bLocallyConnected[12]D\(|\bnp_utils\."
    rf"|\b(?:Separable|Depthwise)Conv(?:olution)?[12]D\({_INSIDE}\bkernel_(?:init|reg|cons)\w+\s*="
    r"|\b(?:tf|tensorflow)\.(?:Session|placeholder|get_default_graph|contrib|ConfigProto"
    r"|global_variables_initializer|compat\.v1)\b"
    r"|\bK\.(?:get_session|set_session|learning_phase|function|set_learning_phase|in_train_phase"
    r"|in_test_phase|moving_average_update|normalize_batch_in_training|random_uniform_variable"
    r"|random_normal_variable|random_binomial|local_conv[12]d|placeholder)\("
)
# What Keras's own backend lost in Keras 3: K.mean and the like.
_BACKEND_IN_KERAS_3 = {
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
}
_KERAS_1_WORDS = re.compile(
    r"[(,]\s*(?:border_mode|inner_init|inner_activation|forget_bias_init|dim_ordering|pool_length"
    r"|filter_length|subsample_length|atrous_rate|[WUb]_regularizer|[Wb]_constraint|dropout_[WU]"
    r"|consume_less|samples_per_epoch|nb_val_samples|concat_axis|dot_axes)\s*=(?!=)"
    r"|\bimage_dim_ordering\(|\bset_image_dim_ordering\("
    r"|\bConvolution2D\(\s*[\w.*]+\s*,\s*\w+\s*,\s*\w+\s*[,)]"
    rf"|\bConv(?:olution)?[123]D\({_INSIDE}\b(?:nb_filter|nb_row|nb_col)\s*="
    rf"|\b(?:Dense|LSTM|GRU|SimpleRNN)\({_INSIDE}\boutput_dim\s*="
    rf"|\.fit(?:_generator)?\({_INSIDE}\bnb_epoch\s*="
    r"|\b(?:MaxoutDense|TimeDistributedDense|Highway|AtrousConvolution[12]D|Merge)\("
    r"|\bmerge\(\s*\[[^\]]*\]\s*,\s*(?:mode\s*=\s*)?['\"](?:sum|mul|concat|ave|cos|dot|max)['\"]"
    r"|\bModel\(\s*input\s*="
)
# Keras 2 took most of what Keras 1 did, which knew nothing of these.
_AFTER_KERAS_1 = re.compile(
    r"[(,]\s*(?:(?:kernel|recurrent)_(?:initializer|regularizer|constraint|size)|use_bias)\s*=(?!=)"
    r"|[(,]\s*padding\s*=\s*['\"](?:same|valid)['\"]|\bimage_data_format\("
    r"|\bdef compute_output_shape\b|[(,]\s*(?:epochs|steps_per_epoch|filters|units)\s*=(?!=)"
)
_OWN_CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)", re.MULTILINE)


def flavour_of(text: str, others: Iterable[str] = ()) -> str:
    """The Keras that a source was written for: the first of it and ``others`` of its project that tells. Else Keras 3."""
    return next((told for t in (text, *others) if (told := told_flavour(t))), "3")


def told_flavour(text: str) -> str | None:
    """The Keras that a text was written for, where something tells."""
    bare = _STRING_OR_COMMENT.sub(_blank, text)
    imported = imported_names(bare)
    modules = "\n".join(imported)
    if re.search(r"^keras_core\b", modules, re.MULTILINE):
        return "3"
    if re.search(r"^tf_keras\b", modules, re.MULTILINE):
        return "2"
    words = _with_short_strings(text)
    if _KERAS_1_WORDS.search(_without_own(words)) and not _of_tensorflow(imported):
        return "2" if _AFTER_KERAS_1.search(words) else "1"
    if _KERAS_3_MODULES.search(modules) or _KERAS_3_WORDS.search(bare):
        return "3"
    names = {name.rpartition(".")[2] for name in imported}
    old = _KERAS_2_MODULES.search(modules) or names & _KERAS_2_NAMES or _KERAS_2_WORDS.search(bare)
    return "2" if old or _uses_old_backend(bare, imported) else None


def _without_own(text: str) -> str:
    """Without what the source names itself: parameters of its functions, arguments of its classes (``W_regularizer``)."""
    own = "|".join([r"def[ \t]+\w+", *map(re.escape, _OWN_CLASS.findall(text))])
    return re.sub(rf"\b(?:{own})[ \t]*\({_INSIDE}\)", "", text)


def _blank(match: re.Match[str]) -> str:
    """Strings and comments say nothing, but lines keep their places."""
    return "''" + "\n" * match[0].count("\n") if match[0][0] != "#" else ""


def _with_short_strings(text: str) -> str:
    """Without comments and long strings: modes are told by short ones."""
    return _STRING_OR_COMMENT.sub(
        lambda m: m[0] if m[0][0] in "'\"" and len(m[0]) < 12 and "\n" not in m[0] else _blank(m),
        text,
    )


def imported_names(text: str) -> list[str]:
    """The full names of what the source imports."""
    found = []
    for match in _IMPORT.finditer(text):
        if match[1]:
            names = re.sub(r"[()\\\s]+", " ", match[2]).split(",")
            found += [f"{match[1]}.{name.split()[0]}" for name in names if name.split()]
        else:
            found += [part.split()[0] for part in match[3].split(",") if part.split()]
    return found


def _of_tensorflow(imported: list[str]) -> bool:
    """Whether Keras comes as a part of TensorFlow, which never was Keras 1."""
    return any(re.match(r"tensorflow(\.\w+)*\.keras\b", name) for name in imported)


def _uses_old_backend(text: str, imported: list[str]) -> bool:
    """Whether Keras's own backend (not tf.keras's) does arithmetic, as it did before Keras 3."""
    if not any(re.match(r"keras\.backend\b", name) for name in imported):
        return False
    used = set(re.findall(r"\bK\.(\w+)", text)) | set(re.findall(r"\bbackend\.(\w+)\(", text))
    return bool(used - _BACKEND_IN_KERAS_3)
