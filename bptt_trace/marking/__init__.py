"""Marking: one answer sheet, a whole class."""
