"""The parts of a sheet: sections, rows, formulas, pictures. This package knows nothing of networks."""
