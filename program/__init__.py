"""What software decides: descriptors, where matrices lie, blocks and orders, programs.

Free of Amaranth.
"""
