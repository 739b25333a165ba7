"""MLflow as a view of the results: mirrored from the outbox, never asked for anything."""
