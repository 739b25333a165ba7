"""Tokenizers: networks from the patches of an image to visual tokens, trained or from a file."""
