"""The mistakes that people make, each as a change of a program.

A misconception looks at a line, told by its role, its name and what it flows
through, and says by which formula a person with this mistake would calculate
it. What follows from there follows by itself.
"""

# Each file enters its mistakes into the catalogue when it is imported: first those of any network.
# isort: off
from bptt_trace.marking.catalogue import forward_pass as forward_pass
from bptt_trace.marking.catalogue import loss as loss
from bptt_trace.marking.catalogue import backward_pass as backward_pass
from bptt_trace.marking.catalogue import dropout as dropout
from bptt_trace.marking.catalogue import gates as gates
from bptt_trace.marking.catalogue import sequences as sequences
from bptt_trace.marking.catalogue import other_roads as other_roads
from bptt_trace.marking.catalogue import letters_and_attention as letters_and_attention
from bptt_trace.marking.catalogue import perceptron as perceptron
from bptt_trace.marking.catalogue import updates as updates
from bptt_trace.marking.catalogue import decay_and_clipping as decay_and_clipping

# isort: on
from bptt_trace.marking.catalogue.entry import CATALOGUE as CATALOGUE
from bptt_trace.marking.catalogue.entry import Case as Case
from bptt_trace.marking.catalogue.entry import Misconception as Misconception
