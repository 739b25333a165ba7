"""The key of an evaluation is called that; until here it was ``score_key``."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # The views are made anew after every migration.
    for name in ("results", "results_all"):
        op.execute(f"DROP VIEW IF EXISTS {name}")
    for table in ("cells", "evaluations", "confusions"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN score_key TO evaluation_key")
    op.drop_index("cells_by_score", "cells")
    op.create_index("cells_by_evaluation", "cells", ["evaluation_key"])
