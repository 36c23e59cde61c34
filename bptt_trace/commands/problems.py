"""Commands about problem files: ``names``, ``examples`` and ``from-weights``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bptt_trace.commands import options
from bptt_trace.commands.options import PATH
from bptt_trace.commands.output import Output, ends_in
from bptt_trace.commands.screen import Screen


@click.command()
@options.problem
def names(problem: str, changes: tuple[str, ...]) -> None:
    """List the names of all quantities of a problem.

    Answer sheets and JSON use these names. The problem's own names are printed beside them.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.
    """
    from bptt_trace.calculation.build import build
    from bptt_trace.engine.scalar_program import scalars
    from bptt_trace.problem.problem import load

    read = load(problem, changes)
    program = scalars(build(read))
    known = [str(step.target) for step in program]
    if read.vocabulary.renamed:
        width = max(map(len, known))
        own = [str(read.vocabulary.shown(step.target)) for step in program]
        known = [f"{name:<{width}}  {other}".rstrip() for name, other in zip(known, own, strict=True)]
    Output().write(f"{name}\n" for name in known)


@click.command()
@click.argument("name", required=False)
def examples(name: str | None) -> None:
    """List the built-in problems, or print one to start from.

    Published problems are marked; their files name the source.
    """
    from bptt_trace.problem.files import example
    from bptt_trace.problem.files import examples as known
    from bptt_trace.problem.problem import load

    if name is not None:
        Output().write([example(name)])
        return
    from bptt_trace.media.table_grid import folded

    width = max(map(len, known())) + 2
    # A row that would be broken anywhere is broken between words; a program that reads the list has each in one row.
    room = Screen.chosen().on(sys.stdout, terminal=True).width - width if sys.stdout.isatty() else None
    titles = {name: f"{p.title}{' (published)' if p.citation else ''}" for name, p in ((name, load(name)) for name in known())}
    below = "\n" + " " * width
    Output().write(
        f"{name:<{width}}{below.join(folded(title, max(room, 20)) if room else [title])}\n" for name, title in titles.items()
    )


@click.command("from-weights")
@click.argument("file", type=PATH)
@click.option(
    "--cell", type=click.Choice(["dense", "rnn", "lstm", "gru"]), help="The kind of the layers; by default that of the arrays."
)
@click.option("--activation", default="tanh", show_default=True, help="The hidden activation, which the arrays do not show.")
@click.option("--output-activation", default="identity", show_default=True, help="The activation of the output layer.")
@click.option("--merge-biases", is_flag=True, help="Add up the two biases of a recurrent layer; otherwise both are kept.")
@click.option(
    "--reset",
    type=click.Choice(["after", "before"]),
    help="Where a Keras GRU without biases applies its reset gate: after or before the product.",
)
@click.option("--steps", type=click.IntRange(1, 100), default=2, show_default=True, help="Time steps of the placeholder input.")
@options.changes
@options.output
def from_weights(
    file: Path, cell: str | None, activation: str, output_activation: str, merge_biases: bool, reset: str | None, steps: int,
    changes: tuple[str, ...], target: Path | None,
) -> None:  # fmt: skip
    """Write a problem file with the parameters of a trained model.

    FILE is .npz or .safetensors with PyTorch's names (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0; fc.weight,
    fc.bias), also of several layers and of both directions, or with those of Keras (lstm/lstm_cell/kernel,
    recurrent_kernel, bias; dense/kernel). Names and shapes distinguish RNN, LSTM and GRU. The file is read without pickle.

    \b
    Examples:
      bptt-trace from-weights model.npz -o my.toml
      bptt-trace from-weights model.npz --cell rnn --merge-biases --set x=[1,2] | bptt-trace solve -
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.problem.files import change_document
    from bptt_trace.problem.problem import from_document
    from bptt_trace.trained_models.problem_file import arrays_of, document_from, text_of

    ends_in(target, ".toml")
    arrays = arrays_of(file)
    try:
        document = document_from(
            arrays,
            cell,
            activation=activation,
            output_activation=output_activation,
            merge_biases=merge_biases,
            reset=reset,
            steps=steps,
        )
        for change in changes:
            change_document(document, change)
        from_document(document)  # what is written can be solved
    except ProblemError as error:
        error.source = error.source or str(file)
        raise
    Output(file=target).write([text_of(document, file.name)])
