"""A network as boxes and arrows, with the values of its lines."""
