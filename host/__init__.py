"""What software needs to drive a machine."""
