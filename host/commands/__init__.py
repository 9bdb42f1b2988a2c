"""What a board on a serial port can be asked for: a module for each command."""
