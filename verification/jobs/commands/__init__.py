"""Options of the commands that run hardware and models, a module for each."""
