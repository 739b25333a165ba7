"""Scorers from outside the package: read, described and run in processes of their own."""
