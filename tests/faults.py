"""Small faults, put into a copy of the package one at a time: each must be noticed by a test with an oracle.

    python tests/faults.py              all of them
    python tests/faults.py LSTM Adam    those with one of these words in them
    python tests/faults.py --list       what they are

A fault is a text of the package, found wherever it stands, and what stands in
its place. Committed sheets notice nearly every change and tell nobody what is
wrong, so the tests named here are never those.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
COMPARED_WITH_FILES = ("test_golden.py", "test_gallery.py", "test_readme.py")
"""Tests that compare with committed text."""


class Fault(NamedTuple):
    """One wrong place."""

    what: str
    right: str
    wrong: str
    tests: tuple[str, ...]
    """What must fail, in the words of pytest; where it is empty, anything but a comparison with committed text."""


FAULTS = (
    # ------------------------------------------------------------ functions, formulas, adjoints
    Fault("the slope of tanh", "lambda z, y: 1 - y**2,", "lambda z, y: 1 - y,", ("test_functions.py",)),
    Fault("the slope of the sigmoid", "lambda z, y: y * (1 - y),", "lambda z, y: y * (1 + y),", ("test_functions.py",)),
    Fault("the slope of ln", "lambda z, y: 1 / z,", "lambda z, y: 1 / y,", ("test_functions.py",)),
    Fault(
        "the slopes of softmax",
        "Diagonal(y) - Outer(y, y)",
        "Diagonal(y) + Outer(y, y)",
        ("test_vectors.py::test_losses_over_time",),
    ),
    Fault(
        "the adjoint of a quotient",
        "product(Const(Fraction(-1)), flow, numerator / denominator**2)",
        "product(flow, numerator / denominator**2)",
        ("test_cells.py::test_gradients_agree_with_central_differences",),
    ),
    Fault(
        "the adjoint of a negation",
        "yield from push(operand, product(Const(Fraction(-1)), flow))",
        "yield from push(operand, flow)",
        ("test_cells.py::test_gradients_agree_with_central_differences",),
    ),
    Fault(
        "the adjoint of a product leaves out a factor",
        "product(flow, *factors[:index], *factors[index + 1 :])",
        "product(flow, *factors[:place])",
        ("test_cells.py::test_gradients_agree_with_central_differences",),
    ),
    Fault(
        "the adjoint of parts of a stack",
        "start += part.shape[0] if part.shape else 1",
        "start += 0",
        ("test_cells.py::test_gradients_agree_with_central_differences",),
    ),
    Fault(
        "the order of components beside row vectors", "return column * shape[0] + row", "return component", ("test_vectors.py",)
    ),
    # --------------------------------------------------------------------------------- losses
    Fault("the loss of a target 0", "Neg(Apply(ln, 1 - y))", "Neg(Apply(ln, y))", ("test_vectors.py::test_losses_over_time",)),
    Fault(
        "the long way back from a binary cross-entropy",
        "(y - target) / (y * (1 - y))",
        "(y - target) / (y * (1 + y))",
        ("test_vectors.py::test_losses_of_deep_networks",),
    ),
    Fault(
        "sums for means, of terms",
        'symbol) if how == "mean" else None',
        'symbol) if how == "sum" else None',
        ("test_vectors.py::test_batches",),
    ),
    Fault(
        "sums for means, over units",
        'loss.over_units == "mean" and shape',
        'loss.over_units == "sum" and shape',
        ("test_torch.py::test_recurrent_networks_and_losses",),
    ),
    Fault(
        "the first class is counted from 0",
        "if [numbers[index] for index in classes] == [1]:\n        return Neg(Apply(ln, Entry(y, classes[0])))",
        "if [numbers[index] for index in classes] == [1]:\n        return Neg(Apply(ln, Entry(y, classes[0] - 1)))",
        ("test_vectors.py::test_a_class_is_a_target",),
    ),
    # ---------------------------------------------------------------------------------- cells
    Fault(
        "LSTM: the gates are exchanged",
        'value["f"] * c + value["i"] * value["g"]',
        'value["i"] * c + value["f"] * value["g"]',
        ("test_onnx.py::test_lstm",),
    ),
    Fault(
        "LSTM: the peephole of o looks at the cell before",
        'o = gate("o", c) if',
        'o = gate("o", state[1]) if',
        ("test_onnx.py::test_lstm",),
    ),
    Fault(
        "GRU: keeps and renews exchanged",
        '(1 - z) * n + z * h if self.keeps == "z"',
        '(1 - z) * h + z * n if self.keeps == "z"',
        ("test_onnx.py::test_gru",),
    ),
    Fault(
        "GRU: the reset stands behind the bias",
        'r * let("a_hn", p.W_hn @ h + p.b_hn)',
        '(r * let("a_hn", p.W_hn @ h) + p.b_hn)',
        ("test_onnx.py::test_gru",),
    ),
    Fault(
        "readers of both directions begin alike",
        "(self.steps or 0) + 1 if layer_word(layer)",
        "0 if layer_word(layer)",
        ("test_torch.py::test_layers_directions_and_batches",),
    ),
    # ---------------------------------------------------------------------------- arithmetics
    Fault(
        "softplus of large numbers",
        "math=lambda z: max(z, 0.0) + math.log1p(math.exp(-abs(z)))",
        "math=lambda z: max(z, 0.0) + math.log1p(math.exp(-z))",
        ("test_functions.py", "test_evaluate.py", "test_precision.py"),
    ),
    Fault(
        "a tie behind a division is not seen",
        "if count == self._counts[-1]:  # a tie",
        "if count == 0:  # a tie",
        ("test_precision.py::test_a_division_spoils_no_tie",),
    ),
    Fault(
        "half to even",
        "value.quantize(quantum, ROUND_HALF_UP, WORKING)",
        'value.quantize(quantum, "ROUND_HALF_EVEN", WORKING)',
        ("test_precision.py", "test_law.py"),
    ),
    Fault(
        "minus zero",
        "value.quantize(quantum, ROUND_HALF_UP, WORKING) or zero",
        "value.quantize(quantum, ROUND_HALF_UP, WORKING)",
        ("test_evaluate.py", "test_law.py"),
    ),
    Fault(
        "gradients keep the decimals of other lines",
        "own.get(GRADIENTS, self.places) if name.of == LOSS else self.places",
        "self.places",
        ("test_places_of.py",),
    ),
    Fault(
        "marking takes the decimals of most lines for those of all",
        "problem.rounding.places if precision.significant else precision.digits for",
        "problem.rounding.places for",
        ("test_places_of.py",),
    ),
    Fault(
        "functions of doubles are taken for exact",
        "error = RELATIVE_ERROR * abs(value) + absolute",
        "error = 0.0",
        ("test_precision.py",),
    ),
    Fault(
        "the proof agrees with everything",
        'TOLERANCE = Decimal("1e-20")',
        'TOLERANCE = Decimal("1e20")',
        ("test_cli.py::test_prove_notices_a_wrong_rule",),
    ),
    # ----------------------------------------------------------------------- updates, iterations
    Fault(
        "replayed iterations keep the old power of β",
        "rule, arguments = rule_of(make(iteration))",
        "rule, arguments = rule_of(make(4))",
        ("test_training.py::test_replayed_iterations_are_those_that_are_written_anew",),
    ),
    Fault(
        "a schedule is one iteration early",
        "exponent = (k - 1) // options.every",
        "exponent = k // options.every",
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "Nesterov without β",
        "turn.rate * (turn.gradient + beta * v)",
        "turn.rate * (turn.gradient + v)",
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "Adam without the power of β",
        "mean / (1 - powered(beta_1, k))",
        "mean / (1 - powered(beta_1, 1))",
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "Adadelta without its changes",
        'beta * turn.last("u") + (1 - beta) * delta**2',
        'beta * turn.last("u") + (1 - beta) * delta',
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "AMSGrad takes the smaller",
        'Extreme("max", (turn.before["vmax"], v))',
        'Extreme("min", (turn.before["vmax"], v))',
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "Adamax adds",
        'Extreme("max", (beta_2 * turn.last("u"), size))',
        'beta_2 * turn.last("u") + size',
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "Nadam with the same momentum twice",
        "after * m / (1 - product * after)",
        "mu * m / (1 - product * mu)",
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "a given state counts anew",
        "self.ageing[line.number] = line.number, lambda iteration: make(iteration + done)",
        "self.ageing[line.number] = line.number, make",
        ("test_training.py::test_replayed_iterations_are_those_that_are_written_anew",),
    ),
    Fault(
        "who looks ahead looks back",
        "return parameter - beta * velocity",
        "return parameter + beta * velocity",
        ("test_training.py::test_who_looks_ahead_takes_the_gradient_there",),
    ),
    Fault(
        "the divergence turned round",
        "Entry(target, place) * Apply(ln, Entry(target, place) / Entry(y, place))",
        "Entry(y, place) * Apply(ln, Entry(y, place) / Entry(target, place))",
        ("test_torch.py::test_recurrent_networks_and_losses",),
    ),
    Fault(
        "AdaGrad adds gradients",
        "before + turn.squared",
        "before + turn.gradient",
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "RMSProp centred the wrong way", "spread - m**2", "spread + m**2", ("test_training.py::test_rules_are_those_of_pytorch",)
    ),
    Fault(
        "decoupled decay without the learning rate",
        'p - turn.rate * turn.numbers["lambda"] * p',
        'p - turn.numbers["lambda"] * p',
        ("test_training.py::test_rules_are_those_of_pytorch",),
    ),
    Fault(
        "clipping to the smaller norm",
        'let(name, bound / Extreme("max", (norm, bound)))',
        'let(name, bound / Extreme("min", (norm, bound)))',
        ("test_training.py::test_clipping_gives_the_published_numbers",),
    ),
    Fault(
        "windows are one step longer",
        "range(length, last, length)",
        "range(length + 1, last, length)",
        ("test_training.py::test_truncated_gradients_are_those_of_a_detached_state",),
    ),
    Fault(
        "the next sample has its turn",
        "(iteration - 1) % self.options.online + 1",
        "iteration % self.options.online + 1",
        ("test_training.py::test_online_updates_after_every_sample",),
    ),
    Fault(
        "the product of factors forgets the one before",
        "(product_so_far, factor), Role.FACTOR",
        "(factor, factor), Role.FACTOR",
        ("test_backward.py::test_products_of_factors_are_derivatives_of_the_last_state",),
    ),
    # -------------------------------------------------------------------------------- problems
    Fault(
        "fractions upside down",
        "Number(Fraction(int(match[1]), int(match[2]))",
        "Number(Fraction(int(match[2]), int(match[1]))",
        ("test_problem.py",),
    ),
    Fault("names are not read back", "{new: old for old, new in self.renamed.items()}", "{}", ("test_vocabulary.py",)),
    Fault(
        "a name loses its sample", 'sample=int(match["sample"]) if match["sample"] else None', "sample=None", ("test_names.py",)
    ),
    Fault("the gates of Keras in the order of PyTorch", '"gru": "zrn"}', '"gru": "rzn"}', ("test_weights.py",)),
    # ------------------------------------------------------------------- lines, sheets, sentences
    Fault(
        "a name in code twice",
        "while wanted in self._taken:",
        "while False:",
        ("test_code.py::test_names_that_are_words_of_python_get_an_underline",),
    ),
    Fault(
        "the table over time shows the next step",
        "self._value_or_none(gradient(name._replace(time=time)))",
        "self._value_or_none(gradient(name._replace(time=time + 1)))",
        ("test_over_time.py",),
    ),
    Fault(
        "a ledger shows the next step",
        "_cell(desk, _moved(name, time - now), positions)",
        "_cell(desk, _moved(name, time - now + 1), positions)",
        ("test_law.py::test_the_ledger_of_an_example_shows_the_values_of_its_lines",),
    ),
    Fault(
        "the smaller part decides the sign",
        "if carried > direct:",
        "if carried < direct:",
        ("test_sentences.py",),
    ),
    Fault(
        "the general formula says sum for mean",
        'Symbol(count) if how == "mean" else None',
        'Symbol(count) if how == "sum" else None',
        ("test_sentences.py::test_a_general_formula_gives_every_line_of_its_kind",),
    ),
    Fault(
        "the footer names the nearest line",
        "worst = max(far, key",
        "worst = min(lines, key",
        ("test_law.py::test_the_footer_of_an_example_names_the_line_that_is_furthest_away",),
    ),
    # --------------------------------------------------------------------------------- marking
    Fault("a comma and a power of ten", "max(len(part) - exponent, 0)", "max(len(part) + exponent, 0)", ("test_scanner.py",)),
    Fault(
        "the last fault for the first",
        "min(places, key=lambda place: place[0])[1]",
        "max(places, key=lambda place: place[0])[1]",
        ("test_check.py",),
    ),
    Fault(
        "two significant figures are enough",
        "LEAST_FIGURES = 3\n",
        "LEAST_FIGURES = 2\n",
        ("test_worksheet.py::test_the_digits_asked_for_stand_beside_each_box",),
    ),
    Fault(
        "the tolerance of what follows",
        "MARGIN = 1.05\n",
        "MARGIN = 0.95\n",
        ("test_fairness.py::test_the_edge_of_what_rounding_can_do",),
    ),
    Fault(
        "the tolerance of an answer",
        "HALF = 0.51\n",
        "HALF = 0.6\n",
        ("test_fairness.py::test_the_edge_of_what_rounding_can_do",),
    ),
    Fault(
        "a class is marked more kindly than a sheet",
        "correct[column_number] = is_rounded(apart, quantum)",
        "correct[column_number] = is_rounded(apart, 1.2 * quantum)",
        ("test_fairness.py::test_a_class_is_marked_as_each_sheet_of_it",),
    ),
    Fault(
        "a misconception that nobody has",
        "yield formula.argument",
        "yield Neg(formula.argument)",
        (
            "test_check.py::test_a_forgotten_activation_is_the_number_before_it",
            "test_fairness.py::test_a_wrong_sum_is_no_slip_for_what_was_made_of_it",
        ),
    ),
    # -------------------------------------------------------------------------------- handouts
    Fault(
        "a worksheet gives results away",
        "left_out = _given_away(key, asked)",
        "left_out = set[int]()",
        ("test_worksheet.py::test_what_follows_from_a_blank_is_not_shown",),
    ),
    Fault("variants near a tie", "TIE = 0.02", "TIE = 0.002", ("test_vary.py::test_every_variant_keeps_every_condition",)),
    Fault(
        "variants are drawn unfairly",
        "tuple(_WORD - _WORD % bound for bound in bounds)",
        "tuple(_WORD for bound in bounds)",
        ("test_vary.py::test_draws_below_a_large_bound_are_even",),
    ),
    Fault("softplus of variants", "numpy.maximum(z, 0) + numpy.log1p", "numpy.log1p", ("test_functions.py",)),
    # ----------------------------------------------------------------------------------- media
    Fault(
        "LaTeX: a per cent sign", '"%": r"\\%"', '"%": "%"', ("test_media.py::test_a_title_in_latex_has_no_command_of_its_own",)
    ),
    Fault(
        "HTML: tags of strangers",
        'return escape(text, quote=True).replace("\\n", "<br>")',
        'return text.replace("\\n", "<br>")',
        ("test_marked.py::test_an_answer_in_html_is_only_text",),
    ),
    Fault(
        "HTML: a component leads to the line of its matrix",
        "for number in (part.at, part.whole) if number in lines",
        "for number in (part.whole, part.at) if number in lines",
        ("test_html.py::test_a_number_in_uses_leads_to_its_line",),
    ),
    Fault(
        "MathML: a quotient upside down",
        'over="<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>"',
        'over="<mfrac><mrow>{1}</mrow><mrow>{0}</mrow></mfrac>"',
        ("test_law.py::test_every_example_recomputes_in_every_medium",),
    ),
    Fault(
        "a page: results are cut off",
        "const q = (2n * size(n) + d) / (2n * d);",
        "const q = size(n) / d;",
        ("test_page_calculation.py::test_every_line_has_the_digits_of_python",),
    ),
    Fault(
        "a page: a rule with the wrong sign",
        'minus=Form("k.sub({}, {})")',
        'minus=Form("k.add({}, {})")',
        ("test_page_calculation.py::test_every_line_has_the_digits_of_python",),
    ),
    Fault(
        "a page: no tolerance for rounding on the way",
        "const radius = half_ + MARGIN * world.spread(place);",
        "const radius = half_;",
        ("test_page_calculation.py::test_verdicts_are_those_of_check",),
    ),
    Fault(
        "a page: a sentence forgets what it asked",
        'self.watch.note(name.strip("_"), self.way, way_of(other), bool(result))',
        "pass",
        ("test_page.py::test_after_a_change_nothing_on_the_page_is_old",),
    ),
    Fault(
        "Markdown: bars of strangers",
        "[\\\\`*_{}\\[\\]<>#|$~&]",
        "[\\\\`*_{}\\[\\]<>#$~&]",
        (
            "test_media.py::test_a_title_in_markdown_is_only_text",
            "test_marked.py::test_rows_of_markdown_tables_have_as_many_bars_as_their_heads",
        ),
    ),
    Fault("JSON: the first entries twice", 'separator = ",\\n    "\n    tables', 'separator = ""\n    tables', ("test_json.py",)),
    # ------------------------------------------------------------ workbooks, platforms
    Fault(
        "a spreadsheet squares a negative number without its sign",
        'negative=Form("(0-{})", (PRODUCT,), ATOM)',
        'negative=Form("-{}", (PRODUCT,), ATOM)',
        ("test_workbook.py::test_every_example_recalculates_to_its_sheet",),
    ),
    Fault(
        "a workbook refers to the wrong tab",
        'return cell if "!" in cell or self.on == LINES else f"{self.reference(LINES)}!{cell}"',
        "return cell",
        ("test_workbook.py::test_every_example_recalculates_to_its_sheet",),
    ),
    Fault(
        "a workbook forgets that a number before was wrong",
        'IF(ISBLANK({answer}),{self.unsound_sources(position)},IF({verdict}="{self.verdicts.right}",0,1))',
        'IF(ISBLANK({answer}),0,IF({verdict}="{self.verdicts.right}",0,0))',
        ("test_workbook.py::test_one_slip_is_one_line_to_look_at_again",),
    ),
    Fault(
        "a worksheet's workbook calculates what is asked for",
        "other = self.at(COLUMNS.follows, position) if self.marked_by_key else '\"\"'",
        "other = self.rule(position, self.used)",
        ("test_workbook.py::test_no_result_of_a_blank_is_in_a_worksheet",),
    ),
    Fault(
        "Moodle: words become an embedded answer",
        '.replace("{", "&#123;").replace("}", "&#125;")',
        "",
        ("test_moodle.py::test_words_of_braces_are_no_box",),
    ),
    Fault(
        "Moodle: a mistake may be right",
        "abs(value - good.value) <= APART * good.tolerance + tolerance",
        "abs(value - good.value) <= 0",
        ("test_moodle.py::test_variants_have_no_fault_against_the_grammar",),
    ),
    Fault(
        "Canvas: more decimals than it keeps",
        "return max(self.key.places[position] - KEPT, 0)",
        "return 0",
        ("test_moodle.py::test_canvas_holds_every_answer",),
    ),
    Fault(
        "QTI: version 2 says something else",
        'ratio=operation("divide"),',
        'ratio=operation("divide") if prefix else operation("product"),',
        ("test_qti.py::test_versions_say_the_same",),
    ),
    Fault(
        "LaTeX may run programs",
        '_SAFE = ["-no-shell-escape", ',
        "_SAFE = [",
        ("test_pdf.py::test_an_engine_is_told_to_be_careful",),
    ),
    # ------------------------------------------------------------ other roads to a gradient, and what is asked for beside it
    Fault(
        "paths: only the longest",
        "for end in reversed(ends):\n            for path",
        "for end in ends[:1]:\n            for path",
        ("test_paths.py",),
    ),
    Fault(
        "paths: the weight of a loss forgotten",
        "self._let(via, product(weight, column), use)",
        "self._let(via, column, use)",
        ("test_paths.py::test_all_paths_together_are_the_gradient",),
    ),
    Fault(
        "paths: across a border",
        "if argument not in self.moving or self._cut(user, argument):",
        "if argument not in self.moving:",
        ("test_paths.py::test_a_truncated_pass_has_the_paths_that_it_follows",),
    ),
    Fault(
        "forward mode: a slope taken at the wrong argument",
        "yield used, renumbered(back.rule.formula, filled)",
        "yield used, renumbered(back.rule.formula, filled[::-1])",
        ("test_forward_mode.py",),
    ),
    Fault(
        "gradient check: the same side twice",
        "enumerate((Var(moved_by), -Var(moved_by)))",
        "enumerate((Var(moved_by), Var(moved_by)))",
        ("test_gradient_check.py::test_the_quotient_is_near_the_gradient",),
    ),
    Fault(
        "overlapping windows: a loss in two passes",
        "if not before < (steps[p].target.time or 0) <= end",
        "if not (steps[p].target.time or 0) <= end",
        ("test_overlapping_windows.py",),
    ),
    Fault(
        "overlapping windows: one step too far back",
        "of, cut = Name(LOSS_OF_WINDOW, time=end), {end - back}",
        "of, cut = Name(LOSS_OF_WINDOW, time=end), {end - back - 1}",
        ("test_overlapping_windows.py",),
    ),
    Fault("dropout: not scaled", "Const(1 / (1 - network.dropout))", "Const(Fraction(1))", ("test_dropout.py",)),
    Fault(
        "flow of matrices: other units move along",
        "others = held.union(states[before]) - {column}",
        "others = held",
        ("test_matrix_flow.py::test_an_entry_is_a_central_difference",),
    ),
    Fault(
        "a spectral norm: the smallest for the largest",
        "largest = max(MP.svd_r",
        "largest = min(MP.svd_r",
        ("test_matrix_flow.py::test_a_norm_is_that_of_the_printed_matrix",),
    ),
    Fault(
        "a proof line by line: further terms of a sum forgotten",
        "[found[-1]] * (len(others) - 1) if others else []",
        "[mpmath.mpf(0)] * (len(others) - 1) if others else []",
        ("test_forward_mode.py::test_a_loss_that_is_too_long_to_compose_is_differentiated_line_by_line",),
    ),
)


def place_of(fault: Fault, package: Path) -> Path:
    """The one file of the package with the text of a fault in it, once."""
    files = (path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".js"))
    found = [path for path in files if fault.right in path.read_text("utf-8")]
    if len(found) != 1 or found[0].read_text("utf-8").count(fault.right) != 1:
        where = ", ".join(str(path.relative_to(package)) for path in found) or "no file"
        raise SystemExit(f"{fault.what}: {fault.right!r} should stand in one place of the package, and stands in {where}")
    return found[0]


def noticed(fault: Fault) -> tuple[bool, str]:
    """Whether a test fails where the fault is, and the last line of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("bptt_trace", "templates", "examples", "tests", "docs"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
            shutil.copy(ROOT / name, copy)
        path = place_of(fault, copy / "bptt_trace")
        path.write_text(path.read_text("utf-8").replace(fault.right, fault.wrong), "utf-8")
        tests = [f"tests/{test}" for test in fault.tests if (copy / "tests" / test.partition("::")[0]).exists()]
        others = [f"--ignore=tests/{name}" for name in COMPARED_WITH_FILES]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *others, *tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    last = (run.stdout.strip() or run.stderr.strip() or "nothing").splitlines()[-1]
    return run.returncode == 1, last


def main(arguments: Sequence[str] | None = None) -> int:
    """Put the faults in and say which were noticed; the status is 1 where one was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="faults with one of these words in them; all without")
    parser.add_argument("--list", action="store_true", help="say what they are, and where")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="how many at the same time")
    told = parser.parse_args(arguments)
    faults = [one for one in FAULTS if not told.words or any(word.lower() in one.what.lower() for word in told.words)]
    for fault in faults:
        path = place_of(fault, ROOT / "bptt_trace")
        if told.list:
            print(f"{path.relative_to(ROOT)}: {fault.what}")
    if told.list:
        return 0
    missed = 0
    with ThreadPoolExecutor(told.jobs) as pool:
        for fault, (seen, last) in zip(faults, pool.map(noticed, faults), strict=True):
            missed += not seen
            print(f"{'noticed' if seen else 'MISSED '}  {fault.what}  ({last})", flush=True)
    print(f"{len(faults) - missed} of {len(faults)} faults are noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
