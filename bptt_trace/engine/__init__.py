"""Formulas, rules, programs and their gradients."""
