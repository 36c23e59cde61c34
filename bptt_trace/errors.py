"""The errors of the package.

::

    TraceError                   everything this package raises on purpose
    ├── InputError               somebody's input; the command line exits with 2
    │   ├── ProblemError         a problem file does not say what it must
    │   ├── UnknownName          a text that names no quantity
    │   └── CalculationError     a value that cannot be computed or shown
    ├── OutputError              a result that cannot be written
    │   ├── ProgramMissing       a program that it needs is not installed
    │   └── TypesettingError     documents that could not be set as PDF; it has the others
    └── DesignError              a formula or program that contradicts itself
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class TraceError(Exception):
    """Everything this package raises on purpose."""


class InputError(TraceError):
    """Something in the user's input; the message says what would do."""


class ProblemError(InputError):
    """A problem that cannot be used as it stands.

    ``path`` is the place inside the problem (``network.hidden``); ``source`` is
    the file, which the reader of files adds when it knows it.
    """

    def __init__(self, message: str, *, path: str = "", source: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.source = source

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.message) if part)


class UnknownName(InputError):
    """A text that does not name a quantity."""


class CalculationError(InputError):
    """A value that cannot be computed, or cannot be shown under the chosen rounding."""


class OutputError(TraceError):
    """A result that cannot be written where it was asked for."""


class ProgramMissing(OutputError):
    """An outside program or library is missing; the message names one to install."""


class TypesettingError(OutputError):
    """Documents that could not be set as PDF.

    ``failures`` says why, by name, in the lines of the log that matter; ``done``
    has the documents that could be set, so that one bad one costs only itself.
    """

    def __init__(self, failures: Mapping[str, str], done: Mapping[str, bytes] | None = None) -> None:
        super().__init__("\n".join(f"{name}: no PDF: {why}" if name else f"no PDF: {why}" for name, why in failures.items()))
        self.failures = dict(failures)
        self.done = dict(done or {})


class DesignError(TraceError):
    """A formula or a program that contradicts itself: a mistake in code, not in input."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a mistyped word: `` (did you mean "hidden"?)``, or nothing.

    >>> nearest("hiden", ["hidden", "cell"])
    ' (did you mean "hidden"?)'
    """
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f' (did you mean "{close[0]}"?)' if close else ""


class LettersMissing(UserWarning):
    """A warning: the programs and fonts of this machine cannot set some letters of a sheet."""
