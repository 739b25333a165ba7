from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from mood_sweeps.bank import FeatureBank
from mood_sweeps.choice import Choice
from mood_sweeps.errors import InputError, PluginFailed, Undefined
from mood_sweeps.experiment import load_sweep
from mood_sweeps.plugins.scorer_runner import ScorerRunner

PLUGIN = """\
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Norm:
    version: ClassVar[int] = 1
    family: ClassVar[str] = "feature"
    needs: ClassVar[tuple[str, ...]] = ()

    order: int = 2
    shift: float = 0.0

    def fit(self, train, head):
        return {}

    def score(self, state, bank):
        if self.order == 0:
            raise ZeroDivisionError("order 0")
        return np.linalg.norm(bank.features, ord=self.order, axis=1) + self.shift


SCORERS = {"norm": Norm}
"""
SWEEP = """\
name: mine
plugins: [norm.py]
axes:
  pretext: [random]
  backbone: [vit_nano]
  finetune: [pt]
  scorer: [msp, norm, {norm: {order: 1}}]
pairs: [{id: digits:0-5, near: [digits:6-9]}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "norm.py").write_text(PLUGIN)
    path = tmp_path / "mine.yaml"
    path.write_text(SWEEP)
    return path


def scored(scorer: Choice) -> list[float]:
    """Return the scores of one image with the features (3, −4)."""
    bank = FeatureBank(np.array([[3.0, -4.0]], dtype=np.float32), np.array([0]))
    with closing(ScorerRunner()) as runner:
        return runner.score(scorer, runner.fit(scorer, bank, None), bank).tolist()


def problems(file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_sweep(file)
    return [str(problem).removeprefix(str(file)) for problem in caught.value.problems]


def test_a_plugins_scorers_are_chosen_like_the_packages(file: Path) -> None:
    _, norm, norm_1 = load_sweep(file).scorers
    assert (norm.label, norm_1.label) == ("norm", "norm(order=1)")
    assert scored(norm) == [5.0]
    assert scored(norm_1) == [7.0]


def test_the_digest_of_the_file_is_part_of_a_scorers_content(file: Path) -> None:
    msp, norm, _ = load_sweep(file).scorers
    (plugin,) = load_sweep(file).plugins
    assert "source" not in msp.content
    assert norm.content["source"] == plugin.digest
    (file.parent / "norm.py").write_text(PLUGIN + "# a word more\n")
    edited = load_sweep(file)
    assert edited.scorers[1].content["source"] == edited.plugins[0].digest != plugin.digest


def test_an_edited_plugin_runs_its_new_code_and_an_old_choice_its_old_code(file: Path) -> None:
    old = load_sweep(file).scorers[1]
    (file.parent / "norm.py").write_text(PLUGIN.replace("+ self.shift", "+ 100"))
    new = load_sweep(file).scorers[1]
    assert scored(new) == [105.0]
    assert scored(pickle.loads(pickle.dumps(old))) == [5.0]  # noqa: S301


def test_a_choice_unpickles_in_a_process_without_the_file(file: Path) -> None:
    norm = load_sweep(file).scorers[2]
    message = pickle.dumps(norm)
    (file.parent / "norm.py").unlink()
    code = "import pickle, sys; c = pickle.load(sys.stdin.buffer); print(c.label, c.parameters)"
    done = subprocess.run([sys.executable, "-c", code], input=message, capture_output=True)
    assert done.stdout.decode().strip() == "norm(order=1) Norm(order=1, shift=0.0)"
    assert pickle.loads(message) == norm  # noqa: S301


def test_a_failure_names_file_line_and_scorer_and_shows_the_plugins_lines(file: Path) -> None:
    file.write_text(SWEEP.replace("order: 1", "order: 0"))
    with pytest.raises(PluginFailed) as caught:
        scored(load_sweep(file).scorers[2])
    assert str(caught.value) == "norm.py:23: scorer 'norm(order=0)': ZeroDivisionError: order 0"
    assert 'File "norm.py", line 23, in score' in caught.value.traceback
    assert 'raise ZeroDivisionError("order 0")' in caught.value.traceback
    assert "mood_sweeps" not in caught.value.traceback


def test_parameters_may_have_any_name_and_default(file: Path) -> None:
    text = (
        PLUGIN.replace(
            "    shift: float = 0.0\n",
            "    shift: float = 0.0\n    declared: int = 3\n    plugin: str = 'x'\n"
            "    sizes: tuple[int, ...] = field(default_factory=lambda: (1, 2))\n"
            "    own: int = field(init=False)\n\n"
            "    def __post_init__(self):\n        object.__setattr__(self, 'own', 7)\n",
        )
        .replace("import dataclass\n", "import dataclass, field\n")
        .replace("order: int = 2", "order: int")
    )
    (file.parent / "norm.py").write_text(
        text.replace("    order: int\n", "", 1).replace(
            "    shift: float = 0.0\n", "    order: int\n    shift: float = 0.0\n", 1
        )
    )
    file.write_text(SWEEP.replace("norm, {norm: {order: 1}}", "{norm: {order: 1, declared: 4}}"))
    norm = load_sweep(file).scorers[1]
    assert norm.label == "norm(declared=4, order=1)"
    assert norm.content["parameters"] == {"order": 1, "declared": 4}
    assert norm.described["sizes"] == (1, 2)
    assert scored(norm) == [7.0]
    file.write_text(SWEEP.replace("norm, {norm: {order: 1}}", "norm"))
    (problem,) = problems(file)
    assert "parameter 'order': field required" in problem


def test_long_texts_of_a_plugin_are_shortened(file: Path) -> None:
    text = PLUGIN.replace(
        "import numpy as np\n", "import numpy as np\nfrom mood_sweeps import Undefined\n"
    )
    text = text.replace(
        'raise ZeroDivisionError("order 0")', 'raise Undefined("\\ud800 a\\n" * 50_000)'
    )
    (file.parent / "norm.py").write_text(text)
    file.write_text(SWEEP.replace("order: 1", "order: 0"))
    with pytest.raises(Undefined) as caught:
        scored(load_sweep(file).scorers[2])
    assert len(str(caught.value)) <= 2_000
    assert str(caught.value).startswith("\\ud800 a \\ud800 a")


def test_failures_of_a_scorer_that_inherits_fit_name_its_own_file(file: Path) -> None:
    (file.parent / "norm.py").write_text(
        PLUGIN.replace("class Norm:", "class Norm(LearnsNothing):")
        .replace("    def fit(self, train, head):\n        return {}\n\n", "")
        .replace(
            "import numpy as np\n",
            "import numpy as np\nfrom mood_sweeps.scorers import LearnsNothing\n",
        )
        .replace('raise ZeroDivisionError("order 0")', "import os; os._exit(3)")
    )
    file.write_text(SWEEP.replace("order: 1", "order: 0"))
    with pytest.raises(PluginFailed, match=r"norm\.py:21: ended its process with exit code 3"):
        scored(load_sweep(file).scorers[2])


def test_no_code_of_a_plugin_runs_in_this_process(file: Path) -> None:
    (file.parent / "norm.py").write_text(PLUGIN + "import os\nos.environ['SEEN'] = 'yes'\n")
    assert scored(load_sweep(file).scorers[1]) == [5.0]
    assert "SEEN" not in os.environ
    assert not any(name.startswith("mood_sweeps_plugin") for name in sys.modules)


def test_a_plugins_parameters_are_checked_like_the_packages(file: Path) -> None:
    file.write_text(SWEEP.replace("order: 1", "ordr: 1"))
    (problem,) = problems(file)
    assert problem.startswith(":7: scorer 'norm' has no parameter 'ordr'; did you mean 'order'?")


def test_a_plugins_scorers_can_be_excluded(file: Path) -> None:
    file.write_text(SWEEP + "exclude: [{scorer: norm}]\n")
    (rule,) = load_sweep(file).exclude
    assert rule.matches == (("scorer", ("norm", "norm(order=1)")),)


def _without(line: str) -> str:
    assert line in PLUGIN
    return PLUGIN.replace(line, "")


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("x = 1\ndef f(:\n", ["does not import: line 2: SyntaxError: invalid syntax"]),
        ("x = 1\n\nx = y\n", ["does not import: line 3: NameError: name 'y' is not defined"]),
        ("import nowhere_at_all\n", ["line 1: ModuleNotFoundError", "nowhere_at_all"]),
        ("import sys\nsys.exit(3)\n", ["line 2: SystemExit: 3"]),
        ("x = 1\n", ["defines no SCORERS"]),
        ("SCORERS = {}\n", ["defines no SCORERS"]),
        ("SCORERS = [1]\n", ["SCORERS must be a dict"]),
        ("SCORERS = {3: int}\n", ["scorer 3: a name is letters, digits and '_'"]),
        ("SCORERS = {'norm': int}\n", ["scorer 'norm': must be a class made by @dataclass"]),
        (PLUGIN.replace('{"norm"', '{"knn"'), ["the package has a scorer 'knn' already"]),
        (PLUGIN.replace("@dataclass(frozen=True)", "@dataclass"), ["must be frozen"]),
        (_without("    version: ClassVar[int] = 1\n"), ["'version' must be ClassVar[int]"]),
        (PLUGIN.replace("version: ClassVar[int]", "version: int"), ["'version' must be ClassVar"]),
        (PLUGIN.replace('"feature"', '"featur"'), ["'family' must be", "feature, hybrid"]),
        (PLUGIN.replace("= ()", "= ('had',)"), ["'needs' must be", "labels, logits, head"]),
        (PLUGIN.replace("= ()", "= ()\n    fits_on = 'test'"), ["'fits_on' must be", "id_val"]),
        (PLUGIN.replace("def score", "def scores"), ["'score' must be a method"]),
        (PLUGIN.replace("order: int", "order: Nothing"), ["parameters cannot be read"]),
        (PLUGIN.replace("order: int", "order: np.ndarray"), ["parameters cannot be read"]),
    ],
)
def test_an_unusable_plugin_is_one_problem_at_its_line(
    file: Path, text: str, phrases: list[str]
) -> None:
    (file.parent / "norm.py").write_text(text)
    (problem,) = [one for one in problems(file) if "unknown scorer 'norm'" not in one]
    assert problem.startswith(":2: plugin 'norm.py'")
    for phrase in phrases:
        assert phrase in problem


def test_scorers_of_a_failed_plugin_are_not_reported_as_unknown(file: Path) -> None:
    (file.parent / "norm.py").write_text("x = y\n")
    assert len(problems(file)) == 1


def test_a_plugin_that_cannot_be_read_is_a_problem(file: Path) -> None:
    (file.parent / "norm.py").unlink()
    assert "cannot be read: No such file or directory" in problems(file)[0]
    (file.parent / "norm.py").mkdir()
    assert "cannot be read: Is a directory" in problems(file)[0]
    (file.parent / "norm.py").rmdir()
    (file.parent / "norm.py").write_bytes(b"\xff")
    assert "is not UTF-8" in problems(file)[0]
    (file.parent / "norm.py").write_bytes(b"x = 1\0")
    assert "does not import" in problems(file)[0]


def test_two_plugins_cannot_share_a_name_and_one_cannot_be_listed_twice(file: Path) -> None:
    (file.parent / "other.py").write_text(PLUGIN + "# other\n")
    file.write_text(SWEEP.replace("[norm.py]", "[norm.py, other.py]"))
    (problem,) = problems(file)
    assert "another plugin has a scorer 'norm' already" in problem
    file.write_text(SWEEP.replace("[norm.py]", "[norm.py, ./norm.py]"))
    (problem,) = problems(file)
    assert "'./norm.py' is listed twice" in problem
