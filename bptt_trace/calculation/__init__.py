"""From a problem to numbers: its program, the arithmetics, the proof, SymPy."""
