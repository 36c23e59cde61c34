"""Worked examples of backpropagation through time, with the numbers in."""

__version__ = "0.1.0"
