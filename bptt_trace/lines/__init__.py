"""How a line reads: names, numbers, matrices, rows."""
