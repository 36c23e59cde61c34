"""Arrays of a trained model as a problem file."""
