"""Codes, the log, and the four ways to render what it holds."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kt_translate.diagnostics import CODES, Diagnostic, Log, Place, explain, reference_page
from kt_translate.messages import Finding, render, wants_colour
from kt_translate.source.notebook import read_notebook

ROOT = Path(__file__).parents[1]
TEXT = "import keras\nx = LSTM(8, activation='relu')\n"


HERE = Place(2, 4, 8)


def finding(
    code: str = "KT203", place: Place = HERE, message: str = "no", text: str = TEXT
) -> Finding:
    log = Log()
    log.add(code, place, message, "use tanh")
    return Finding("model.py", text, log.diagnostics[0])


def test_log_keeps_what_is_said_twice_once() -> None:
    log = Log()
    log.add("KT401", Place(3), "left out")
    log.add("KT401", Place(3), "left out")
    log.add("KT401", Place(4), "left out")
    assert [d.place.line for d in log.diagnostics] == [3, 4]
    assert not log.has_errors
    log.add("KT201", Place(1, 2, 5), "no rule", "write it")
    assert log.diagnostics[-1] == Diagnostic(
        "KT201", "error", "no rule", Place(1, 2, 5), "write it"
    )
    assert log.has_errors
    assert [d.place.line for d in log.in_order()] == [1, 3, 4]


def test_a_diagnostic_without_a_hint_has_that_of_its_code() -> None:
    log = Log()
    log.add("KT303", Place(1), "input size not known")
    assert log.diagnostics[0].hint == CODES["KT303"].hint
    assert "--input-shape" in log.diagnostics[0].hint


def test_unknown_codes_are_refused() -> None:
    with pytest.raises(KeyError):
        Log().add("KT999", Place(1), "?")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    entry = CODES[code]
    assert re.fullmatch(r"KT\d{3}", code)
    assert entry.severity in ("error", "warning", "note")
    assert len(entry.explanation) > 100
    assert entry.hint
    assert "\n    " in entry.explanation or code == "KT001", "an example is missing"
    assert entry.explanation in explain(code)


def test_the_codes_declared_are_those_that_the_translator_uses() -> None:
    used = set()
    for path in (ROOT / "kt_translate").rglob("*.py"):
        if path.name == "codes.py":
            continue
        used |= set(re.findall(r'"(KT\d{3})"', path.read_text(encoding="utf-8")))
    assert used == CODES.keys()


def test_the_reference_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8") == reference_page()


def test_the_reference_page_is_printed() -> None:
    command = [sys.executable, "-m", "kt_translate.diagnostics"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == reference_page()
    assert not printed.stderr


def test_text_shows_the_code_that_is_meant() -> None:
    assert render([finding()], "text") == (
        "model.py:2:5: KT203 no\n"
        "    2 | x = LSTM(8, activation='relu')\n"
        "      |     ^^^^\n"
        "    hint: use tanh\n"
    )


@pytest.mark.parametrize(
    ("line", "place", "carets"),
    [
        ("x = Rare()", Place(1, 4), "    ^"),
        ("\tx = Rare()", Place(1, 5, 9), "     ^^^^"),
        ("x = Rare(", Place(1, 4, 2), "    ^"),
        ("x = Rare()", Place(1, 4, 99), "    ^^^^^^"),
        ("x = Rare()", Place(1, 99), "          ^"),
        ("名 = Rare()", Place(1, 4, 8), "     ^^^^"),
    ],
)
def test_carets_stand_under_the_code(line: str, place: Place, carets: str) -> None:
    shown = render([finding(place=place, text=line)], "text").split("\n")
    assert shown[2] == f"      | {carets}"
    assert len(shown[1]) == len(line) + 8


def test_long_lines_are_cut_around_the_code() -> None:
    text = "a" * 300 + "Rare" + "b" * 300
    _, source, carets, *_ = render([finding(place=Place(1, 300, 304), text=text)], "text").split(
        "\n"
    )
    assert len(source) <= 130
    assert source[carets.index("^") : carets.rindex("^") + 1] == "Rare"


def test_a_source_cannot_write_to_the_terminal() -> None:
    assert "\033" not in render([finding(text="\nx = '\033[2J'\n", message="bad \033[31m")], "text")


@pytest.mark.parametrize("place", [Place(0), Place(99), Place(3)])
def test_a_place_outside_of_the_text_is_no_problem(place: Place) -> None:
    assert "KT203 no" in render([finding(place=place)], "text")


def test_notes_are_short_and_counted() -> None:
    notes = [finding("KT401", Place(n, 0), f"left out {n}") for n in range(1, 8)]
    assert render(notes, "text").split("\n") == [
        "model.py:1:1: KT401 left out 1",
        "model.py:2:1: KT401 left out 2",
        "model.py:3:1: KT401 left out 3",
        "model.py: KT401 4 more of these (training call left out); --verbose shows all",
        "",
    ]
    assert render(notes, "text", level="verbose").count("KT401") == 7
    assert render([*notes, finding()], "text", level="quiet").startswith("model.py:2:5: KT203")


def test_colour_is_for_terminals() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert wants_colour(Terminal(), None)
    assert not wants_colour(Terminal(), "1")
    assert not wants_colour(io.StringIO(), None)
    assert "\033[1;31mKT203\033[0m" in render([finding()], "text", colour=True)
    assert "\033" not in render([finding()], "json", colour=True)


def test_json_is_one_document() -> None:
    document = json.loads(render([finding(), finding("KT101")], "json"))
    assert document["schema"] == 1
    assert document["diagnostics"][0] == {
        "file": "model.py",
        "code": "KT203",
        "severity": "error",
        "message": "no",
        "line": 2,
        "column": 4,
        "hint": "use tanh",
    }
    assert json.loads(render([], "json")) == {"schema": 1, "diagnostics": []}


def test_github_annotations_are_escaped() -> None:
    one = finding(message="50% of\nall")
    assert render([one], "github") == (
        "::error file=model.py,line=2,col=5,endColumn=8,title=KT203 argument value not supported"
        "::50%25 of%0Aall (hint: use tanh)\n"
    )
    assert render([finding("KT401")], "github").startswith("::notice file=model.py")
    assert "a%3Ab%2Cc.py" in render([Finding("a:b,c.py", TEXT, one.diagnostic)], "github")


def test_sarif_has_rules_and_places() -> None:
    document = json.loads(render([finding(), finding("KT101", Place(1))], "sarif"))
    assert document["version"] == "2.1.0"
    run = document["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["KT101", "KT203"]
    first = run["results"][0]
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "KT203"
    assert first["level"] == "error"
    location = first["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "model.py"}
    assert location["region"] == {"startLine": 2, "startColumn": 5, "endColumn": 9}


def test_places_in_notebooks_name_the_cell() -> None:
    cells = [
        {"cell_type": "code", "source": "import keras"},
        {"cell_type": "code", "source": "a = 1\nx = Rare()"},
    ]
    notebook = read_notebook(json.dumps({"cells": cells}))
    line = notebook.text.split("\n").index("x = Rare()") + 1
    found = finding(place=Place(line, 4, 8), text=notebook.text)
    found = Finding("model.ipynb", found.text, found.diagnostic, notebook)
    assert render([found], "text").startswith(
        "model.ipynb:cell 2:2:5: KT203 no\n    2 | x = Rare()\n"
    )
    entry = json.loads(render([found], "json"))["diagnostics"][0]
    assert (entry["line"], entry["cell"], entry["cell_line"]) == (line, 2, 2)
