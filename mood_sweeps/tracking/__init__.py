"""MLflow as a view of the results: written from the outbox, never read as a source of results."""
