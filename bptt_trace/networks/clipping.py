"""Clipping: bounds the size of gradients before any parameter is changed.

With c the bound and ‖g‖ the root of the sum of all squares, ``norm`` and
``parameter`` give g · c / max(‖g‖, c): this is g if ‖g‖ ≤ c, otherwise g scaled
down to the norm c. Sources: Pascanu, Mikolov and Bengio (2013), algorithm 1;
``tf.clip_by_global_norm`` (in PyTorch, ``torch.nn.utils.clip_grad_norm_`` adds
10⁻⁶ to the norm). ``value`` gives max(−c, min(c, g)), number by number.
"""

from __future__ import annotations

from collections.abc import Mapping

from bptt_trace.engine.formula import Apply, Extreme, Formula, Neg, Total, Var
from bptt_trace.engine.functions import sqrt
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.networks.optimizers import of_parameter, square


def clip(builder: Builder, how: str, bound: Var, gradients: Mapping[Name, Var], iteration: int) -> dict[Name, Var]:
    """Write the lines of the clipped gradients; return these by parameter.

    ``how`` is ``norm``, ``parameter`` or ``value``; ``iteration`` numbers the lines.
    """

    def let(name: Name, formula: Formula, gradient: Var | None = None) -> Var:
        return builder.let(name, formula, Role.STATE, None if gradient is None else gradient.number)

    def squares(name: Name, gradient: Var) -> Var:
        each = square(builder, gradient)
        return let(of_parameter("squares", name), Total(each) if each.shape else each, gradient)

    def scale(name: Name, norm: Var) -> Var:
        return let(name, bound / Extreme("max", (norm, bound)))

    if how == "value":
        return {
            name: let(of_parameter("clipped", name), Extreme("max", (Neg(bound), Extreme("min", (bound, g)))), g)
            for name, g in gradients.items()
        }
    if how == "parameter":
        factors = {}
        for name, g in gradients.items():
            norm = let(of_parameter("norm", name), Apply(sqrt, squares(name, g)), g)
            factors[name] = scale(of_parameter("scale", name), norm)
    else:
        terms = [squares(name, g) for name, g in gradients.items()]
        total: Formula = terms[0]
        for term in terms[1:]:
            total = total + term
        whole = let(Name("squares", iteration=iteration), total) if len(terms) > 1 else terms[0]
        norm = let(Name("norm", iteration=iteration), Apply(sqrt, whole))
        factors = dict.fromkeys(gradients, scale(Name("scale", iteration=iteration), norm))
    return {name: let(of_parameter("clipped", name), factors[name] * g, g) for name, g in gradients.items()}
