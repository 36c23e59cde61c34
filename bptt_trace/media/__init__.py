"""Sheets in every medium. Nothing here knows a formula or a number."""
