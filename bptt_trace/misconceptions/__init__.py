"""The mistakes that people make, each as a change of a program.

A misconception looks at a line, told by its role, its name and what it flows
through, and says by which formula a person with this mistake would calculate
it. What follows from there follows by itself.
"""

# Each file enters its mistakes into the catalogue when it is imported: first those of any network.
from bptt_trace.misconceptions import basics as basics
from bptt_trace.misconceptions import cells as cells
from bptt_trace.misconceptions import training as training
from bptt_trace.misconceptions.catalogue import CATALOGUE as CATALOGUE
from bptt_trace.misconceptions.catalogue import Case as Case
from bptt_trace.misconceptions.catalogue import Misconception as Misconception
