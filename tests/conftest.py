"""Puts this folder on the import path, so that `spine_cases` is there for every test."""
