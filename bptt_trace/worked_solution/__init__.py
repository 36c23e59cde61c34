"""The text of a worked solution, section by section."""
