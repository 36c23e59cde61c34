"""Sheets in other languages: whole catalogues, every word translated, and the same numbers under the same law."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any
from unicodedata import combining, east_asian_width

import pytest
from babel.messages.catalog import Message
from click.testing import CliRunner
from sweeps import chosen, key, of_examples, paired, solution
from test_decimal_comma import with_points
from test_law import Digits, agrees, said_in_math, solved_functions

from bptt_trace import load, solve
from bptt_trace.commands import command
from bptt_trace.document import locale as locales
from bptt_trace.document.local import local
from bptt_trace.document.locale import LANGUAGES, Locale, catalogue
from bptt_trace.document.mathematics import Math, Words
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import Pattern, Sentence, inline, inline_many, say, say_many
from bptt_trace.document.sheet import Sheet, Stream
from bptt_trace.document.variations import with_comma
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.languages.catalogues import HERE, collected, read
from bptt_trace.marking.catalogue import CATALOGUE
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.mistakes_sheet import mistakes_sheet
from bptt_trace.marking.report import report
from bptt_trace.media.table_grid import columns_of, folded
from bptt_trace.media.templates import html, latex, markdown, typst
from bptt_trace.media.terminal import as_text
from bptt_trace.worked_solution.gradient_flow import flow_sheet

OTHERS = [language for language in LANGUAGES if language != "en"]
each = pytest.mark.parametrize("language", OTHERS)
messages = cache(collected)


# ------------------------------------------------------------------- catalogues


def test_what_is_offered_has_a_catalogue() -> None:
    """A language in the list has a file of its own; the schema and the options offer the same ones."""
    assert {file.stem for file in HERE.glob("*.po")} == set(OTHERS)
    for language in LANGUAGES:
        assert load("rnn", (f'handout.language="{language}"',)).handout.locale.language == language
    refused = CliRunner().invoke(command, ["solve", "rnn", "--language", "xx"])
    assert refused.exit_code == 2


def test_nothing_is_missing() -> None:
    """Every sentence of the sources is translated; what is missing would be printed in English, and is listed here."""
    for language in OTHERS:
        known = read(HERE / f"{language}.po")
        missing = [message.id for message in messages() if message.id and not _translated(known.get(message.id))]
        assert missing == [], f"python bptt_trace/languages/catalogues.py writes them into {language}.po"
        gone = [message.id for message in known if message.id and messages().get(message.id) is None]
        assert gone == []


def _translated(message: Message | None) -> bool:
    return message is not None and not message.fuzzy and all(_strings(message))


def _strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


@each
def test_a_translation_has_the_places_and_the_digits_of_its_sentence(language: str) -> None:
    """No number gets lost, none is added, and none changes."""
    wrong = []
    for message in read(HERE / f"{language}.po"):
        if message.id:
            originals = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = _strings(message)
            for original, string in zip(originals[-len(strings) :], strings, strict=True):
                if _in_it(original) != _in_it(string):
                    wrong.append((original, string))
    assert wrong == []


def _in_it(pattern: str) -> tuple[Counter[str], Counter[str]]:
    return Counter(re.findall(r"\{\w*\}", pattern)), Counter(re.findall(r"\d+", re.sub(r"\{\w*\}", "", pattern)))


def test_a_wrong_place_would_be_noticed() -> None:
    """The comparison is not too kind: a place or a digit more or less makes a difference."""
    assert _in_it("{n} steps of 2") == _in_it("2 pas: {n}")
    for other in ("2 pas", "{n} pas", "{n} {n} pas 2", "{m} pas 2", "{n} pas 3"):
        assert _in_it("{n} steps of 2") != _in_it(other)


def test_what_has_no_translation_falls_back_to_english() -> None:
    """A sentence that no catalogue has is said as it is written; its places are still put into the language."""
    german = Locale("de")
    assert german.words(Pattern("No such sentence with {word}.", {})) == "No such sentence with {word}."
    sheet = Sheet(inline("No such title; {updates}", updates=say("sum")), "", (), (), (), locale=german)  # type: ignore[arg-type]
    assert "".join(map(str, local(sheet).title)) == "No such title; Summe"


# ----------------------------------------------------------------------- words


class Foreign:
    """A language in which every letter is an x: what is left of English was never asked for in another language."""

    def gettext(self, words: str) -> str:
        return re.sub(r"(\{\w*\})|[A-Za-z]", lambda match: match[1] or "x", words)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


NOT_WORDS = {"tanh", "sigmoid", "relu", "softmax", "exp", "softplus", "identity", "step", "bptt"}
"""What functions and methods are called in every language."""
ANSWERED = ("rnn3", "adam", "gru")


def sheets(name: str) -> Iterator[Sheet]:
    """Everything that is printed of an example."""
    one = solution(name)
    yield one.sheet
    if name in ANSWERED:
        yield from (solve(name, style=style).sheet for style in ("one-page", "results"))
    if one.problem.rounding.policy == "exact":
        return
    key = Key(one.problem)
    yield worksheet(key)
    yield key_sheet(key)
    if name in ANSWERED:
        asked = [str(step.target) for step in key.steps if step.rule is not None]
        wrong = {answer: "zz" if place % 5 == 1 else str(place / 7) if place % 3 else "" for place, answer in enumerate(asked)}
        yield report(key, check(key, wrong), reveal=True)
        yield mistakes_sheet(key)
        if name != "adam":
            yield flow_sheet([one.problem])


OWN = {"id", "kind", "style", "layout", "start", "end", "handout", "locale", "rounding", "values", "local", "parts", "filling"}
"""Fields that name things for a medium."""


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The words of a part of a sheet, and in which field they stand."""
    if isinstance(value, Math):
        if isinstance(value, Words):
            yield path, value.said
    elif isinstance(value, str):
        yield path, str(value)
    elif isinstance(value, Stream):
        for row in value:
            yield "label", str(row.label)
            yield "uses", str(row.uses)
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in OWN and not (isinstance(value, Sheet) and field.name == "title"):
                yield from strings(getattr(value, field.name), f"{type(value).__name__}.{field.name}")
    elif isinstance(value, tuple | list):
        for place, part in enumerate(value):
            if not (path == "Picture.legend" and place == 0 and isinstance(part, str)):
                yield from strings(part, path)


@pytest.mark.parametrize("name", of_examples())
def test_every_word_of_a_sheet_can_be_translated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sheet in a language of x alone no English is left, but for what the problem file itself says."""
    problem = solution(name).problem
    monkeypatch.setattr(locales, "catalogue", lambda _: Foreign())
    slugs = {mistake.slug for mistake in CATALOGUE}
    own = " ".join([problem.title, str(problem.citation), str(problem.network), str(problem.loss)])
    for sheet in sheets(name):
        for path, said in strings(local(replace(sheet, locale=Locale("de")))):
            if set(said.split(", ")) <= slugs:
                continue
            for word in re.findall(r"(?<![\w(/'])[A-Za-z]{3,}(?![\w)'(/])", said):
                known = set(word.lower()) == {"x"} or word.lower() in NOT_WORDS or word in own
                assert known, (path, said)


@pytest.mark.parametrize(("language", "say"), paired(OTHERS, [markdown, latex, html, typst, lambda sheet: as_text(sheet, 80)]))
def test_every_medium_prints_every_language(language: str, say: Any) -> None:
    """Headings of the layout are in the language too."""
    sheet = replace(solution("rnn").sheet, locale=Locale.of(language))
    text = re.sub(r"<style.*?</style>|<[^<>]*>", "", say(sheet), flags=re.DOTALL)
    for word in ("Forward pass", "quantity", "Given", "Conventions of this sheet", "squared error", "with numbers"):
        assert word not in text.replace("forward pass", "")
    assert Locale(language).say("Conventions of this sheet").split()[0] in text


@pytest.mark.parametrize("say", [markdown, latex, html, typst, lambda sheet: as_text(sheet, 80)])
def test_words_of_a_layout_are_in_the_language_of_its_sheet(say: Any) -> None:
    """Also on a sheet whose lines take several rows, and on one that is arranged for one page."""
    coded = solve(load("rnn", ["handout.code=ABC-DEF"]), style="one-page").sheet
    for sheet in (solution("mazur").sheet, coded):
        text = re.sub(r"<style.*?</style>|<[^<>]*>", "", say(replace(sheet, locale=Locale("de"))), flags=re.DOTALL)
        assert re.findall(r"\b(?:uses|so far|sheet)(?= |~)", re.sub(r"(?m)^(?:%|//).*", "", text)) == []


@pytest.mark.parametrize("name", of_examples())
def test_letters_beyond_a_plain_latex_are_set_as_such(name: str) -> None:
    """Each word of a Chinese sheet goes to the fonts that have it, those below braces too."""
    text = latex(replace(solution(name).sheet, title="", locale=Locale("zh")))
    body = re.sub(r"\\lettersof\{han\}\{[^}]*\}", "", text.partition(r"\begin{document}")[2])
    assert re.findall(r"[\u4e00-\u9fff]+", body) == []
    assert r"\lettersof{han}" in text


@pytest.mark.parametrize(("language", "say"), paired(OTHERS, [markdown, latex, typst, lambda sheet: as_text(sheet, 80)]))
def test_no_sign_of_a_language_becomes_a_question_mark(language: str, say: Any) -> None:
    """A sheet asks nothing: spaces that do not break, and all other signs of a translation, are printed as they are."""
    sheets = [replace(sheet, locale=Locale.of(language)) for sheet in (solution("lstm").sheet, worksheet(key("rnn")))]
    assert [
        line for sheet in sheets for line in say(sheet).splitlines() if "?" in re.sub(r"https?:\S+|(?m:^(?:%|//).*)", "", line)
    ] == []


def test_wide_signs_take_two_columns_of_a_terminal() -> None:
    """Paragraphs, tables and the heads of lines know how wide the signs of Chinese are."""
    sheet = solution("rnn").sheet
    text = as_text(replace(sheet, locale=Locale("zh")))
    assert max(map(columns_of, text.splitlines())) == 80
    assert folded("甲，乙", 4) == ["甲，", "乙"]


@pytest.mark.parametrize(
    ("language", "name", "width"), paired(["en", *OTHERS], of_examples(), chosen([60, 80, 120], [60, 80, 120]))
)
def test_no_row_is_wider_than_the_terminal(language: str, name: str, width: int) -> None:
    """Solutions and worksheets keep within 60, 80 and 120 columns in every language, wide signs counted as two."""
    sheets = [solution(name).sheet]
    if solution(name).problem.rounding.policy != "exact":
        sheets.append(worksheet(Key(solution(name).problem)))
    for sheet in sheets:
        rows = as_text(replace(sheet, locale=Locale.of(language)), width).splitlines()
        assert [row for row in rows if _columns(row) > width] == []


def _columns(row: str) -> int:
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in row)


def test_two_languages_at_once() -> None:
    """The language is a value of the sheet: what is printed before and after in another language changes nothing."""
    first, second = (replace(solution("rnn").sheet, locale=Locale.of(language)) for language in OTHERS[:2])
    alone = markdown(first), markdown(second)
    assert alone[0] != alone[1]
    assert (markdown(first), markdown(second), markdown(solution("rnn").sheet)) == (*alone, solution("rnn").to_markdown())


@pytest.mark.parametrize("language", chosen(OTHERS, ["zh"]))
def test_the_option_and_the_key_of_a_problem_do_the_same(language: str) -> None:
    """``--language`` is short for the key, on every command that prints a sheet; JSON stays as it is."""
    run = CliRunner().invoke
    for words in (["solve", "rnn"], ["worksheet", "rnn"], ["flow", "rnn3"], ["mistakes", "rnn"]):
        by_option = run(command, [*words, "--language", language]).stdout
        assert by_option == run(command, [*words, "--set", f'handout.language="{language}"']).stdout
        assert by_option != run(command, words).stdout
    data = run(command, ["solve", "rnn", "-f", "json", "--language", language]).stdout
    assert data == run(command, ["solve", "rnn", "-f", "json"]).stdout


def test_the_mark_follows_the_language_unless_the_problem_says_otherwise() -> None:
    """German, French and Spanish have the comma."""
    marks = {language: Locale.of(language).decimal_mark for language in LANGUAGES}
    assert marks == {language: "," if language in ("de", "fr", "es") else "." for language in LANGUAGES}
    assert Locale.of("de", ".").decimal_mark == "."


# ------------------------------------------------------------------------- law


def notes(sheet: Sheet) -> list[tuple[Any, ...]]:
    """The sentences of a sheet, in their order."""
    blocks = [block for section in sheet.sections for block in section.blocks]
    found = [block.text for block in (*blocks, *sheet.footer) if block.kind in ("note", "paragraph")]
    found += [item for block in blocks if block.kind == "bullets" for item in block.items]
    return found + [text for _, text in sheet.conventions]


@each
@pytest.mark.parametrize("name", of_examples())
def test_sentences_have_the_same_numbers_in_every_language(language: str, name: str) -> None:
    """The mathematics of a sentence is that of the English one, of which ``test_sentences.py`` checks every claim."""
    sheet = solution(name).sheet
    comma = Locale.of(language).comma
    for english, other in zip(notes(sheet), notes(local(replace(sheet, locale=Locale.of(language)))), strict=True):
        before = Counter(part.spell(with_comma(UNICODE) if comma else UNICODE) for part in english if isinstance(part, Math))
        assert before == Counter(part.spell(UNICODE) for part in other if isinstance(part, Math)), (english, other)


@pytest.mark.parametrize(("language", "name"), paired(OTHERS, ["rnn3", "adam", "gru", "vanishing"]))
def test_calculations_in_sentences_recompute_in_every_language(language: str, name: str) -> None:
    """A calculation inside a translated sentence gives its result from its own digits."""
    one = solution(name)
    text = markdown(replace(one.sheet, locale=Locale.of(language)))
    sentences = "\n".join(line for line in text.splitlines() if line.startswith((">", "-", "**")))
    rounding = one.problem.rounding
    digits = Digits(rounding.figures or rounding.places, figures=bool(rounding.figures))
    found = list(said_in_math(with_points(sentences, "markdown"), solved_functions()))
    assert len(found) == len(list(said_in_math("\n".join(_sentences(one.to_markdown())), solved_functions())))
    assert all(agrees(said, digits, solved_functions()) for said in found if said.relation == "=")


def _sentences(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith((">", "-", "**"))]


# ------------------------------------------------------------------- the pieces


def test_plurals_and_capitals_follow_the_language() -> None:
    """The number decides the form; a capital is set after the translation."""
    german = Locale("de")
    for count, form in ((1, "1 Dezimale"), (4, "4 Dezimalen")):
        said = say_many("{n} decimal", "{n} decimals", count, n=count)
        assert said == f"{count} decimal{'s' * (count > 1)}"
        assert german.words(said.pattern).replace("{n}", str(count)) == form
    assert say("time step {time}", time=2).capitalize() == "Time step 2"
    assert isinstance(inline_many("one", "{n} words", 2, n=2), Sentence)


def test_english_starts_without_catalogues_and_without_babel() -> None:
    """A sheet in English reads no catalogue, and no sheet needs Babel once its catalogue is compiled."""
    program = (
        "import sys; from bptt_trace import solve; from bptt_trace.document.locale import catalogue;"
        "text = solve('rnn').to_text();"
        "assert 'Forward pass' in text and catalogue.cache_info().misses == 0;"
        "assert not [name for name in sys.modules if name.startswith('babel')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_catalogue_is_read_once() -> None:
    """Who prints many sheets reads it once."""
    assert catalogue("de") is catalogue("de")
