"""Pictures as text, SVG and TikZ."""
