"""Computations that several scorers share: once per bank, in blocks, with bounded memory."""
