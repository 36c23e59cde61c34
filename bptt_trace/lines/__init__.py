"""The spelling of lines: names, numbers, matrices, rows."""
