"""Exports of sheets: workbooks, learning platforms, autograders, notebooks, slides, pages that calculate."""
