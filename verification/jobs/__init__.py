"""Applications: real work through the hardware, and what comes of it."""
