"""Errors of kt-translate itself, as they are told."""

from __future__ import annotations

import os
from pathlib import Path
from traceback import extract_tb

_PACKAGE = Path(__file__).parent


def defect(error: Exception) -> str:
    """What went wrong and where in kt-translate, in one line."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents] or list(frames)
    last = ours[-1] if ours else None
    place = f"{os.path.relpath(last.filename, _PACKAGE.parent)}:{last.lineno}" if last else "?"
    text = str(error).split("\n")[0]
    return f"an error of kt-translate itself, at {place}: {type(error).__name__}: {text}"
