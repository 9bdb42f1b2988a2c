"""What every command of the project shares."""
