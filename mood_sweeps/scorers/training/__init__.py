"""Scores that belong to a way of training: they say most of networks that were trained so."""
