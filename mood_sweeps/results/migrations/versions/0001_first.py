"""The first tables and views.

A migration is history: it must not follow later edits of the schema module. As long as this is
the only one, it creates what the schema says; the next migration freezes these tables here.
"""

from alembic import op

from mood_sweeps.results.schema import METADATA, VIEWS

revision = "0001"
down_revision = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
