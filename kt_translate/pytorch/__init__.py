"""The vocabulary of the generated code."""
