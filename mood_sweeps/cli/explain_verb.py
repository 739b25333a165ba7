"""mood-sweep explain: why a cell is cached or will run."""

from __future__ import annotations

import click

from mood_sweeps.api import plan, results_if_any
from mood_sweeps.cli.options import data_roots, overrides, workspace
from mood_sweeps.cli.read_with_progress import sweep_from
from mood_sweeps.cli.recorded_experiments import recorded_cell, require_file
from mood_sweeps.launching.explain import explain, find_cell
from mood_sweeps.workspace import Workspace

__all__ = ["command"]


@click.command("explain")
@click.argument("cell")
@click.option(
    "--file",
    type=click.Path(),
    help="The experiment file; default: the last launched revision that has such a cell.",
)
@overrides
@data_roots
@workspace
def command(
    cell: str,
    file: str | None,
    overrides: tuple[str, ...],
    data_roots: tuple[str, ...],
    workspace: Workspace,
) -> None:
    """Say for each stage behind CELL whether it is cached or will run, and why.

    CELL is the beginning of a cell key, or axis values separated by commas, such as
    mim,vit_nano,pt,knn,digits:6-9,0
    """
    require_file(file, overrides)
    results = results_if_any(workspace)
    if file:
        found = find_cell(plan(sweep_from(file, overrides, data_roots)), cell)
    else:
        found = recorded_cell(results, cell, workspace, data_roots)
    click.echo(f"cell {found.cell_key[:12]}: {found.label}")
    for stage in explain(found, results, workspace.open_store()):
        click.echo(f"  {stage.state:<11}{stage.kind:<10}{stage.key[:12]}  {stage.label}")
        for line in stage.why:
            click.echo(f"  {'':<21}{line}")
