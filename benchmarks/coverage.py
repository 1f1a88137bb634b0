"""How much of real packages translates, and how well: writes docs/COVERAGE.md.

python benchmarks/coverage.py                       # every package of subjects.toml that is installed
python benchmarks/coverage.py image-classifiers     # only these; the other sections stay as they are

The packages may lie in any folder on PYTHONPATH, without what they depend on: pip install --no-deps --target FOLDER
NAME. Those that import each other belong into one.
Each model function is translated with the file where it stands, and both sides are built with the same arguments and
compared in float64 with the same random weights. Lines are those of the functions and methods that run on either
side, formatted alike, without comments and docstrings; the loader and the support classes are not counted.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "COVERAGE.md"
MINUTES = 20  # for one file of a package

HEAD = """# Coverage

Model functions of published packages, translated without change and compared with what the package itself builds:
same arguments, same random weights, float64, the largest difference of any output relative to its largest value.
*With --set*: the function's own defaults and what the file calls it with tell too little, so that the translation was
given the arguments. Written by `benchmarks/coverage.py`; the functions are listed in `benchmarks/subjects.toml`.

*Lines*: code of the translation beside code of the source, for the functions and methods that run.
"""


@dataclass
class Subject:
    """A model function, and how to call it."""

    package: str
    keras: str  # what the package is run with
    prepare: str
    module: str
    function: str
    arguments: str
    keras_arguments: str
    integers: int
    inputs: str  # shapes without the batch, of what is a layer and no model
    float32: str  # what Keras computes in float32 whatever it is told
    places: list[str]  # parts of paths: the code of packages of models


def subjects(wanted: list[str]) -> list[Subject]:
    table = tomllib.loads((HERE / "subjects.toml").read_text(encoding="utf-8"))
    places = sorted({place_of(m[0]) for facts in table.values() for m in facts["models"]})
    found = []
    for package, facts in table.items():
        for module, function, *rest in facts["models"] if not wanted or package in wanted else ():
            own = next((r for r in rest if isinstance(r, str)), "")
            more = next((r for r in rest if isinstance(r, dict)), {})
            found.append(
                Subject(
                    package,
                    facts["keras"],
                    facts.get("prepare", ""),
                    module,
                    function,
                    joined(own, facts.get("arguments", "")),
                    joined(more.get("keras", ""), facts.get("keras_arguments", "")),
                    more.get("integers", 0),
                    more.get("inputs", ""),
                    more.get("float32", ""),
                    places,
                )
            )
    return found


def place_of(module: str) -> str:
    top, *inner = module.split(".")
    return "/" + "/".join([top, *inner[:-1]] if top == "keras" else [top]) + "/"


def joined(*arguments: str) -> str:
    return ", ".join(filter(None, arguments))


# -- running --------------------------------------------------------------------------------------


def results_of(group: list[Subject]) -> list[dict[str, Any]]:
    """What became of the functions of one file, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        said, told = Path(folder, "subjects.json"), Path(folder, "results.jsonl")
        said.write_text(json.dumps([asdict(subject) for subject in group]))
        legacy = {"TF_USE_LEGACY_KERAS": "1"} if group[0].keras == "tf_keras" else {}
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
        command = [sys.executable, str(HERE / "coverage_of.py"), str(said), str(told)]
        why = "no result"
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **legacy, **quiet},
                capture_output=True,
                text=True,
                timeout=60 * MINUTES,
                check=False,
            )
            why = (done.stderr.strip().splitlines() or [why])[-1]
        except subprocess.TimeoutExpired:
            why = f"not done in {MINUTES} minutes"
        lines = told.read_text().splitlines() if told.is_file() else []
    found = [json.loads(line) for line in lines]
    return found + [{"result": "failed", "why": why} for _ in group[len(found) :]]


# -- the page -------------------------------------------------------------------------------------


def row(subject: Subject, result: dict[str, Any]) -> str:
    words = ", ".join(re.findall(r"\b\w+='[^']*'", subject.arguments))
    called = f"{subject.function}({words})" if words else subject.function
    name = f"`{subject.module.rpartition('.')[2]}.{called}`"
    figure = result.get("error")
    said = "exact" if figure == 0 else f"{figure:.0e}" if figure is not None else ""
    if figure and subject.float32 and result["result"].startswith("agrees"):
        said += f" (Keras: {subject.float32} in float32)"
    why = re.sub(r"\s+", " ", result.get("why", "")).replace("|", "\\|")[:160]
    ours, theirs = result.get("lines", (0, 0))
    lines = f"{ours} / {theirs} = {ours / theirs:.2f}" if theirs and ours else ""
    return f"| {name} | {result['result']} | {said or why} | {lines} |"


def section(package: str, rows: list[str]) -> str:
    try:
        version = importlib.metadata.version(package.partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        version = ""
    today = f"{date.today():%d %B %Y}".lstrip("0")
    head = [f"## {package} {version}".rstrip(), "", f"Run on {today}.", ""]
    head += ["| function | | | lines |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def summary(sections: dict[str, str]) -> str:
    """Counts, from the rows themselves: those of sections that were written before count as well."""
    lines = [
        "| package | functions | translated | agree | lines (median) |",
        "|---|---|---|---|---|",
    ]
    total = [0, 0, 0]
    every: list[float] = []
    for package, text in sections.items():
        kinds = re.findall(r"^\| `.*?` \| ([^|]+?) \|", text, re.MULTILINE)
        ratios = [float(r) for r in re.findall(r" = ([\d.]+) \|$", text, re.MULTILINE)]
        untranslated = sum(kind.startswith("not translated") for kind in kinds)
        counts = [
            len(kinds),
            len(kinds) - untranslated,
            sum(kind.startswith("agrees") for kind in kinds),
        ]
        total = [a + b for a, b in zip(total, counts)]
        every += ratios
        lines.append(_counts(package, counts, ratios))
    return "\n".join([*lines, _counts("**all**", total, every), ""])


def _counts(name: str, counts: list[int], ratios: list[float]) -> str:
    median = f"{statistics.median(ratios):.2f}" if ratios else ""
    return f"| {name} | {' | '.join(map(str, counts))} | {median} |"


def sections_of(page: str) -> dict[str, str]:
    parts = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    return {part.split()[0]: f"## {part.rstrip()}\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("packages", nargs="*", help="names of subjects.toml; all if none is given")
    parser.add_argument(
        "--function", help="only functions whose name has this in it; writes no page"
    )
    options = parser.parse_args()
    groups: dict[tuple[str, str], list[Subject]] = defaultdict(list)
    for subject in subjects(options.packages):
        if not options.function or re.search(options.function, subject.function):
            groups[subject.package, subject.module].append(subject)
    rows: dict[str, list[str]] = defaultdict(list)
    for (package, _), group in groups.items():
        for subject, result in zip(group, results_of(group)):
            rows[package].append(row(subject, result))
            print(rows[package][-1], flush=True)
    if options.function:
        return
    sections = sections_of(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    sections |= {package: section(package, lines) for package, lines in rows.items()}
    page = "\n".join([HEAD, summary(sections), *sections.values()])
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
