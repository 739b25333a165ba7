"""Scores of gradients: of the head in closed form, of the input through the network."""
