"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mood_sweeps.workspace import Workspace

__all__ = ["data_roots", "overrides", "sweep_file", "workspace"]

Verb = TypeVar("Verb", bound=Callable[..., Any])

sweep_file = click.argument("file", type=click.Path(), metavar="FILE.yaml")

overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the file, e.g. --set axes.seed=[0,1,2]. Can be repeated.",
)

data_roots = click.option(
    "--data-root",
    "data_roots",
    multiple=True,
    type=click.Path(),
    metavar="FOLDER",
    help="Where relative paths under 'data:' are looked for, before $MOOD_DATA. Can be repeated.",
)


def workspace(verb: Verb) -> Verb:
    """Add the options that say where things lie; the verb gets one `Workspace`."""

    def with_workspace(
        home: str | None, store: str | None, database: str | None, mlflow: str | None, **rest: Any
    ) -> Any:
        place = Workspace.at(home, store=store, database=database, mlflow=mlflow)
        return verb(workspace=place, **rest)

    with_workspace.__doc__ = verb.__doc__
    with_workspace.__name__ = verb.__name__
    with_workspace.__click_params__ = getattr(verb, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--mlflow", metavar="URI", help="MLflow tracking URI ($MOOD_MLFLOW)."),
        click.option("--database", metavar="URL", help="Results database ($MOOD_DATABASE)."),
        click.option("--store", metavar="FOLDER", help="Artifact store ($MOOD_STORE)."),
        click.option(
            "--home",
            metavar="FOLDER",
            help="Where all of these lie by default ($MOOD_HOME, .mood).",
        ),
    ):
        with_workspace = option(with_workspace)
    return with_workspace  # type: ignore[return-value]
