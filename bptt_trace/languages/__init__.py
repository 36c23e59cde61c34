"""What a sheet says in other languages: a catalogue of gettext for each."""
