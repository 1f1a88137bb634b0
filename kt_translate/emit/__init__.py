"""From classes to the text of a file."""
