"""Files of arrays, a reader for each format. Nothing that is read can run code."""
