"""What the shell of a machine and its engine tell each other."""
