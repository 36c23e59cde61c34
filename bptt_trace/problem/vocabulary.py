"""The names that a lecturer uses: stems renamed for reading, the canonical names for keys.

``w_hh`` may be shown as ``U`` and ``h`` as ``s``. Problem files, JSON and the
library keep the canonical names; answers may be written in either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bptt_trace.engine.names import Name
from bptt_trace.networks.optimizers import STATES

PRESETS: dict[str, dict[str, str]] = {
    # Goodfellow, Bengio and Courville, Deep Learning (2016), eqs. 10.8 to 10.11
    "goodfellow": {"W_xh": "U", "W_hh": "W", "W_hy": "V", "b_h": "b", "b_y": "c", "z": "o", "y": "yhat"},
    # torch.nn.RNN and torch.nn.Linear, without the suffix of the layer
    "pytorch": {
        "W_xh": "weight_ih",
        "W_hh": "weight_hh",
        "b_h": "bias",
        "b_xh": "bias_ih",
        "b_hh": "bias_hh",
        "W_hy": "fc_weight",
        "b_y": "fc_bias",
        "y": "output",
        "eta": "lr",
    },
    # keras.layers.SimpleRNN and keras.layers.Dense
    "keras": {
        "W_xh": "kernel",
        "W_hh": "recurrent_kernel",
        "b_h": "bias",
        "W_hy": "dense_kernel",
        "b_y": "dense_bias",
        "y": "output",
    },
    # M. Mazur (2015), A Step by Step Backpropagation Example: net and out before and after each activation
    "mazur": {
        "x": "i",
        "W_xh": "w_ih",
        "W_hh": "w_hh",
        "b_h": "b_hidden",
        "a": "net_h",
        "h": "out_h",
        "W_hy": "w_ho",
        "b_y": "b_out",
        "z": "net_o",
        "y": "out_o",
        "L": "E",
    },
}
"""Names that well-known texts use, by canonical stem."""


@dataclass(frozen=True)
class Vocabulary:
    """The names of one problem's stems, for writing and reading."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """The lecturer's stem for a canonical one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_back", {new: old for old, new in self.renamed.items()})

    def shown(self, name: Name) -> Name:
        """The name as the lecturer writes it."""
        return self._moved(name, self.renamed) if self.renamed else name

    def canonical(self, name: Name) -> Name:
        """The canonical name behind one that is written in either vocabulary; the lecturer's goes first.

        What is printed as ``theta1`` may be written ``theta_1``, too.
        """
        return self._moved(name, self._back) if self.renamed else name  # type: ignore[attr-defined]

    def _moved(self, name: Name, stems: Mapping[str, str]) -> Name:
        stem, time = name.stem, name.time
        if time is not None and stem not in stems and stems is self._back and f"{stem}{time}" in stems:  # type: ignore[attr-defined]
            stem, time = f"{stem}{time}", None
        letter, _, below = stem.partition("_")
        own = f"{letter}_{stems[below]}" if letter in STATES and below in stems else stem
        return name._replace(
            stem=stems.get(stem, own),
            time=time,
            of=None if name.of is None else self._moved(name.of, stems),
            via=None if name.via is None else self._moved(name.via, stems),
        )


def preset(which: str, stems: Collection[str]) -> dict[str, str]:
    """The renamings of a preset for a problem that has these stems."""
    lower = {stem.lower(): stem for stem in stems}
    found = {lower[old.lower()]: new for old, new in PRESETS[which].items() if old.lower() in lower}
    return {old: new for old, new in found.items() if new not in stems or new in found}
