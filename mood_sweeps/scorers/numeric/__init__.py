"""Computations that several scorers share: once per bank, in blocks, in bounded memory."""
