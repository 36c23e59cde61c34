"""``python -m bptt_trace``."""

from bptt_trace.commands import main

main()
