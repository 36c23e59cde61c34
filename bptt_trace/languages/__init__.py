"""The sentences of sheets in other languages: a gettext catalogue for each."""
