"""One small sweep, really trained once for the whole session, and copies of it for every test.

Being here also puts this folder on the import path, so that `spine_cases` is there for all.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.small_launches import TINY, Tried, try_launch


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep digests of images in a folder of the tests, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOOD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """The tiny sweep, launched in a folder of its own that no test may change."""
    return try_launch(TINY, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def launched(trained: Tried, tmp_path: Path) -> Tried:
    """A copy of the tiny sweep's folder after its launch."""
    folder = tmp_path / "sweep"
    shutil.copytree(trained.folder, folder)
    return Tried(trained.launched, folder)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute with one thread, as stages do; the number changes the order of sums."""
    import torch  # late: most tests need none of it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
