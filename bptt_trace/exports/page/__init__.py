"""A page that calculates: every given number is an input, and every line of the sheet follows."""
