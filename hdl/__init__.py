"""Hardware of Insitu, written in Amaranth. Imports nothing else of the project."""
