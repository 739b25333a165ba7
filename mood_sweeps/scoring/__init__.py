"""The one engine of scoring, for sweeps and for `mood-sweep score`: from banks, head and scorers to
numbers, notes and reasons. It knows no store, no plan and no files.

`inputs` says what is asked, `evaluate` does it, `requirements` says beforehand what cannot be done.
"""
