"""Options of the verbs that run plugins. Apart from the others, which import the workspace."""

from __future__ import annotations

import click

from mood_sweeps.plugins.scorer_runner import LIMIT_S

__all__ = ["debugger", "plugin_timeout"]

plugin_timeout = click.option(
    "--plugin-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=LIMIT_S,
    show_default=True,
    metavar="SECONDS",
    help="A plugin's scorer that takes longer, to fit or to score one set, counts as hung.",
)

debugger = click.option(
    "--pdb",
    "debug",
    is_flag=True,
    help="Run plugins in this very process, so that breakpoint() works, and open a debugger where "
    "a scorer or a stage raises; a launch is then inline. What a plugin changes may then change "
    "other numbers.",
)
