"""What a sheet is: sections, rows, formulas, pictures. Knows nothing of networks."""
