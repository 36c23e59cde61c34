"""A text in a problem file: letters as one-hot inputs, and the letter that follows each as its target."""

from __future__ import annotations

from typing import Any

from bptt_trace.errors import ProblemError
from bptt_trace.networks.forward_pass import SPACES, Letters
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.tables import Keys


def letters_of(network: Keys, given: Keys) -> Letters | None:
    """The text of a problem file and its vocabulary; None where there is no text.

    A text is a string of letters, or a list of words. Raises ``ProblemError`` where it cannot be read letter by letter.
    """
    if "text" not in given:
        if "vocabulary" in network:
            raise ProblemError("a vocabulary has the letters of given.text, which is missing", path="network.vocabulary")
        return None
    if other := next((key for key in ("x", "target") if key in given), ""):
        raise ProblemError(
            f"{other} and text exclude each other: the text says what is read and what follows", path=f"given.{other}"
        )
    if other := next((key for key in ("decoder", "inputs") if key in network), ""):
        raise ProblemError(f"a text is read letter by letter, so {other} has no meaning; leave it out", path=f"network.{other}")
    text = list(given["text"])
    vocabulary = list(network.get("vocabulary", dict.fromkeys(text)))
    if len(text) < 2:
        raise ProblemError("expected a text of at least two letters: one is read, and another follows", path="given.text")
    if len(vocabulary) < 2:
        raise ProblemError(
            "expected at least two letters; there is no question what follows the only one", path="network.vocabulary"
        )
    for place, letter in enumerate(vocabulary):
        if letter in vocabulary[:place]:
            raise ProblemError(f"{shown(letter)} is there twice", path="network.vocabulary")
        if not letter.isprintable() and letter not in SPACES:
            raise ProblemError(f"{shown(letter)} is not a letter that can be printed", path="network.vocabulary")
    for letter in text:
        if letter not in vocabulary:
            known = ", ".join(map(shown, vocabulary))
            raise ProblemError(f"{shown(letter)} is not in the vocabulary, which has {known}", path="given.text")
    return Letters(tuple(vocabulary), tuple(map(vocabulary.index, text)))


def spelled_out(letters: Letters, given: Keys, network: Keys, loss: Keys) -> dict[str, Any]:
    """The table [given] with columns of numbers in place of a text.

    Every letter but the last is read, and every one but the first follows.
    """
    columns = [[int(place == letter) for place in range(len(letters.vocabulary))] for letter in letters.text]
    every = network["outputs"] == "every"
    written = {key: value for key, value in given.items() if key != "text"} | {"x": columns[:-1]}
    if loss["kind"] in ("none", "output") and network.get("feedback") != "target":
        return written
    return written | {"target": columns[1:] if every else columns[-1]}
