"""From the frames of the results database to tables, figures and a report.

Frame → frame → rendering: nothing here reads a store or a database, or computes a score again.
"""
