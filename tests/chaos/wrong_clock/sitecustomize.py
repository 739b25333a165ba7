"""Python runs this before anything else where this folder is on its path: its clock is wrong."""

from __future__ import annotations

import os

from clock import set_wrong

set_wrong(float(os.environ["WRONG_CLOCK_S"]))
