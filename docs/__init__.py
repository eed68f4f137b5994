"""The documentation, and the code that keeps parts of it equal to the program."""
