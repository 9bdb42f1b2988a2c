"""Models in numpy: what the hardware must compute, and in how many cycles."""
