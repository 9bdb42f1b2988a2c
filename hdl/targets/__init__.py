"""What an FPGA family has that others lack."""
