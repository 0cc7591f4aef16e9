"""Figures: one file each, with `draw(panels)` and `describe(panels)` side by side.

A figure takes ledgers and gives back a matplotlib Figure; its words are made from the
same ledgers, so that they can be tested, and read by somebody who cannot see it.
"""
