"""What leaves the program for other software is in the language of the sheet: no English sentence is left in any of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from babel.messages.extract import extract_from_dir
from openpyxl import load_workbook
from spreadsheet import spreadsheets_hold
from sweeps import abreast, of_examples

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.build import build
from bptt_trace.document.locale import LANGUAGES, Locale
from bptt_trace.exports import canvas, moodle, otter, prairielearn, qti
from bptt_trace.exports.notebook import solution_notebook, worksheet_notebook
from bptt_trace.exports.page import program
from bptt_trace.exports.page.collect import collecting
from bptt_trace.exports.page.page import page
from bptt_trace.exports.slides import slides
from bptt_trace.exports.workbook import workbook
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.catalogue import CATALOGUE
from bptt_trace.marking.class_summary import Tally
from bptt_trace.marking.marks import gradescope
from bptt_trace.media.templates import markdown
from bptt_trace.problem.files import document_of, example
from bptt_trace.problem.problem import from_document

OTHERS = [code for code in LANGUAGES if code != "en"]
ENGLISH = re.compile(r"(?<![\w'’])(?:the|of|is|and|with|are|by|from|your|not|this|which|for|line|lines|what|write)(?![\w'’])")
"""Words that English has, and that none of the other languages has."""
LATIN = re.compile(r"(?<![\w/.'(\\-])[A-Za-z]{4,}(?![\w('\\/.-])")
"""Words in letters that Chinese does not have."""
IN_EVERY_LANGUAGE = frozenset(
    word
    for words in (
        "tanh softmax sigmoid relu ReLU softplus identity step argmax logits exp target mask score ahead beta mhat vhat name",
        "theta epsilon gamma lambda diag context query",
        "bptt trace page check grade answers plain round carry course Python Colab JavaScript PyTorch Keras reset_after BPTT",
        "RTRL forward mode delta cuDNN",
        "hidden LSTM sLSTM Bahdanau dropout Dropout drop clip norm squares scale clipped above",
        "Adam RMSprop AdaGrad AdamW NAdam AMSGrad Adadelta Adamax Nesterov Kingma Sutskever Duchi Hazan Singer Loshchilov",
        "Hutter Reddi Kale Kumar Zeiler Dozat Tieleman Hinton Polyak Rosenblatt",
    )
    for word in words.split()
)
"""Names of functions, quantities, methods, people, commands and programs."""
Said = Iterator[tuple[str, str]]


# ------------------------------------------------- what can be read in a file, found without the program


class Visible(HTMLParser):
    """The words of a page, with those for who hears it; neither scripts nor styles."""

    SAID = ("aria-label", "title", "placeholder", "alt")

    def __init__(self) -> None:
        super().__init__()
        self.hidden = 0
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style")
        self.pieces += [value for name, value in attrs if name in self.SAID and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden and data.strip():
            self.pieces.append(data)


def of_html(text: str) -> list[str]:
    reader = Visible()
    reader.feed(text)
    return reader.pieces


def of_page(text: str) -> Iterator[str]:
    """Of a page also what its scripts can say: the data of the sheet and of the mistakes, and the sentences."""
    yield from of_html(text)
    for name, wanted in (("sheet", ("told",)), ("book", ("mistakes",)), ("language", ("sentences",))):
        for data in re.findall(rf"^const {name} = (\{{.*\}});$", text, re.MULTILINE):
            read = json.loads(data)
            yield from strings([list(read[key].values()) if key == "sentences" else read[key] for key in wanted])


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in ("slug", "lines"):
                yield from strings(part)


NOT_READ = {"schema", "schemaversion", "fieldlabel", "fieldentry", "value", "qti-value", "base-value", "qti-base-value"}
"""Elements of questions that software reads."""


def of_xml(text: str) -> Iterator[str]:
    """Of a question its texts, some of which are HTML, and its titles."""
    for node in ElementTree.fromstring(text).iter():
        if node.tag.rpartition("}")[2] in NOT_READ:
            continue
        yield from (value for name, value in node.attrib.items() if name == "title")
        for said in filter(None, (node.text, node.tail)):
            boxes = re.sub(r"\{\d+:NUMERICAL:(.*?)\}", lambda box: " ".join(re.findall("#([^~]*)", box[1])), said)
            yield from map(unescape, of_html(boxes))


def of_notebook(text: str) -> Iterator[str]:
    """Cells of text, and the comments of the others; a program of the whole sheet is a program."""
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            source = re.sub(r"\$[^$]*\$|!\[|\]\([^)]*\)|<[^>]*>|`[^`]*`", " ", source)
            yield from re.sub(r"\\([^A-Za-z0-9\s])", r"\1", source).splitlines()
        elif len(source) < 20_000 and "import Fraction" not in source:
            yield from re.findall("^# ([^%].*)", source, re.MULTILINE)


def of_workbook(data: bytes) -> Iterator[str]:
    """Names of tabs, texts, the words inside formulas, and messages."""
    for sheet in load_workbook(BytesIO(data)):
        yield sheet.title
        yield from map(str, (sheet.oddFooter.right.text, sheet.oddFooter.left.text))
        for validation in sheet.data_validations.dataValidation:
            yield from map(str, (validation.errorTitle, validation.error))
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    yield from re.findall('"([^"]*)"', str(cell.value))
                elif cell.data_type == "s":
                    yield str(cell.value)


def of_latex(text: str) -> Iterator[str]:
    body = text.partition(r"\begin{document}")[2]
    drawn = re.sub(r"\\begin\{tikzpicture\}.*?\\end\{tikzpicture\}", " ", body, flags=re.DOTALL)
    plain = re.sub(r"\$[^$]*\$|\\note<1>\[item\]|\\[A-Za-z]+\*?|\{(?:tabular|itemize|frame|document)\}|%.*", " ", drawn)
    return iter(plain.splitlines())


# ---------------------------------------------------------------------------- the files


def of_sheet(problem: Any) -> Said:
    """Everything that shows a worked solution."""
    one = solve(problem)
    for said in of_page(page(problem, plain=True)):
        yield "page", said
    if spreadsheets_hold(problem):
        for said in of_workbook(workbook(Key(problem))):
            yield "workbook", said
    for said in of_notebook(solution_notebook(one.sheet)):
        yield "notebook", said
    for said in of_latex(slides(problem, one.program, one.values, one.sheet)):
        yield "slides", said


def of_questions(problem: Any, document: Any) -> Said:
    """Everything that asks questions, or reports on answers."""
    key = Key(problem)
    blanks = blanks_of(key)
    sheet = worksheet(key, blanks)
    files: list[tuple[str, Iterable[str]]] = [
        ("qti", of_xml(qti.item(key, blanks))),
        ("moodle", of_xml(moodle.question_bank(moodle.questions(key, blanks)))),
        ("canvas", of_xml(canvas.quiz(key, blanks))),
        ("collect", of_page(collecting(key))),
        ("notebook", of_notebook(worksheet_notebook(key, blanks, sheet, document))),
        ("otter", of_notebook(otter.folder("name", key, blanks, sheet, document)["name.ipynb"])),
        ("prairielearn", of_html(prairielearn.folder(key, blanks, sheet, document)["question.html"])),
    ]
    if spreadsheets_hold(problem):
        files.append(("workbook", of_workbook(workbook(key, blanks))))
    for kind, pieces in files:
        yield from ((kind, said) for said in pieces)
    asked = [str(key.steps[position].target) for position in blanks.asked]
    tries = ("zz", "0", *(f"{-key.exact[p]:.4f}" for p in list(blanks.asked)[:3]), "1,234", "7e400", "1/0", "3.14159")
    answers = {name: tries[place % len(tries)] for place, name in enumerate(asked)}
    marks = check(key, answers)
    results = json.loads(gradescope(marks, reveal=True))
    yield from (("gradescope", said) for said in (results["output"], *(one["output"] for one in results["tests"])))
    fields = {f"line_{place}": name for place, name in enumerate(asked)}
    question = prairielearn.Question(prairielearn.problem_text(document), fields)
    data: dict[str, Any] = {
        "params": {}, "correct_answers": {}, "format_errors": {}, "partial_scores": {}, "feedback": {}, "variant_seed": "1",
        "submitted_answers": {field: answers[name] for field, name in fields.items()},
    }  # fmt: skip
    for act in (question.generate, question.parse, question.grade):
        act(data)
    said = [data["feedback"]["report"], *data["format_errors"].values()]
    said += [score["feedback"] for score in data["partial_scores"].values()]
    yield from (("prairielearn", unescape(text)) for text in said)
    tally = Tally(asked)
    verdicts = [answer.verdict for answer in marks.answers]
    slugs = " ".join(mistake.slug for mistake in CATALOGUE)
    tally.add(["student", str(marks.score), str(marks.out_of), asked[0], slugs, "", *verdicts])
    tally.add(["student", "", "", "", "", "", *verdicts])
    yield from (("class", said) for said in markdown(tally.sheet(problem.title, problem.handout.locale)).splitlines())


def asks(problem: Any) -> bool:
    """Whether a problem can be a worksheet on a platform."""
    return problem.rounding.policy not in ("exact", "full")


def own_words(document: Any, problem: Any) -> list[str]:
    """What the problem file itself says, the longest first."""
    names = [str(step.target) for step in build(problem).steps]
    said = [*strings(document), *names, str(problem.citation)]
    found = {" ".join(part.split()) for text in said for part in (text, *text.splitlines())}
    return sorted({*found, *(part.rstrip(".") for part in found)} - {""}, key=len, reverse=True)


# ------------------------------------------------------------------------- in each language


def english(said: Iterable[tuple[str, str]], own: list[str], code: str) -> list[tuple[str, str]]:
    """The pieces in which a word of English is left."""
    known = IN_EVERY_LANGUAGE.union(*(re.findall("[A-Za-z]+", part) for part in own if " " not in part))
    sentences = [part for part in own if " " in part]
    found = []
    for kind, text in said:
        words = " ".join(re.sub(r"\{\w+\}", " ", text).split())
        for part in sentences:
            words = words.replace(part, " ")
        words = re.sub(r"\w+ et al|https?://\S+", " ", words)
        left = {*ENGLISH.findall(words.lower()), *(LATIN.findall(words) if code == "zh" else ())} - known
        if left:
            found.append((kind, words))
    return found


@pytest.mark.parametrize(
    ("name", "code"), abreast(of_examples(every_run=("clipping", "nbis-chain", "postnetwork", "rnn"), each=2), OTHERS)
)
def test_no_english_sentence_is_left(name: str, code: str) -> None:
    """In pages, workbooks, notebooks, slides, questions and reports; what the problem file says stays as it is."""
    document = document_of(example(name))
    document.setdefault("handout", {})["language"] = code
    problem = from_document(document)
    own = own_words(document, problem)
    assert english(of_sheet(problem), own, code) == []
    if asks(problem):
        assert english(of_questions(problem, document), own, code) == []


def test_english_would_be_noticed() -> None:
    """The same pieces of an English sheet have English words in every kind of file."""
    document = document_of(example("rnn"))
    problem = from_document(document)
    said = [*of_sheet(problem), *of_questions(problem, document)]
    kinds = {kind for kind, _ in said}
    assert {kind for kind, _ in english(said, own_words(document, problem), "de")} == kinds
    assert len(kinds) == 12


def test_slides_name_the_fonts_of_other_letters() -> None:
    """LuaLaTeX and XeLaTeX set Chinese slides with a font of the system; slides without such letters ask for none."""
    for code, wanted in (("zh", True), ("de", False)):
        one = solve(load("rnn", (f'handout.language="{code}"',)))
        text = slides(one.problem, one.program, one.values, one.sheet)
        assert wanted is (r"\IfFontExistsTF{Noto Serif CJK SC}" in text)
        assert wanted is (r"\lettersof{han}{" in text.partition(r"\begin{document}")[2])


def test_scripts_say_what_can_be_translated() -> None:
    """What a page finds in its scripts is what gettext collects, and no sentence stands beside it."""
    folder = str(Path(program.__file__).parent / "scripts")
    collected = {message for _, _, message, _, _ in extract_from_dir(folder, [("**.js", "javascript")], {}, {"say": None})}
    for file in Path(folder).glob("*.js"):
        code = file.read_text("utf-8")
        sentences = json.loads(re.findall(r"const language = (\{.*\});", program.language(code, Locale.of("zh")))[0])["sentences"]
        assert sentences.keys() <= collected
        plain = re.sub(r"//.*", "", code)
        for text in re.findall(r'"((?:[^"\\\n]|\\.)*)"|`([^`\n]*)`', plain):
            words = re.sub(r"\$\{[^}]*\}", "", "".join(text))
            assert "".join(text) in sentences or " " not in words or not ENGLISH.search(words), (file.name, text)
