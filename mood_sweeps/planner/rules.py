"""Which cells cannot exist, and which ones the user excluded; every removal is counted by rule."""

from __future__ import annotations

from mood_sweeps.choice import Choice

__all__ = ["pretext_refuses", "scorer_refuses"]


def pretext_refuses(pretext: Choice, backbone: Choice) -> str | None:
    """Return the rule by which this pretext task cannot train this backbone, or None."""
    families = pretext.parameters.families
    if backbone.parameters.family in families:
        return None
    return (
        f"{pretext.name} trains {' or '.join(families)} backbones only, "
        f"{backbone.name} is a {backbone.parameters.family}"
    )


def scorer_refuses(scorer: Choice, has_head: bool) -> str | None:
    """Return the rule by which this scorer cannot score such a representation, or None."""
    if has_head or not scorer.parameters.needs_head:
        return None
    return f"{scorer.name} needs a head, the representation is headless"
