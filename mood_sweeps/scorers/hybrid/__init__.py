"""Scores of features and the head together."""
