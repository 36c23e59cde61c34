"""The problem file, read and checked."""
