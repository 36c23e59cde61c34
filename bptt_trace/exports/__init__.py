"""Where sheets go besides paper and the terminal: workbooks, learning platforms, autograders, notebooks, slides, live pages."""
