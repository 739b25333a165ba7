"""Which versions of the metrics a number has; metric columns and views follow the registry."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("results", "results_all"):
        op.execute(f"DROP VIEW {name}")
    op.add_column("evaluations", sa.Column("metrics_digest", sa.String(16)))
    op.add_column("evaluations", sa.Column("metrics_state", sa.String(40)))
    op.create_table(
        "schema_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(16), nullable=False),
    )
