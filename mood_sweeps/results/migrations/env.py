"""How alembic runs our migrations: on the connection that `results/migrate.py` hands over."""

from alembic import context

from mood_sweeps.results.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
