"""Scores made for networks that were trained in one particular way."""
