"""Tokenizers: what turns the patches of an image into visual tokens, trained or from a file."""
