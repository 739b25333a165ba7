"""Plugins that misbehave, each in its own way, and what is to be said of each.

A plugin is the same small scorer with something at one of three places: at import, in ``fit``, or
in ``score``. What it returns is right unless the place says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MISBEHAVING", "Misbehaving", "sources"]

SOURCE = """\
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

IMPORTED


@dataclass(frozen=True)
class Mean:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def fit(self, bank, head):
        FITS
        return {"mean": bank.features.mean(axis=0)}

    def score(self, state, bank):
        SCORES
        return -((bank.features - state["mean"]) ** 2).sum(axis=1)


SCORERS = {"NAME": Mean}
"""


@dataclass(frozen=True)
class Misbehaving:
    """A plugin. says: part of the reason of its cells; None where it gives its number.

    imports, fits, scores: what stands there. needs: beside features.
    """

    says: str | None = None
    imports: str = ""
    fits: str = ""
    scores: str = ""
    needs: tuple[str, ...] = ()

    def source(self, name: str) -> str:
        """Return the file's text."""
        inside = {"FITS": self.fits, "SCORES": self.scores}
        text = SOURCE.replace("IMPORTED", self.imports).replace("NEEDS", repr(self.needs))
        for place, lines in inside.items():
            text = text.replace(place, (lines or "pass").replace("\n", "\n        "))
        return text.replace("NAME", name)


READ_ONLY = "read-only"
CRASH, NOT = "its process with", "score must return a NumPy array of 433 real numbers"
HUNG = "gave no result within 10 s in score of scorer"

MISBEHAVING = {
    # Arrays that every scorer reads.
    "features_in_place": Misbehaving(READ_ONLY, fits="x = bank.features\nx /= 2.0"),
    "labels_in_place": Misbehaving(READ_ONLY, fits="bank.labels[:] = 0", needs=("labels",)),
    "logits_in_place": Misbehaving(READ_ONLY, scores="bank.logits[:] = 0", needs=("logits",)),
    "head_in_place": Misbehaving(READ_ONLY, fits="head.weight[:] = 0", needs=("head",)),
    "state_in_place": Misbehaving(READ_ONLY, scores="state['mean'] += 1"),
    "made_writable": Misbehaving("WRITEABLE", fits="bank.features.flags.writeable = True"),
    # Global state.
    "torch_dtype": Misbehaving(imports="import torch\ntorch.set_default_dtype(torch.float64)"),
    "torch_gradients": Misbehaving(imports="import torch\ntorch.set_grad_enabled(False)"),
    "torch_precision": Misbehaving(
        imports="import torch\ntorch.set_float32_matmul_precision('medium')\n"
        "torch.use_deterministic_algorithms(False)\ntorch.backends.mkldnn.enabled = False"
    ),
    "torch_seed": Misbehaving(
        imports="import torch", fits="torch.manual_seed(1)\ntorch.set_num_threads(2)"
    ),
    "numpy_errors": Misbehaving(imports="np.seterr(all='raise')"),
    "numpy_seed": Misbehaving(fits="import random\nnp.random.seed(1)\nrandom.seed(1)"),
    "numpy_patched": Misbehaving(imports="np.linalg.eigh = np.linalg.svd = np.argsort = None"),
    "package_patched": Misbehaving(
        imports="import mood_sweeps.metrics as m\nm.auroc = m.detection_metrics = lambda *_: 0.5\n"
        "import mood_sweeps.identity as i\ni.key_of = lambda value: 'x'"
    ),
    "builtins_patched": Misbehaving(
        "ended its process", scores="import builtins\nbuiltins.len = None"
    ),
    "working_directory": Misbehaving(imports="os.chdir('/')"),
    "environment": Misbehaving(imports="os.environ.clear()"),
    "locale": Misbehaving(imports="import locale\nlocale.setlocale(locale.LC_ALL, 'C')"),
    "signals_ignored": Misbehaving(
        imports="signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    ),
    "warnings": Misbehaving(imports="import warnings\nwarnings.simplefilter('error')"),
    "streams_closed": Misbehaving(imports="sys.stdout.close()\nsys.stderr.close()"),
    # The end of its process.
    "leaves_with_0": Misbehaving("ended its process with exit code 0", scores="os._exit(0)"),
    "leaves_in_fit": Misbehaving("ended its process with exit code 3", fits="os._exit(3)"),
    "segfault": Misbehaving(
        "crashed its process with SIGSEGV", scores="import ctypes\nctypes.string_at(0)"
    ),
    "killed": Misbehaving(CRASH + " SIGKILL", scores="os.kill(os.getpid(), signal.SIGKILL)"),
    "aborts": Misbehaving(CRASH + " SIGABRT", fits="os.abort()"),
    "interrupt": Misbehaving("KeyboardInterrupt", scores="raise KeyboardInterrupt"),
    "base_exception": Misbehaving("Odd: 3", scores="class Odd(BaseException): pass\nraise Odd(3)"),
    "exits": Misbehaving("SystemExit: 0", fits="sys.exit(0)"),
    "leaves_later": Misbehaving(
        scores="threading.Timer(0.2, os._exit, (0,)).start()"  # while nothing is asked of it
    ),
    "child_outlives_it": Misbehaving(
        "ended its process with exit code 1",
        scores="if os.fork() == 0:\n    time.sleep(300)\nos._exit(1)",
    ),
    "recursion": Misbehaving("RecursionError", scores="f = lambda: f()\nf()"),
    "descriptors_closed": Misbehaving("its process", scores="os.closerange(3, 256)"),
    "pipe_written": Misbehaving(
        "wrote into the pipe of its answers",
        scores="for one in range(3, 64):\n    try:\n        os.write(one, b'{}\\n')\n"
        "    except OSError:\n        pass",
    ),
    # No end.
    "sleeps": Misbehaving(HUNG, scores="time.sleep(10_000)"),
    "sleeps_deaf": Misbehaving(
        HUNG,
        scores="for one in set(signal.valid_signals()) - {9, 19}:\n"
        "    signal.signal(one, signal.SIG_IGN)\nwhile True: pass",
    ),
    "stops": Misbehaving(HUNG, scores="os.kill(os.getpid(), signal.SIGSTOP)"),
    "answers_by_pipe": Misbehaving(
        "is no regular file", scores="np.save = lambda file, *_, **__: os.mkfifo(file)"
    ),
    "folder_replaced": Misbehaving(
        "Error",
        scores="import json, shutil\nat = os.path.dirname(json.loads(sys.argv[2])['faults'])\n"
        "shutil.rmtree(at)\nopen(at, 'w').close()",
    ),
    # What is printed and said.
    "prints_much": Misbehaving(
        scores="for _ in range(100): print('x' * 1_000_000)\nos.write(2, b'y' * 1_000_000)"
    ),
    "long_error": Misbehaving("ValueError: zzz", scores="raise ValueError('z' * 50_000_000)"),
    "no_message": Misbehaving(
        "its message cannot be shown",
        scores="class Mute(Exception):\n    def __str__(self): raise KeyError\nraise Mute",
    ),
    # What is returned.
    "complex": Misbehaving(NOT, scores="return np.zeros(len(bank), complex)"),
    "masked": Misbehaving(NOT, scores="return np.ma.zeros(len(bank))"),
    "text": Misbehaving(NOT, scores="return np.array(['1.0'] * len(bank))"),
    "datetime": Misbehaving(NOT, scores="return np.zeros(len(bank), 'M8[s]')"),
    "boolean": Misbehaving(NOT, scores="return np.zeros(len(bank), bool)"),
    "list": Misbehaving(NOT, scores="return [0.0] * len(bank)"),
    "objects": Misbehaving(NOT, scores="return np.zeros(len(bank), object)"),
    "matrix": Misbehaving(NOT, scores="return bank.features"),
    "too_few": Misbehaving(NOT, scores="return np.zeros(len(bank) - 1)"),
    "beyond_float": Misbehaving(NOT, scores="return np.arange(len(bank)) + 2**53"),
    "tensor": Misbehaving(NOT, imports="import torch", scores="return torch.zeros(len(bank))"),
    "nothing": Misbehaving(NOT, scores="return None"),
    "state_number": Misbehaving("fit must return a dict of names and arrays", fits="return 3.0"),
    "state_objects": Misbehaving("fit must return a dict", fits="return {'x': object()}"),
    "state_complex": Misbehaving("fit must return a dict", fits="return {'x': np.zeros(2, 'c8')}"),
}


def sources(folder: Path) -> list[str]:
    """Write a file for each plugin; return their names."""
    for name, plugin in MISBEHAVING.items():
        (folder / f"{name}_plugin.py").write_text(plugin.source(name))
    return [f"{name}_plugin.py" for name in MISBEHAVING]
