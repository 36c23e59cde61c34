"""Worksheets, answer keys and variants."""
