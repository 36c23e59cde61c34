"""A reader with a pocket calculator: printed lines read back, and worked out again from what is printed.

Nothing here comes from the package. ``evaluate`` is a calculator for the
spellings of every medium (ASCII, Unicode, LaTeX) on exact fractions; the four
readers find the lines in JSON, terminal text, Markdown and LaTeX.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath

MP = mpmath.mp.clone()
MP.dps = 80

Function = Callable[[Fraction], Fraction]


# ------------------------------------------------------------------ functions


def by_digits(function: Callable[[Any], Any]) -> Function:
    """A function of mpmath, with 70 digits."""
    return lambda z: Fraction(MP.nstr(function(MP.mpf(z.numerator) / z.denominator), 70))


FUNCTIONS: dict[str, Function] = {
    "identity": lambda z: z,
    "tanh": by_digits(MP.tanh),
    "sigmoid": by_digits(lambda z: 1 / (1 + MP.exp(-z))),
    "softplus": by_digits(lambda z: MP.log1p(MP.exp(z))),
    "exp": by_digits(MP.exp),
    "log": by_digits(MP.log),
    "sqrt": by_digits(MP.sqrt),
    "sin": by_digits(MP.sin),
    "cos": by_digits(MP.cos),
    "abs": abs,
}

SPELLED = {
    r"\tanh": "tanh", r"\sigma": "sigmoid", "ReLU": "relu", "LeakyReLU": "leaky_relu", r"\varphi": "phi", r"\psi": "psi",
    "id": "identity", r"\exp": "exp", r"\ln": "log", "ln": "log", r"\sin": "sin", r"\cos": "cos",
}  # fmt: skip


def bent(leak: Fraction, at_zero: Fraction) -> tuple[Function, Function]:
    """z right of 0, ``leak`` · z left of it; and its slope."""
    return (
        lambda z: z if z > 0 else leak * z,
        lambda z: Fraction(1) if z > 0 else leak if z < 0 else at_zero,
    )


# ----------------------------------------------------------------- calculator


class Unreadable(ValueError):
    """The text is not a calculation with numbers."""


class Matrix:
    """A matrix of fractions; a column has one column. A number goes with every entry."""

    def __init__(self, rows: list[list[Fraction]]) -> None:
        if len({len(row) for row in rows}) != 1:
            raise Unreadable(f"rows of different lengths: {rows}")
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matrix) and self.rows == other.rows

    def __repr__(self) -> str:
        return f"Matrix({[[str(x) for x in row] for row in self.rows]})"

    def each(self, function: Callable[[Fraction], Fraction]) -> Matrix:
        return Matrix([[function(x) for x in row] for row in self.rows])

    def with_(self, other: Any, function: Callable[[Fraction, Fraction], Fraction]) -> Matrix:
        """Entry by entry."""
        if not isinstance(other, Matrix):
            return self.each(lambda x: function(x, other))
        if self.size != other.size:
            raise Unreadable(f"{self.size} with {other.size}")
        return Matrix([[function(x, y) for x, y in zip(*both, strict=True)] for both in zip(self.rows, other.rows, strict=True)])

    @property
    def size(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])

    @property
    def transposed(self) -> Matrix:
        return Matrix([list(column) for column in zip(*self.rows, strict=True)])

    def __matmul__(self, other: Matrix) -> Any:
        if self.size[1] != other.size[0]:
            raise Unreadable(f"a product of {self.size} and {other.size}")
        columns = other.transposed.rows
        rows = [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in self.rows]
        return Matrix(rows) if len(rows) * len(rows[0]) > 1 else rows[0][0]

    def __add__(self, other: Any) -> Matrix:
        return self.with_(other, lambda x, y: x + y)

    __radd__ = __add__

    def __neg__(self) -> Matrix:
        return self.each(lambda x: -x)

    def __sub__(self, other: Any) -> Matrix:
        return self.with_(other, lambda x, y: x - y)

    def __rsub__(self, other: Any) -> Matrix:
        return -self + other

    def __mul__(self, other: Any) -> Matrix:
        if isinstance(other, Matrix):
            raise Unreadable("two matrices with the sign of a product of numbers")
        return self.each(lambda x: x * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Matrix:
        return self.with_(other, lambda x, y: x / y)

    def __rtruediv__(self, other: Any) -> Matrix:
        return self.each(lambda x: other / x)

    def __pow__(self, exponent: int) -> Matrix:
        return self.each(lambda x: x**exponent)


@dataclass
class Series:
    """What ``first + … + last`` stands for: the exact total, and the two terms that are printed."""

    total: Fraction
    first: Fraction | None = None
    last: Fraction | None = None


_TOKEN = re.compile(
    r"\s*(?:(?P<cut>_\{?\[\d+(?:\.\.\d+)?\]\}?)|(?P<number>\d+(?:\.\d*)?(?:e-?\d+)?)|(?P<command>\\[A-Za-z]+'?)|(?P<word>[A-Za-z_]+'?)|"
    r"(?P<sign>\.\.\.|\.\*|[-+*/^(){}'\[\],;&])|(?P<end>$))"
)
_UNICODE = str.maketrans({"⊙": ".*", "·": "*", "−": "-", "…": "...", "≈": "~", "\N{NO-BREAK SPACE}": " "})
_POWER = re.compile("·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_SUPERSCRIPT = {sign: f"^{place}" for place, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}


_ON_THE_LINE = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def plain(text: str) -> str:
    """Unicode mathematics in ASCII."""
    text = text.replace("\\\\ ", "\\cr ")  # the end of a row of a matrix in LaTeX
    text = _POWER.sub(lambda match: "e" + match[1].translate(_ON_THE_LINE), text)
    return "".join(_SUPERSCRIPT.get(sign, sign) for sign in text.translate(_UNICODE))


def evaluate(text: str, functions: Mapping[str, Function] = FUNCTIONS, series: Series | None = None) -> Any:
    """The exact value of a calculation in any spelling, a number or a ``Matrix``; raises ``Unreadable``."""
    return _Calculator(plain(text), functions, series).whole()


class _Calculator:
    def __init__(self, text: str, functions: Mapping[str, Function], series: Series | None) -> None:
        self.functions, self.series = functions, series
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise Unreadable(text)
            position = match.end()
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind]))
        self.tokens.append(("end", ""))
        self.place = 0

    @property
    def next(self) -> str:
        return self.tokens[self.place][1]

    def take(self, *signs: str) -> str:
        kind, text = self.tokens[self.place]
        if kind != "end" and text in signs:
            self.place += 1
            return text
        return ""

    def must(self, sign: str) -> None:
        if not self.take(sign):
            raise Unreadable(f"{sign} expected, {self.next!r} met")

    def whole(self) -> Any:
        value = self.sum()
        if self.tokens[self.place][0] != "end":
            raise Unreadable(self.next)
        return value

    def sum(self) -> Any:
        value = self.product()
        while sign := self.take("+", "-"):
            if self.take("...", r"\dots"):
                if self.series is None:
                    raise Unreadable("...")
                self.must("+")
                self.series.first, self.series.last = value, self.product()
                return self.series.total
            term = self.product()
            value = value + term if sign == "+" else value - term
        return value

    def product(self) -> Any:
        value = self.signed()
        while True:
            if sign := self.take("*", "/", r"\cdot"):
                factor = self.signed()
                value = value / factor if sign == "/" else value * factor
            elif self.take(".*", r"\odot"):
                value = value.with_(self.signed(), lambda x, y: x * y)
            elif isinstance(value, Matrix) and self.next in ("[", r"\begin", r"\left", "("):
                value = value @ self.power()
            else:
                return value

    def signed(self) -> Any:
        return -self.power() if self.take("-") else self.power()

    def power(self) -> Any:
        base = self.atom()
        if self.tokens[self.place][0] == "cut":
            places = [int(place) for place in re.findall(r"\d+", self.next)]
            self.place += 1
            base = self.cut(base, places[0], places[-1])
        if not self.take("^"):
            return base
        if self.take("T"):
            return base.transposed
        if self.next == "{" and self.tokens[self.place + 1][1] == r"\top":
            self.place += 3
            return base.transposed
        if self.take("("):
            exponent = self.sum()
            self.must(")")
        elif self.take("{"):
            exponent = self.sum()
            self.must("}")
        else:
            exponent = self.atom()
        if exponent.denominator != 1:
            raise Unreadable(f"exponent {exponent}")
        return base ** int(exponent)

    @staticmethod
    def cut(base: Any, first: int, last: int) -> Any:
        entries = [x for row in base.rows for x in row][first - 1 : last]
        column = base.size[1] == 1
        return entries[0] if len(entries) == 1 else Matrix([[x] for x in entries] if column else [entries])

    def matrix(self, between: str, rows: str, end: str) -> Matrix:
        """The entries up to the end; columns among them stand one below the other, or side by side."""
        lines: list[list[Any]] = [[self.sum()]]
        while not self.take(end):
            if self.take(between):
                lines[-1].append(self.sum())
            else:
                self.must(rows)
                lines.append([self.sum()])
        if any(isinstance(x, Matrix) for line in lines for x in line):
            parts = [x for line in lines for x in line]
            flat = [x if isinstance(x, Matrix) else Matrix([[x]]) for x in parts]
            if len(lines) > 1:
                return Matrix([row for part in flat for row in part.rows])
            return Matrix([[x for part in beside for x in part] for beside in zip(*(part.rows for part in flat), strict=True)])
        return Matrix(lines)

    def braces(self) -> Any:
        self.must("{")
        value = self.sum()
        self.must("}")
        return value

    def atom(self) -> Any:
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return Fraction(text)
        if text == "(":
            value = self.sum()
            self.take(r"\right")
            self.must(")")
            return value
        if text == "[":
            return self.matrix(",", ";", "]")
        if text == r"\left":
            return self.atom()
        if text == r"\begin":
            self.place += 3
            value = self.matrix("&", self.row_end(), r"\end")
            self.place += 3
            return value
        if text == r"\frac":
            above = self.braces()
            return above / self.braces()
        if kind in ("word", "command"):
            return self.function(text)
        raise Unreadable(text)

    @staticmethod
    def row_end() -> str:
        return r"\cr"

    def bracket_end(self) -> None:
        self.take(r"\right")
        self.must(")")

    def bracketed_end(self) -> Any:
        value = self.sum()
        self.bracket_end()
        return value

    def function(self, text: str) -> Any:
        if text == r"\textstyle":  # the size of the sign that follows
            text = self.next
            self.place += 1
        if text == r"\mathrm":
            self.must("{")
            text = self.next
            self.place += 1
            self.must("}")
        prime = "'" if text.endswith("'") or self.take("'") else ""
        name = text.rstrip("'")
        if name == r"\sqrt":
            argument = self.braces()
            root = self.functions["sqrt"]
            return argument.each(root) if isinstance(argument, Matrix) else root(argument)
        self.take(r"\left")
        self.must("(")
        argument = self.sum()
        if name.lstrip("\\") in ("max", "min"):
            self.must(",")
            return extreme(max if "max" in name else min, argument, self.bracketed_end())
        if name in ("sum", r"\sum"):
            self.bracket_end()
            return sum((x for row in argument.rows for x in row), Fraction(0))
        self.take(r"\right")
        self.must(")")
        if name in ("softmax", "diag"):
            return {"softmax": softmax, "diag": diagonal}[name](argument)
        function = self.functions.get(SPELLED.get(name, name) + prime)
        if function is None:
            raise Unreadable(text)
        return argument.each(function) if isinstance(argument, Matrix) else function(argument)


def extreme(which: Callable[[Fraction, Fraction], Fraction], left: Any, right: Any) -> Any:
    """The larger or the smaller of two, entry by entry."""
    if isinstance(left, Matrix):
        return left.with_(right, which)
    return right.with_(left, which) if isinstance(right, Matrix) else which(left, right)


def softmax(z: Matrix) -> Matrix:
    powers = z.each(FUNCTIONS["exp"])
    return powers.each(lambda x: x / sum(y for row in powers.rows for y in row))


def diagonal(y: Matrix) -> Matrix:
    entries = [x for row in y.rows for x in row]
    return Matrix([[x if i == j else Fraction(0) for j in range(len(entries))] for i, x in enumerate(entries)])


# ------------------------------------------------------------------- rounding


def to_places(value: Fraction, places: int) -> Fraction:
    """Rounded half up, away from zero."""
    quantum = Fraction(10) ** -places
    size = (abs(value) / quantum + Fraction(1, 2)).__floor__() * quantum
    return -size if value < 0 else size


def to_figures(value: Fraction, figures: int) -> Fraction:
    """Rounded half up to significant figures."""
    if not value:
        return value
    exponent = 0
    while abs(value) >= Fraction(10) ** (exponent + 1):
        exponent += 1
    while abs(value) < Fraction(10) ** exponent:
        exponent -= 1
    return to_places(value, figures - 1 - exponent)


def is_board(row: Printed) -> bool:
    """Whether a line is one of matrices."""
    return row.result.startswith(("[", r"\begin"))


def entries(text: str) -> list[str]:
    """The numbers of a printed matrix, as they are printed."""
    return re.findall(r"-?\d+(?:\.\d*)?(?:e-?\d+)?", re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", plain(text)))


def number(text: str) -> Fraction:
    """A printed number, in any spelling."""
    return evaluate(text, {})


@dataclass(frozen=True)
class Digits:
    """How results are rounded: to places, or to significant figures."""

    count: int
    figures: bool = False

    def rounded(self, value: Fraction) -> Fraction:
        return to_figures(value, self.count) if self.figures else to_places(value, self.count)

    def shown(self, text: str) -> bool:
        """Whether a printed number has just these digits."""
        written, _, power = re.sub(r" ?\\cdot 10\^\{(-?\d+)\}", r"e\1", plain(text)).lstrip("-").partition("e")
        if self.figures:
            significant = written.replace(".", "").lstrip("0")
            return not significant or len(significant) == self.count
        return len(written.partition(".")[2]) - int(power or 0) == self.count

    def of(self, name: str) -> Digits:
        """Factors of the gradient flow (``dh_2/dh_1``) keep significant figures."""
        return Digits(self.count, figures=True) if is_factor(name) else self


STATES = "m|vmax|v|s|mhat|vhat|g|step|clipped|squares|norm|scale|cut|u|delta|δ|ahead"
"""What an update calculates for a parameter, as in ``v_w_hh@2``: it keeps significant figures."""


def is_factor(name: str) -> bool:
    """Whether a name is a slope between two states, ``dh_2/dh_1`` (not ``dL/dh_1``, nor ``dy/dh``), or of an update."""
    if re.fullmatch(
        rf"(?!.*')(?:{STATES})_[^\W\d]\w*.*|(?:squares|norm|scale|rate|alpha|α|(?:mu|μ)(?:_next|_product)?)(?:@\d+)?", name
    ):
        return True
    if re.match(r"d(?:alpha|α)\S*/dscore", name):
        return False  # of a softmax, as dy/dz
    return re.fullmatch(rf"path\d+|{SLOPE}", name) is not None


SLOPE = (
    r"d([hcs])_\d+(?:\[\d+\])?/d\1_\d+(?:\[\d+\])?"  # from state to state
    r"|dL(?!_full|_check|_pass)[_#]\S*/d.+"  # of the loss of a step or a sample, or of a sum over paths
    r"|d(?!L|E/)\S+/d(?:[wWbU]_)\S+(?: via .+)?"  # of a line in a parameter
    r"|d(?!y_\d+/dz_|L_)[A-Za-z]\w*_\d+(?:\[\d+\])?\S*/d\w+_\d+\S*(?: via .+)?"  # of a line of a time step in another
)


# ---------------------------------------------------------------------- lines


@dataclass(frozen=True)
class Printed:
    """A line as it stands in a document; the name is spelled as in answer files."""

    line: str
    name: str
    formula: str
    numbers: str
    relation: str
    result: str
    so_far: str = ""


def read_json(text: str) -> list[list[Printed]]:
    """The lines of a JSON document, section by section."""
    return [
        [
            Printed(
                str(entry["line"] or ""),
                entry["name"],
                entry["formula"]["text"],
                entry["numbers"]["text"],
                "~" if f"{entry['numbers']['text']} ~ {entry['value']}" in entry["text"] else "=",
                entry["value"],
                entry.get("so_far", ""),
            )
            for entry in section["entries"]
        ]
        for section in json.loads(text)["sections"]
    ]


_RESULT = r"[-−]?\d+(?:\.\d*)?(?:e[-−]?\d+|·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
_BODY = r"\S+(?: \S+)*?"
_LINE = r"[1-9]\d*(?:\.[1-9]\d?(?:,\d{1,2})?)?(?![\d.])"
_USES = rf"(?:\[[\d,]+\] of )?{_LINE}(?:(?:[,;] ?|[–-])(?:{_LINE}|…|\.\.\.))*"
_LAST_ROW = re.compile(rf"(?P<body>{_BODY})\s+(?P<result>{_RESULT})(?:  (?P<uses>{_USES}))?(?:  so far (?P<so_far>{_RESULT}))?")
_FIRST_ROW = re.compile(rf"(?P<body>{_BODY})(?:\s+[─-]{{5,}})?(?:\s{{2,}}.*)?")


def is_name(text: str) -> bool:
    """Whether a text is the name of a quantity and no calculation with numbers."""
    return re.match(r"[A-Za-zΑ-ω]", text) is not None


class _Terminal:
    """Finds the lines in terminal text of any of its layouts."""

    def __init__(self, text: str) -> None:
        self.rows: list[list[str]] = []
        self.sections: list[list[Printed]] = []
        self.header = ""
        self.quantity = 0
        self.reading = False
        lines = [*text.splitlines(), ""]
        for line, below in pairwise(lines):
            self.line(line, below)
        self.finish()

    def line(self, line: str, below: str) -> None:
        if re.match(r"\d+  \S", line) and re.fullmatch(r"━+|=+", below):  # the heading of a section
            self.finish()
            self.sections.append([])
        elif re.match(r"\s*line +quantity", line):
            self.header, self.quantity, self.reading = line, line.index("quantity"), True
        elif re.match(r"(──|--) \S", line) or re.match(r" {3}[a-z].*(─|-){3}$", line):
            self.reading = bool(self.header)
        elif not line.strip() or line.startswith(("  │", "  | ")) or re.match(r"[A-Za-z•]", line):
            self.reading = False
        elif self.begins(line) and (self.reading or re.match(r"\s*\d+(\.[\d,]+)?  [A-Za-z]", line)):
            self.reading = True
            self.rows.append([line])
        elif self.reading:
            self.rows[-1].append(line)

    def begins(self, line: str) -> bool:
        before, name = line[: self.quantity], line[self.quantity : self.quantity + 1]
        number = r"\s*[\d.,]*\s\s"
        return bool(self.header) and re.fullmatch(number, before) is not None and name not in (" ", "=", "≈", "~", "")

    def finish(self) -> None:
        """Read the rows of the section that ends."""
        for row in self.rows:
            if "role, uses" in self.header:
                read = self.of_stack(row)
            elif "formula = numbers" in self.header:
                read = self.on_board(row)
            elif "role/uses" in self.header:
                read = self.of_two(row)
            else:
                read = self.of_one(row)
            self.sections[-1].append(read)
        self.rows, self.header, self.reading = [], "", False

    def parts(self, pieces: list[str]) -> tuple[str, str, str]:
        """Formula, relation and numbers from pieces, of which those with a relation begin a part."""
        parts: list[list[str]] = []
        for piece in pieces:
            if piece[0] in "=≈~":
                parts.append([piece[0], piece[1:].strip()])
            else:
                parts[-1][1] += f" {piece.strip()}"
        assert 1 <= len(parts) <= 2, pieces
        return parts[0][1], parts[-1][0], parts[-1][1]

    def equal(self, start: str) -> int:
        """Where the first relation of a row stands; no name contains one."""
        relation = re.compile("[=≈~] ").search(start, self.quantity)
        assert relation, start
        return relation.start()

    def of_two(self, row: list[str]) -> Printed:
        equal = self.equal(row[0])
        *firsts, last = [line[equal:] for line in row]
        match = _LAST_ROW.fullmatch(last.strip())
        assert match, row
        pieces = []
        for line in firsts:
            first = _FIRST_ROW.fullmatch(line.strip())
            assert first, row
            pieces.append(first["body"])
        formula, relation, numbers = self.parts([*pieces, match["body"]])
        start = row[0]
        return Printed(
            start[: self.quantity].strip(), start[self.quantity : equal].strip(), formula, numbers, relation,
            match["result"], match["so_far"] or "",
        )  # fmt: skip

    def on_board(self, row: list[str]) -> Printed:
        start = f"{row[0]} "
        line, equal = start[: self.quantity].strip(), self.equal(start)
        name = start[self.quantity : equal].strip()
        if "." in line or (not line and "[" in name):
            result = rf"\s*(?P<body>.*?)\s{{2,}}(?:(?P<relation>[≈~]) )?(?P<result>{_RESULT})(?P<tail>(?:\s{{2,}}.*)?)"
            *above, last = [start[equal + 2 :], *row[1:]]
            below = ""
            while above and not ((match := re.fullmatch(result, last.rstrip())) and match["body"]):
                below = last  # lines used and the total stand on a row of their own where there is no room beside the result
                last = above.pop()
            match = re.fullmatch(result, last.rstrip())
            assert match, row
            so_far = re.search(rf"so far ({_RESULT})", match["tail"] + below)
            numbers = " ".join(piece.strip() for piece in [*above, match["body"]]).strip()
            return Printed(line, name, "", numbers, match["relation"] or "=", match["result"], so_far[1] if so_far else "")
        return self.of_stack(row)

    def of_stack(self, row: list[str]) -> Printed:
        start = f"{row[0]} "
        equal = self.equal(start)
        parts: list[list[str]] = [["=", re.split(r"\s{2,}", start[equal + 2 :])[0]]]
        for piece in row[1:]:
            piece = piece.strip()
            if re.match("[=≈~] ", piece):
                parts.append([piece[0], re.split(r"\s{2,}", piece[1:].strip())[0]])
                tail = piece
            else:
                parts[-1][1] += " " + re.split(r"\s{2,}", piece)[0]
                tail = piece
        so_far = re.search(rf"so far ({_RESULT})", tail)
        numbers = parts[-2][1] if len(parts) > 2 else parts[0][1] if len(parts) == 2 and re.search(r"\d", parts[0][1]) else ""
        if len(parts) == 2:
            numbers = parts[1][1] if is_name(parts[0][1]) else parts[0][1]
        return Printed(
            start[: self.quantity].strip(), start[self.quantity : equal].strip(), parts[0][1], numbers,
            parts[-1][0], parts[-1][1], so_far[1] if so_far else "",
        )  # fmt: skip

    def of_one(self, row: list[str]) -> Printed:
        start, *others = row
        one = self.equal(start)
        first = re.fullmatch(r"= (?P<formula>.*?) +(?P<equal>=) (?P<rest>.*)", start[one:])
        assert first, row
        formulas, numerics = [first["formula"]], [first["rest"]]
        for line in others:
            formulas.append(line[one : one + first.start("equal")].strip())
            numerics.append(line[one + first.start("rest") :])
        last = numerics.pop()
        found = re.match(rf"(?P<body>.*?)\s+(?P<relation>[=≈~]) +(?P<result>{_RESULT})(?P<tail>.*)", f" {last}")
        assert found, row
        so_far = ""
        if "so far" in self.header:
            # Right-aligned below its heading; the lines used stand further right.
            tail = re.match(rf"\s+({_RESULT})(?=\s|$)", found["tail"])
            end = len(row[-1]) - len(found["tail"]) + tail.end() if tail else 0
            if tail and end <= self.header.index("so far") + len("so far"):
                so_far = tail[1]
        return Printed(
            start[: self.quantity].strip(), start[self.quantity : one].strip(), " ".join(filter(None, formulas)),
            " ".join(piece.strip() for piece in [*numerics, found["body"]] if piece.strip()),
            found["relation"], found["result"], so_far,
        )  # fmt: skip


def read_terminal(text: str) -> list[list[Printed]]:
    """The lines of terminal text, section by section."""
    return _Terminal(text).sections


def read_markdown(text: str) -> list[list[Printed]]:
    """The lines of a Markdown document, section by section."""
    sections: list[list[Printed]] = []
    reading = False
    for line in text.splitlines():
        if re.match(r"## \d+ ", line):
            sections.append([])
        if line.startswith("| line | quantity |"):
            reading = True
        elif not line.startswith("|"):
            reading = False
        elif reading and not line.startswith("|---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            so_far = _unset(cells[6]) if len(cells) > 6 else ""
            sections[-1].append(_from_latex(cells[0], *cells[1:5], so_far))
    return sections


def read_latex(text: str) -> list[list[Printed]]:
    """The lines of a LaTeX document, section by section."""
    sections: list[list[Printed]] = []
    reading = adds_up = False
    for line in text.splitlines():
        line = re.sub(r"\\\\\*$", r"\\\\", line)
        if line.startswith(r"\sheetsection"):
            sections.append([])
        if re.search(r"\\makebox\[[\d.]+\\sheetmm\]\[l\]\{quantity\}", line):
            reading, adds_up = True, "so far" in line
        elif line.startswith((r"\end{tabular}", r"\end{longtable}")):
            reading = False
        elif line.removeprefix(r"{\sheetsmall").startswith(r"\stackedline{"):
            cells = _arguments(line.removeprefix(r"{\sheetsmall").removeprefix(r"\stackedline"))
            sections[-1].append(_from_latex(*cells[:5], _unset(cells[6])))
        elif reading and BOARD in line:
            sections[-1].append(_board_from_latex(line))
        elif reading and re.match(r"[\d.,]* & ", line) and line.endswith(r"\\"):
            line = _usual_cells(line)
            cells = [cell.strip() for cell in line.removesuffix(r"\\").split(" & ")]
            sections[-1].append(_from_latex(cells[0].rstrip(" &"), *cells[1:5], _unset(cells[5]) if adds_up else ""))
    return sections


BOARD = r"\rule{0pt}{4\sheetmm}"
"""Before a line of matrices, which is higher than others."""


def _board_from_latex(line: str) -> Printed:
    """A line of matrices: ``$name$ $=$ $formula$ $=$ $numbers$ $=$ $result$`` in one cell."""
    number = line.partition(" & ")[0]
    cell = line[line.index(BOARD) :].removeprefix(BOARD)
    parts = [part for part in re.findall(r"\$(.*?)\$", cell.replace(r"\\ ", r"\cr ")) if part not in ("=", r"\approx")]
    relation = "~" if r"$\approx$" in cell else "="
    parts = [part for part in parts[:4] if r"\quad" not in part]
    return Printed(number, answer_name(parts[0]), parts[1], parts[2] if len(parts) > 3 else parts[-1], relation, parts[-1])


def _usual_cells(line: str) -> str:
    """A line whose formula and numbers share a cell, with the cells of every other line."""
    line = re.sub(r"\\rule\[.*?\]\{0pt\}\{.*?\}", "", line)
    wide = r"\\multicolumn\{2\}\{.*?\\sheetmm\}\}"
    line = re.sub(wide + r"\{(\\fitted\{.*?\}\{\$[^$]*\$\})\\newline \$=\$ (.*?\$.*?\$\}?)\} &", r"\1 & \2 &", line)
    return re.sub(wide + r"\{(.*?\$.*?\$\}?)\} &", r"$$ & \1 &", line)


def _arguments(text: str) -> list[str]:
    """The arguments of a command, ``{…}{…}``, whatever braces stand inside."""
    found: list[str] = []
    depth, start = 0, 0
    for place, sign in enumerate(text):
        if sign == "{":
            depth += 1
            start = place + 1 if depth == 1 else start
        elif sign == "}":
            depth -= 1
            if depth == 0:
                found.append(text[start:place])
    return found


def _from_latex(line: str, name: str, formula: str, numbers: str, result: str, so_far: str) -> Printed:
    relation = "="
    if result.startswith(r"$\approx$"):
        relation, result = "~", result.removeprefix(r"$\approx$").strip()
    return Printed(line, answer_name(_unset(name)), _unset(formula), _unset(numbers), relation, _unset(result), so_far)


def _unfitted(cell: str) -> str:
    r"""The mathematics in ``\fitted{width}{$…$}`` or ``\close{width}{$…$}``, and what stands round it."""
    return re.sub(r"\\(?:fitted|close)\{[^{}]*\}\{\$(?:\\displaystyle )?(.*)\$\}(?=\}?$)", r"$\1$", cell)


def _unset(cell: str) -> str:
    r"""The mathematics in ``$…$``, ``$\mathbf{…}$`` or ``\underline{$…$}``."""
    cell = _unfitted(cell)
    match = re.fullmatch(r"(?:\\underline\{)?\$(?:\\mathbf\{(?P<bold>.*)\}|(?P<thin>.*))\$\}?", cell)
    if match and (r"\mathbf" in cell or r"\underline" in cell):
        return match["bold"] or match["thin"]
    return cell.removeprefix("$").removesuffix("$")


def _upper(match: re.Match[str]) -> str:
    """A name with its layer, sample and iteration above it, as in answer files."""
    own, layer, sample, iteration = match.groups()
    stem, _, below = own.rpartition("_")
    if not below.isdigit():
        stem, below = own, ""
    updated = "'" if "'" in match[0] else ""
    text = stem + (f"({layer})" if layer else "") + (f"_{below}" if below else "") + updated
    return text + (f"#{sample}" if sample else "") + (f"@{iteration}" if iteration else "")


def _pointed(match: re.Match[str]) -> str:
    """A name with an arrow above it as one with a layer: ``fwd`` or ``bwd``."""
    way, stem, below, number, above = match.groups()
    word = "fwd" if way == "right" else "bwd"
    return f"{{{stem}{below}^{{({word}{number or ''}){above or ''}}}}}"


def answer_name(latex: str) -> str:
    r"""``dL/dh_1 via a_2`` from ``\frac{\partial L}{\partial h_{1}}\text{ via }a_{2}``."""
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", latex.replace("{}@", "@"))
    text = re.sub(r"\\(eta|theta|alpha|mu|delta)(?![A-Za-z])", r"\1", text)
    text = re.sub(r"\\(hat|tilde|bar)\{(\w)\}", r"\2\1", text)
    text = re.sub(
        rf"({STATES})_\{{(\w+_\{{[\w,]+\}}|\w+)\}}", lambda m: f"{m[1]}_{re.sub(r'[{}]', '', m[2])}".replace(",", "_"), text
    )
    arrowed = r"\{\\over(right|left)arrow\{(\w+)\}((?:_\{[\w,]+\})?'?)(?:\^\{(?:\((\d+)\))?([^{}]*)\})?\}"
    text = re.sub(arrowed, _pointed, text)
    text = re.sub(r"\\over(right|left)arrow\{(\w+)\}((?:_\{[\w,]+\})?'?)()()", _pointed, text)
    text = re.sub(r"_\{(\d+,\d+)\}", r"_\1", text)  # of a score: of which query, and of which key
    text = re.sub(r"_\{([\w,]+)\}", lambda match: "_" + match[1].replace(",", "_"), text)
    layered = r"\{(\w+?(?:_[\w,]+)*)'?\^\{(?:\((\w+)\))?(?:\\langle (\d+)\\rangle)?(?:@(\d+))?\}\}"
    text = re.sub(layered, _upper, text)
    text = re.sub(r"\^\{@(\d+)\}", r"@\1", text)
    text = re.sub(r"((?:#\d+)?(?:@\d+)?)(\[[\d,]+\])", r"\2\1", text)
    text = re.sub(r"\\frac\{\\partial ([^{}]*)\}\{\\partial ([^{}]*)\}", r"d\1/d\2", text)
    return text.replace(r"\text{ via }", " via ")


# ------------------------------------------------------- calculations in words


@dataclass(frozen=True)
class Said:
    """A calculation inside a sentence."""

    numbers: str
    relation: str
    result: str


LONGEST = 240
"""No calculation in a sentence has more characters."""


def said_in_text(text: str, functions: Mapping[str, Function] = FUNCTIONS) -> Iterator[Said]:
    """Calculations in a sentence of plain text: before ``= number``, the longest text that can be worked out."""
    text = plain(text)
    for match in re.finditer(rf" ([=~]) ({_RESULT})(?![\d.]*\d)(?! [-+*/=~^])(?!\^)", text):
        before = text[max(0, match.start() - LONGEST) : match.start()].rpartition("\n")[2]
        starts = {0} | {place + 1 for place, sign in enumerate(before) if sign in " ("}
        starts |= {place for place, sign in enumerate(before) if sign == "(" and before[place - 1 : place] in (" ", "(", "")}
        for start in sorted(starts):
            if _is_calculation(before[start:], functions):
                yield Said(before[start:], match[1], match[2])
                break


def said_in_math(text: str, functions: Mapping[str, Function] = FUNCTIONS) -> Iterator[Said]:
    """Calculations in ``$…$``: ``$name = formula = numbers = result$``."""
    for piece in re.findall(r"(?<![\\$])\$([^$]+)\$", text):
        parts = re.split(r" (=|\\approx) ", piece)
        if len(parts) >= 3 and _is_calculation(parts[-1], {}) and _is_calculation(parts[-3], functions):
            yield Said(parts[-3], "=" if parts[-2] == "=" else "~", parts[-1])


def _is_calculation(text: str, functions: Mapping[str, Function]) -> bool:
    if not text.strip() or text != text.strip():
        return False
    readable: dict[str, Function] = dict.fromkeys(functions, lambda z: z)
    try:
        evaluate(text, readable, Series(Fraction(0)))
    except Unreadable:
        return False
    except ZeroDivisionError:
        return True
    return True


# ------------------------------------------------------------------- brackets


_ONE_NUMBER = r"\d+(?:\.\d*)?(?:/\d+)?(?:e-?\d+| \\cdot 10\^\{-?\d+\})?"


def unbracketed(numbers: str) -> list[str]:
    """Negative operands of a calculation that stand without brackets, unless alone."""
    text = plain(numbers)
    if re.fullmatch(rf"-{_ONE_NUMBER}", text):
        return []
    wrong = []
    for match in re.finditer("-", text):
        place = match.start()
        binary = text[place - 1 : place] == " " and text[place + 1 : place + 2] == " "
        exponent = re.search(r"\de$|\^\{$", text[:place])
        alone = (
            text[place - 1 : place] == "(" or text[place - 2 : place] == ", "
        )  # the whole of a bracket, or one argument of max
        bracketed = alone and re.match(rf"-{_ONE_NUMBER}[),]", text[place:])
        if not (binary or exponent or bracketed):
            wrong.append(text[place:])
    return wrong


def minus_zeros(text: str) -> list[str]:
    """Zeros with a minus sign, but for the sign of a product that begins with one: −0.0 · 0.5, in one row or two."""
    return re.findall(r"(?<![\w^{.)])[-−]0(?:\.0*)?(?![\d./])(?!\s*(?:\*|·|\\{1,2}cdot))", text)
