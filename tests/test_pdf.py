"""PDF: harmless whatever is in the document, the same bytes each time, and many at once as good as one by one."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from law import is_board, read_latex
from printed_pages import ill_made
from pypdf import PdfReader
from random_problems import examples
from sweeps import SHARE, chosen, printed, thinned
from sweeps import solution as example
from test_media import HOSTILE, problem_titled

from bptt_trace import OutputError, load, solve
from bptt_trace.commands import command
from bptt_trace.document.mathematics import Math
from bptt_trace.document.notation import TYPST
from bptt_trace.errors import ProgramMissing, TypesettingError
from bptt_trace.marking.class_run import run
from bptt_trace.media import latex_program as engine_module
from bptt_trace.media import pdf as pdf_module
from bptt_trace.media.latex_program import ENGINES, Engine, Running, complaint, find_engine, typeset
from bptt_trace.media.pdf import compile_many, compile_one, source, typst_pdf
from bptt_trace.media.typst import typst_words

pytestmark = pytest.mark.latex

CLASS = Path(__file__).parent.parent / "examples" / "sheets" / "class.csv"
SHEET = CLASS.with_name("rnn.csv")
SIZES = [3, 12]
"""How many students of the class get a report as a PDF."""
BODY = "\\documentclass{article}\n\\begin{document}\n%s\n\\end{document}\n"


def needed(program: str) -> None:
    """Skip without a program, but never where ``CI`` is set."""
    if shutil.which(program) is None and not os.environ.get("CI"):
        pytest.skip(f"{program} is not installed (Debian: texlive-latex-recommended, lmodern, poppler-utils)")


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines that are tried first, and what reads their output; no setting of the user's."""
    monkeypatch.delenv(engine_module.VARIABLE, raising=False)
    for program in ("pdflatex", "pdftotext", "pdftoppm"):
        needed(program)
    if find_spec("typst") is None and not os.environ.get("CI"):
        pytest.skip("typst is not installed (the extra pdf)")


@pytest.fixture(params=["pdflatex", pytest.param("lualatex", marks=pytest.mark.exhaustive)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Two engines; the second is slow."""
    needed(request.param)
    return find_engine(request.param)


def words(pdf: bytes) -> list[str]:
    """The text of each page, in the order in which it was set.

    Not by where it stands: there pdftotext guesses a font's size by its letter
    m, which a part has if another part has it.
    """
    text = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    return text.split("\f")[:-1]


def dots(pdf: bytes) -> bytes:
    """Every page as a picture."""
    return subprocess.run(["pdftoppm", "-r", "40", "-gray", "-"], input=pdf, capture_output=True, check=True).stdout


def failure(tex: str, engine: Engine | None = None, seconds: float | None = None) -> str:
    """Why a document does not compile."""
    with pytest.raises(TypesettingError) as caught:
        compile_one(tex, engine=engine, seconds=seconds)
    return caught.value.failures[""]


SOME = ("clipping", "fnn")
"""Short examples of which every run makes a PDF."""
MORE = tuple(examples())[:: 1 if SHARE >= 1 else 4]
"""Those of which the exhaustive run makes one."""


def worked(names: Iterable[str] = SOME) -> dict[str, str]:
    """The worked solutions of some examples, in LaTeX."""
    return {name: printed(example(name), "latex") for name in names}


@cache
def alone(name: str, engine: Engine) -> bytes:
    """The worked solution of an example, set by itself."""
    return compile_one(printed(example(name), "latex"), engine=engine)


@cache
def together(names: tuple[str, ...], engine: Engine) -> dict[str, bytes]:
    """Those of several examples, set at once."""
    return compile_many(worked(names), 2, engine=engine)


@pytest.fixture
def typst() -> Engine:
    """Typst, as if there were no LaTeX."""
    return find_engine("typst")


# ---------------------------------------------------------------- what is in it


@pytest.mark.parametrize("name", chosen(examples(), ["clipping"], each=6))
def test_the_pages_have_the_results_of_the_sheet(name: str) -> None:
    """Every result of every line can be read from the PDF."""
    solution = example(name, steps="full")
    rows = [row for section in read_latex(printed(solution, "latex")) for row in section if not is_board(row)]
    results = Counter(row.result.replace("-", "−") for row in rows)
    assert results
    assert results - Counter(" ".join(words(solution.to_pdf())).split()) == Counter()


@pytest.mark.exhaustive
def test_letters_and_signs_are_those_of_the_title(engine: Engine) -> None:
    """With every engine, whatever numbers its letters have."""
    titles = ["Größe, Łódź, déjà-vu", "ÿ ß þ œ š ž Ÿ ø đ", r"\write18{id} $x^2_3$ 50 % & # ~"]
    sheets = {title: solve(load("fnn", [f"title='{title}'"])).sheet for title in titles}
    many = compile_many({title: source(sheet, engine=engine) for title, sheet in sheets.items()}, engine=engine)
    for title, pdf in many.items():
        text = words(pdf)[0]
        assert title.replace(" ", "") == re.sub(r"\s", "", text.partition("Worked solution")[0])


@pytest.mark.exhaustive
def test_templates_of_the_users_own(tmp_path: Path) -> None:
    """``--templates`` goes with ``-f pdf``."""
    (tmp_path / "body.tex.j2").write_text("Only ((( sheet.title|words ))).", "utf-8")
    output = tmp_path / "out.pdf"
    assert (
        0 == CliRunner().invoke(command, ["solve", "rnn", "-f", "pdf", "--templates", str(tmp_path), "-o", str(output)]).exit_code
    )
    assert "Only One-neuron RNN, two time steps.\n" in words(output.read_bytes())[0]


# --------------------------------------------------------------------- harmless


def test_no_command_is_run(engine: Engine, tmp_path: Path) -> None:
    r"""``\write18`` does nothing."""
    mark = tmp_path / "mark"
    shell = rf"\ifdefined\directlua\directlua{{os.execute('touch {mark}')}}\else\immediate\write18{{touch {mark}}}\fi Harmless."
    assert "Harmless." in words(compile_one(BODY % shell, engine=engine))[0]
    assert not mark.exists()


@pytest.mark.parametrize("file", thinned(["/etc/passwd", "../outside.tex", "/tmp/../etc/passwd", ".hidden"], 4))
def test_no_file_from_outside_is_read(engine: Engine, file: str) -> None:
    r"""``\input`` and ``\openin`` find what stands in the empty folder, and TeX's own files."""
    assert "not found" in failure(BODY % rf"\input{{{file}}}", engine)
    opened = rf"\newread\file\openin\file={file} \ifeof\file closed\else open\fi"
    assert "closed" in words(compile_one(BODY % opened, engine=engine))[0]


def test_no_file_is_written_outside(engine: Engine, tmp_path: Path) -> None:
    r"""``\openout`` stays in the folder that goes away."""
    mark = tmp_path / "mark.txt"
    why = failure(BODY % rf"\newwrite\file\immediate\openout\file={mark} \immediate\write\file{{x}}", engine)
    assert "write" in why
    assert str(tmp_path) not in why
    assert not mark.exists()


def test_an_endless_loop_is_ended() -> None:
    """After its time, and what it has started with it."""
    begin = time.monotonic()
    assert "it took longer than 0.3 s and was ended" == failure(BODY % r"\def\x{\x}\x", seconds=0.3)
    assert time.monotonic() - begin < 10


@pytest.mark.exhaustive
def test_an_endless_document_is_ended() -> None:
    """A log without end fills no disk: the time ends it, or the bound of its files."""
    assert re.search(r"was ended|status|!", failure(BODY % r"\def\x{\typeout{more and more and more}\x}\x", seconds=0.5))


def test_what_an_engine_has_started_ends_with_it(tmp_path: Path) -> None:
    """The whole group of its processes."""
    program = tmp_path / "pdflatex"
    program.write_text("#!/bin/sh\nsleep 61 &\necho $! > child\ncp child " + str(tmp_path) + "\nsleep 61\n", "utf-8")
    program.chmod(0o755)
    failure("x", Engine("pdflatex", str(program)), 0.5)
    child = int((tmp_path / "child").read_text("utf-8"))
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text("utf-8").split()[2] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("still running")


def test_nothing_begins_after_the_end(tmp_path: Path) -> None:
    """Whoever leaves early leaves no engine behind."""
    running = Running()
    threading.Timer(0.3, running.stop).start()
    begin = time.monotonic()
    with pytest.raises(TypesettingError):
        typeset(BODY % r"\def\x{\x}\x", find_engine(), running, 30)
    assert time.monotonic() - begin < 10
    assert running.run(["touch", "mark"], tmp_path, {}, 1) is None
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_the_user_is_around_it(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither TEXINPUTS nor a tree of packages in the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TEXINPUTS", f"{tmp_path}:")
    for folder in (tmp_path, tmp_path / "texmf" / "tex" / "latex"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.sty").write_text("", "utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert "mine.sty' not found" in failure(BODY.replace("\\begin", "\\usepackage{mine}\\begin") % "x", engine)
    assert before == sorted(tmp_path.rglob("*"))


def test_the_settings_of_latexmk_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``latexmkrc`` is a program in Perl."""
    if shutil.which("latexmk") is None:
        pytest.skip("latexmk is not installed")
    mark = tmp_path / "mark"
    (tmp_path / ".latexmkrc").write_text(f"system('touch {mark}');\n", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LATEXMKRCSYS", str(tmp_path / ".latexmkrc"))
    assert "Text." in words(compile_one(BODY % "Text.", engine=find_engine("latexmk")))[0]
    assert not mark.exists()


# -------------------------------------------------------------------- the same


def test_the_same_document_gives_the_same_bytes(engine: Engine) -> None:
    """A second later, from another folder, in another time zone."""
    first = alone("fnn", engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.sleep(1.1)
        assert first == compile_one(printed(example("fnn"), "latex"), engine=engine)


@pytest.mark.exhaustive
def test_the_number_of_jobs_changes_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes, by one process or by several."""
    monkeypatch.setattr(pdf_module, "TOGETHER", 2)
    some = {name: BODY % f"Sheet {name}." for name in "abc"}
    assert compile_many(some, 1, engine=engine) == compile_many(some, 3, engine=engine)


def streams(pdf: bytes) -> Iterator[bytes]:
    """Every object of a file as it is kept, decompressed."""
    reader = PdfReader(io.BytesIO(pdf))
    for number in range(1, max((*reader.xref.get(0, {}), *reader.xref_objStm), default=0) + 1):
        found = reader.get_object(number)
        yield repr(found).encode()
        if hasattr(found, "get_data"):
            yield found.get_data()


def test_nothing_tells_where_and_when_it_was_made(engine: Engine) -> None:
    """No folder, no user, no year, in any stream."""
    for pdf in (compile_one(BODY % "Alone.", engine=engine), *together(SOME, engine).values()):
        whole = b"\n".join([pdf, *streams(pdf)])
        assert len(whole) > 2 * len(pdf)
        for trace in ("/tmp", "/home", "/usr", str(Path.home()), "bptt-trace-", "/PTEX", time.strftime("D:%Y")):
            assert trace.encode() not in whole, trace
        reader = PdfReader(io.BytesIO(pdf))
        assert {"/Title", "/Creator", "/Producer", "/Trapped"} >= set(reader.metadata or ())
        assert "/ID" not in reader.trailer


# ---------------------------------------------------------------- many at once


@pytest.mark.parametrize("names", [SOME, pytest.param(MORE, marks=pytest.mark.exhaustive)], ids=["some", "more"])
def test_many_at_once_are_as_one_by_one(engine: Engine, names: tuple[str, ...]) -> None:
    """The worked solutions of examples: the same text on the same pages, and of every third the same pictures."""
    names = names if names == SOME or engine.name == "pdflatex" else names[::3]
    many = together(names, engine)
    assert list(names) == list(many)
    every = 1 if names == SOME else 6
    for place, name in enumerate(names[::every]):
        assert words(alone(name, engine)) == words(many[name]), name
        assert place % 3 or dots(alone(name, engine)) == dots(many[name]), name


@pytest.mark.exhaustive
@pytest.mark.parametrize("most", [3, pdf_module.TOGETHER])
def test_they_were_set_in_one_run(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Sheets of different titles share a preamble: as many as ``TOGETHER`` are a run, and one more are two of equal size."""
    runs: list[str] = []

    def counted(tex: str, *arguments: object) -> object:
        runs.append(tex)
        return typeset(tex, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pdf_module, "typeset", counted)
    monkeypatch.setattr(pdf_module, "TOGETHER", most)
    sheets = {str(i): solve(load("fnn", [f"title='Sheet {i}'"])).to_latex() for i in range(most + 1)}
    many = compile_many(sheets)
    assert [most // 2 + 1, (most + 1) // 2] == [tex.count("sheetend{") for tex in runs]
    assert all(f"Sheet {name} " in words(pdf)[-1] for name, pdf in many.items())


def test_pages_and_counters_begin_anew() -> None:
    """Each document has its own page 1, section 1 and table 1."""
    body = r"\section{First}\begin{table}\caption{Own}\end{table}\newpage Second page.\footnote{A note.}"
    many = compile_many({name: BODY % f"{name}. {body}" for name in ("One", "Two", "Three")})
    for name, pdf in many.items():
        first, second = words(pdf)
        assert f"{name}." in first
        assert "1 First" in first
        assert "Table 1: Own" in first
        assert ["1", "2"] == [first.split()[-1], second.split()[-1]]


def test_a_part_has_nothing_of_the_others(engine: Engine) -> None:
    """No stream of a part has a word of another; there are as many pages of text as pages, and no outline."""
    many = {name: BODY % rf"{{\ttfamily {secret}}}" for name, secret in (("a", "zebra"), ("b", "quince"), ("c", "violet"))}
    parts = compile_many(many, engine=engine)
    secrets = dict(zip(parts, ("zebra", "quince", "violet"), strict=True))
    for name, pdf in parts.items():
        whole = b"\n".join([pdf, *streams(pdf)])
        reader = PdfReader(io.BytesIO(pdf))
        assert 1 == len(reader.pages)
        assert reader.outline == []
        assert reader.metadata is None
        assert 1 == sum(b" Td" in stream or b" Tf" in stream for stream in streams(pdf))
        for other, secret in secrets.items():
            assert (secret in words(pdf)[0]) is (name == other)
            if engine.name == "pdflatex":  # where text is kept as letters
                assert (secret.encode() in whole) is (name == other)


def test_documents_of_several_preambles() -> None:
    """Each is set with its own; what reaches beyond its body is set by itself."""
    wide = BODY.replace("\\begin", "\\usepackage[landscape]{geometry}\\begin", 1)
    label = BODY % r"\section{A}\label{a}Page~\pageref{a} of \ref{a}."
    documents = {"a": BODY % "A", "b": wide % "B", "c": BODY % "C", "d": wide % "D", "e": label, "f": "no document"}
    with pytest.raises(TypesettingError) as caught:
        compile_many(documents)
    assert ["f"] == list(caught.value.failures)
    done = caught.value.done
    assert ["a", "b", "c", "d", "e"] == list(done)
    boxes = {name: PdfReader(io.BytesIO(pdf)).pages[0].mediabox for name, pdf in done.items()}
    assert {"b", "d"} == {name for name, box in boxes.items() if box.width > box.height}
    assert "Page 1 of 1." in words(done["e"])[0]


@cache
def words_alone(tex: str) -> list[str]:
    return words(compile_one(tex))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "trick", [r"\end{document}", r"\setcounter{page}{7}", r"\typeout{*SHEET 0 1*}", r"\pagenumbering{roman}"]
)
def test_a_body_that_upsets_the_count_costs_nothing(trick: str) -> None:
    """Pages are counted as they are shipped; where the count is not that of the file, each is set by itself."""
    documents = {"a": BODY % "First.", "b": BODY % f"Second.{trick}", "c": BODY % "Third."}
    many = compile_many(documents)
    assert {name: words_alone(tex) for name, tex in documents.items()} == {name: words(many[name]) for name in documents}


def test_a_table_that_wants_another_run_gets_it() -> None:
    """Widths that change behind row 200 are right from the first row on."""
    rows = r"x & x \\ " * 300 + r"a wide cell behind all others & x \\"
    tex = BODY.replace("\\begin{d", "\\usepackage{longtable}\\begin{d") % rf"\begin{{longtable}}{{|l|l|}}{rows}\end{{longtable}}"
    assert "Rerun" not in typeset(tex, find_engine(), Running()).log


# --------------------------------------------------------------------- failures


def test_a_failure_says_where() -> None:
    """The error, and the line of the document that has it: line numbers are those of ``-f latex``."""
    tex = worked(["fnn"])["fnn"].replace("\\sheetsection{2", "\\wrong{}\\sheetsection{2")
    line = 1 + tex[: tex.index("\\wrong")].count("\n")
    place = f"l.{line} \\wrong"
    assert f"! Undefined control sequence.\n{place}\n{' ' * len(place)}{{}}\\sheetsection{{2}}{{Loss}}{{}}" == failure(tex)


def test_failures_are_told_by_name_and_the_others_delivered() -> None:
    """Two bad ones among five, in one run and in runs of their own."""
    documents = {f"student-{i}": BODY % (rf"\bad{'ab'[i // 2]}" if i % 2 else f"Text {i}.") for i in range(5)}
    with pytest.raises(TypesettingError, match=r"student-1: no PDF: ! Undefined control sequence\.\nl\.3 \\bada") as caught:
        compile_many(documents, 2)
    assert {"student-1", "student-3"} == set(caught.value.failures)
    assert {f"student-{i}": f"Text {i}." for i in (0, 2, 4)} == {
        name: words(pdf)[0].splitlines()[0] for name, pdf in caught.value.done.items()
    }


def test_a_message_has_no_folder_of_this_machine() -> None:
    """Paths in a log are shortened to their last part."""
    log = (
        "! LaTeX Error: File `/home/anna/x y/my.sty' not found.\n\nType X\n\n! Emergency stop.\nl.3 \\usepackage{/home/anna/my}\n"
    )
    assert "anna" not in complaint(log).replace("anna/x y", "")
    assert complaint(log).endswith("\nl.3 \\usepackage{my}")
    assert "" == complaint("This is pdfTeX")


# ---------------------------------------------------------------------- engines


def test_the_first_engine_that_is_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the table; the variable or the argument names another, also by its path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in reversed(list(ENGINES)):
        (tmp_path / name).write_text("", "utf-8")
        (tmp_path / name).chmod(stat.S_IRWXU)
        assert Engine(name, str(tmp_path / name)) == find_engine()
    monkeypatch.setenv(engine_module.VARIABLE, "tectonic")
    assert "tectonic" == find_engine().name
    assert "latexmk" == find_engine("latexmk").name
    monkeypatch.setenv(engine_module.VARIABLE, str(tmp_path / "lualatex"))
    assert Engine("lualatex", str(tmp_path / "lualatex")) == find_engine()


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            "",
            r"PDF needs a LaTeX program: pdflatex, .*latexmk; none of them was found\.\nDebian, .*lmodern\n(?s:.*)\[pdf\]",
        ),
        ("lualatex", r'"lualatex" is not installed; unset BPTT_TRACE_LATEX to use any of pdflatex, .*'),
        (
            "word",
            r'"word" is no LaTeX program known here; one of pdflatex, .*latexmk, the path of one, or typst',
        ),
        ("typst", r"Typst is not installed: pip install 'bptt-trace\[pdf\]'"),
    ],
)
def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, message: str) -> None:
    """The message says what would do, before anything is calculated."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(engine_module.VARIABLE, named)
    monkeypatch.setattr(engine_module, "find_spec", lambda _: None)
    with pytest.raises(ProgramMissing, match=message):
        solve("rnn").to_pdf()
    reports = ["--reports", str(tmp_path / "reports"), "--report-format", "pdf"]
    for line in (
        ["solve", "rnn", "-f", "pdf", "-o", str(tmp_path / "x.pdf")],
        ["check", "rnn", str(SHEET), "-f", "pdf", "-o", str(tmp_path / "x.pdf")],
        ["grade", "rnn", str(CLASS), "-o", str(tmp_path / "marks.csv"), *reports],
    ):
        assert re.match(message, str(CliRunner().invoke(command, line).exception))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", list(ENGINES))
def test_an_engine_is_told_to_be_careful(tmp_path: Path, name: str) -> None:
    """What it is called with, where, and with which environment; an engine that fails in silence is named."""
    program = tmp_path / name
    told = tmp_path / "told"
    program.write_text(f'#!/bin/sh\n(echo "$@"; env; ls; head -c 5; readlink /proc/self/fd/0) > {told}\nexit 3\n', "utf-8")
    program.chmod(0o755)
    assert f"{name} ended with status 3 and no word" == failure("x", Engine(name, str(program)))
    call, *rest = told.read_text("utf-8").splitlines()
    assert call.endswith(" document.tex")
    assert ("--untrusted" if name == "tectonic" else "-no-shell-escape -interaction=nonstopmode -halt-on-error") in call
    assert name != "latexmk" or "-norc" in call
    assert {"openin_any=p", "openout_any=p", "FORCE_SOURCE_DATE=1", "SOURCE_DATE_EPOCH=0", "document.tex"} <= set(rest)
    assert "/dev/null" == rest[-1]
    known = {"PATH", "HOME", "TMPDIR", "TEMP", "LC_ALL", "max_print_line", "PWD", "OLDPWD", "SHLVL", "_"}
    names = {line.partition("=")[0] for line in rest if "=" in line}
    assert names <= known | {"openin_any", "openout_any", "FORCE_SOURCE_DATE", "SOURCE_DATE_EPOCH"}


# ------------------------------------------------------------- the command line


def first_students(folder: Path, many: int) -> Path:
    """The class with its first students alone, the third of whom is Chen."""
    lines = CLASS.read_text("utf-8").splitlines(keepends=True)
    assert len(lines) == 1 + 12
    (folder / "class.csv").write_text("".join(lines[: 1 + many]), "utf-8")
    return folder / "class.csv"


def test_a_pipe_gets_the_bytes_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Binary, and what ``to_pdf`` gives."""
    monkeypatch.setenv(engine_module.VARIABLE, "typst")
    line = [sys.executable, "-m", "bptt_trace", "solve", "fnn", "-f", "pdf"]
    piped = subprocess.run(line, capture_output=True, check=True).stdout
    CliRunner().invoke(command, [*line[3:], "-o", str(tmp_path / "fnn.pdf")])
    assert piped == (tmp_path / "fnn.pdf").read_bytes() == solve("fnn").to_pdf()


def test_a_terminal_gets_no_binary() -> None:
    """It is a mistake of usage, and nothing is printed."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "bptt_trace", "solve", "fnn", "-f", "pdf"]
    ended = subprocess.run(line, stdout=theirs, stderr=subprocess.PIPE, check=False)
    os.close(theirs)
    os.close(ours)
    assert 2 == ended.returncode
    assert b"Error: a PDF is not for the screen; -o FILE writes it to a file" in ended.stderr


@pytest.mark.exhaustive
def test_a_marked_sheet(tmp_path: Path) -> None:
    """``check -f pdf`` is the report, and the exit status that of the marks."""
    output = tmp_path / "marked.pdf"
    assert 1 == CliRunner().invoke(command, ["check", "rnn", str(SHEET), "-f", "pdf", "-o", str(output)]).exit_code
    assert "The first wrong line is line 16" in words(output.read_bytes())[0]


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """A document that does not compile leaves the old file as it was."""
    (tmp_path / "body.tex.j2").write_text(r"\wrong", "utf-8")
    output = tmp_path / "out.pdf"
    output.write_bytes(b"old")
    ended = CliRunner().invoke(command, ["solve", "rnn", "-f", "pdf", "--templates", str(tmp_path), "-o", str(output)])
    assert isinstance(ended.exception, TypesettingError)
    assert "no PDF: ! Undefined control sequence.\nl.22 \\wrong" == str(ended.exception)
    assert b"old" == output.read_bytes()
    assert ["body.tex.j2", "out.pdf"] == sorted(path.name for path in tmp_path.iterdir())


def test_fragments_are_latex(tmp_path: Path) -> None:
    """``--fragment`` does not go with PDF."""
    ended = CliRunner().invoke(command, ["solve", "rnn", "-f", "pdf", "--fragment", "-o", str(tmp_path / "x.pdf")])
    assert "--fragment goes with -f latex" in ended.output


@pytest.mark.exhaustive
@pytest.mark.parametrize("many", SIZES)
def test_the_reports_of_a_class(tmp_path: Path, many: int) -> None:
    """A file for each student, with the words of their report; the same with several jobs."""
    students = first_students(tmp_path, many)
    for jobs in (1, 2):
        run(load("rnn"), students, tmp_path / f"marks{jobs}.csv", reports=tmp_path / str(jobs), form="pdf", jobs=jobs)
    latex = tmp_path / "latex"
    run(load("rnn"), students, tmp_path / "marks.csv", reports=latex, form="latex")
    reports = sorted((tmp_path / "1").iterdir())
    assert len(reports) == many
    assert [path.stem for path in reports] == sorted(path.stem for path in latex.iterdir())
    assert [path.read_bytes() for path in reports] == [path.read_bytes() for path in sorted((tmp_path / "2").iterdir())]
    chen = (latex / "Chen.tex").read_text("utf-8")
    assert words_alone(chen) == words((tmp_path / "1" / "Chen.pdf").read_bytes())
    assert "Chen" in words_alone(chen)[0]


@pytest.mark.exhaustive
@pytest.mark.parametrize("many", SIZES)
def test_a_bad_report_is_named_and_the_others_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """The marks are whole, every other report is there, the exit status is 2; a run that goes on remembers."""
    from bptt_trace.marking.class_rows import Grader

    report = Grader.report

    def spoilt(self: Grader, key: object, marks: object, student: str) -> str:
        tex = report(self, key, marks, student)  # type: ignore[arg-type]
        return tex.replace("\\end{document}", "\\wrong\n\\end{document}") if student == "Chen" else tex

    monkeypatch.setattr(Grader, "report", spoilt)
    line = [
        "grade",
        "rnn",
        str(first_students(tmp_path, many)),
        "-o",
        str(tmp_path / "marks.csv"),
        "--reports",
        str(tmp_path / "r"),
        "--report-format",
        "pdf",
    ]
    ended = CliRunner().invoke(command, line)
    assert isinstance(ended.exception, OutputError)
    assert re.match(r"Chen\.pdf: no PDF: ! Undefined control sequence\.\nl\.\d+ \\wrong$", str(ended.exception))
    assert "First wrong" in ended.output or "students" in ended.output
    marked = (tmp_path / "marks.csv").read_text("utf-8")
    assert "\nChen," in marked
    assert "Chen.pdf" not in {path.name for path in (tmp_path / "r").iterdir()}
    assert many - 1 == len(list((tmp_path / "r").iterdir()))


# ------------------------------------------------------------------------ Typst


def formulas(value: Any) -> Iterator[str]:
    """Every formula of a sheet in Typst."""
    if isinstance(value, Math):
        yield value.spell(TYPST)
    elif is_dataclass(value):
        for one in fields(value):
            yield from formulas(getattr(value, one.name))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes | dict):
        for part in value:
            yield from formulas(part)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("names", "least"),
    [
        (["rnn", "recurrent-layer", "shared-weight-4"], 600),
        pytest.param(examples(), 5000, marks=pytest.mark.exhaustive),
    ],
    ids=["some", "all"],
)
def test_every_formula_has_a_spelling_in_typst(names: list[str], least: int) -> None:
    """All formulas of examples, in all styles and roundings, compile in one document."""
    kinds = [("full", "4dp"), ("ledger", "carry:4dp"), ("full", "full")]
    sheets = (example(name, steps=steps, rounding=rule).sheet for name in names for steps, rule in kinds)
    known = {one for sheet in sheets for one in formulas(sheet)}
    assert len(known) > least
    typst_pdf("\n\n".join(f"${one}$" for one in sorted(known)))


@pytest.mark.parametrize("name", chosen(examples(), ["clipping", "postnetwork"], each=2))
def test_the_pages_of_typst_have_the_results_of_the_sheet(name: str, typst: Engine, tmp_path: Path) -> None:
    """Every result of every line can be read from the PDF, as from that of LaTeX; no page is ill made up."""
    sheet = example(name, steps="full").sheet
    results = Counter(row.result.text.replace("-", "−") for row in sheet.rows() if row.kind != "board")
    pdf = compile_one(source(sheet, engine=typst), engine=typst)
    assert results - Counter(" ".join(words(pdf)).split()) == Counter()
    (tmp_path / "sheet.pdf").write_bytes(pdf)
    assert ill_made(tmp_path / "sheet.pdf") == []


@pytest.mark.parametrize("title", thinned(HOSTILE, 8))
def test_nothing_in_a_title_is_markup_in_typst(title: str, typst: Engine) -> None:
    """It is printed as it stands."""
    pdf = compile_one(source(problem_titled(title).sheet, engine=typst), engine=typst)
    text = re.sub(r"\s", "", words(pdf)[0])
    assert re.sub(r"\s", "", title) in text
    assert "中?" in typst_words("中\x00")


def test_typst_gives_the_same_bytes_and_reads_nothing(typst: Engine, tmp_path: Path) -> None:
    """Twice the same, without a date; a file of this machine cannot be had."""
    text = source(example("clipping").sheet, engine=typst)
    pdf = compile_one(text, engine=typst)
    assert pdf == compile_one(text, engine=typst) == compile_many({"a": text, "b": text}, 2, engine=typst)["b"]
    assert not {"/CreationDate", "/ModDate"} & set(PdfReader(io.BytesIO(pdf)).metadata or ())
    (tmp_path / "secret").write_text("secret", "utf-8")
    for path in ("/etc/passwd", f"{tmp_path}/secret", f"../../../../..{tmp_path}/secret"):
        assert re.search("not found|root", failure(f'#read("{path}")', typst))


def test_typst_stands_in_where_there_is_no_latex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For solutions, marked sheets and classes; what has no template of Typst says that it wants LaTeX."""
    from dataclasses import replace

    reader = shutil.which("pdftotext")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Engine("typst", "") == find_engine()
    out = str(tmp_path / "x.pdf")
    assert 0 == CliRunner().invoke(command, ["solve", "rnn", "-f", "pdf", "-o", out]).exit_code
    assert 1 == CliRunner().invoke(command, ["check", "rnn", str(SHEET), "-f", "pdf", "-o", out]).exit_code
    marks, reports = str(tmp_path / "marks.csv"), tmp_path / "reports"
    line = ["grade", "rnn", str(first_students(tmp_path, 3)), "-o", marks, "--reports", str(reports), "--report-format", "pdf"]
    assert 2 == CliRunner().invoke(command, line).exit_code or list(reports.iterdir())
    assert 3 == len(list(reports.iterdir()))
    with pytest.raises(ProgramMissing, match=r"a folder of templates without sheet\.typ\.j2 wants LaTeX\.$"):
        source(solve("rnn").sheet, tmp_path)
    with pytest.raises(ProgramMissing, match=r"a mistakes wants LaTeX\.$"):
        source(replace(solve("rnn").sheet, kind="mistakes"))
    with pytest.raises(ProgramMissing, match=r"a document in LaTeX wants LaTeX\.$"):
        compile_one(BODY % "x")
    assert reader
    monkeypatch.setenv("PATH", str(Path(reader).parent))
    assert "The first wrong line is line 16" in words(Path(out).read_bytes())[0]
