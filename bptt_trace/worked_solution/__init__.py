"""What a worked solution says, section by section."""
