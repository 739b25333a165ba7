"""Where the log of an attempt is; NULL of attempts that were made before there were logs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("log", sa.Text))
