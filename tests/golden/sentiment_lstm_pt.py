"""PyTorch translation of sentiment_lstm.py.

A sentiment classifier in a function; padding is masked.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Sentiment(nn.Module):
    """``build_sentiment`` (sentiment_lstm.py:7): (N, ?) -> (N, 1)."""

    keras_container = "functional"

    def __init__(self, vocab_size: int = 20000, embedding_dim: int = 64, units: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.bidirectional = MaskedLSTM(embedding_dim, units, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(units * 2, units)
        self.score = nn.Linear(units, 1)
        init_like_keras(self)

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(tokens))

    def logits(self, tokens: Tensor) -> Tensor:
        mask = tokens != 0
        x = self.embedding(tokens)  # (N, L, embedding_dim)
        x = torch.cat([*self.bidirectional(x, mask=mask)[1][0]], dim=-1)
        return self.score(torch.tanh(self.dense(x)))


def build_sentiment(*args: Any, **kwargs: Any) -> Sentiment:
    """The same call as in sentiment_lstm.py."""
    return Sentiment(*args, **kwargs)


# --- What PyTorch lacks ---------------------------------------------------------------------------
# Masked
# MaskedLSTM

# --- Weights --------------------------------------------------------------------------------------
# Conversion
# in_order
# channels_first_rows
# linear_state
# embedding_state
# directions
# rnn_state
# KERAS_LAYERS
# init_like_keras
# init_kernel
# init_embedding
# init_recurrent
# open_forget_gate
# KERAS_STARTS
# load_keras_weights
# conversion_of
# keras_kinds
# keras_parts
# settled
# WeightMatching
# own_state
# convert
# fits
# level
# namesake
# next_layer
# label
# told
# convert_weights
# read_keras_layers
# snake_case
# without_number
# read_live_layer
# attribute_names
# PART_ORDER
# group_order
# read_group
# read_parts
# is_metric
# layer_configs
# read_array
# read_old_file
# read_config
# text_list
# child_named
# KerasLayer


if __name__ == "__main__":
    convert_weights({"build_sentiment": build_sentiment})
