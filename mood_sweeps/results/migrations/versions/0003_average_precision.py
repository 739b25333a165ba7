"""Average precision beside the trapezoid; NULL of numbers that were made before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COLUMNS = """
    r.sweep, c.cell_key, c.pretext, c.backbone, c.finetune, c.scorer, c.id_set, c.ood_set,
    c.distance, c.seed,
    CASE WHEN e.score_key IS NULL THEN c.status ELSE 'done' END AS status,
    CASE WHEN e.score_key IS NULL THEN c.reason ELSE e.reason END AS reason,
    c.score_key, c.representation_key,
    e.auroc, e.auroc_low, e.auroc_high, e.fpr95, e.fpr95_ood_positive, e.aupr_in, e.aupr_out,
    e.ap_in, e.ap_out, e.detection_error, e.autc, e.oscr, e.ccr_at_fpr05,
    e.id_accuracy, e.id_accuracy_from, e.n_id, e.n_ood, e.note, e.seconds,
    m.run_id AS mlflow_run_id, e.created_at
"""
_JOINS = """
    FROM cells c
    JOIN revisions r ON r.id = c.revision
    LEFT JOIN evaluations e ON e.score_key = c.score_key
    LEFT JOIN mlflow_runs m ON m.sweep = r.sweep AND m.representation_key = c.representation_key
        AND m.id_set = c.id_set AND m.ood_set = c.ood_set
"""

VIEWS = {
    "results": f"""SELECT {_COLUMNS} {_JOINS}
    JOIN sweeps s ON s.name = r.sweep AND s.current_revision = r.id""",
    "results_all": f"""SELECT {_COLUMNS}, c.revision, r.digest AS revision_digest {_JOINS}""",
}


def upgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    for metric in ("ap_in", "ap_out"):
        op.add_column("evaluations", sa.Column(metric, sa.Float))
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
