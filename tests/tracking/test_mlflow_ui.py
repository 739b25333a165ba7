"""MLflow's UI and server as a person meets them: real processes, a real browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mood_sweeps.errors import InputError
from mood_sweeps.store import Ref
from mood_sweeps.tracking.mlflow_ui import serve
from tests.support.mirrored_world import World

SERVE = """
import sys
from pathlib import Path
from mood_sweeps.errors import InputError
from mood_sweeps.tracking.mlflow_ui import serve

uri, root, port = sys.argv[1:]
try:
    serve(uri, Path(root), port=int(port), say=lambda text: print(text, flush=True))
except InputError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""
CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAUNCH = "launch 1 · 2026-11-21 09:30"
REPRESENTATION = "mim · vit_nano · pt+ft · seed 0 · digits:0-5"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def small_sweep(world: World, sweep: str = "digits") -> str:
    launch = world.launch(sweep)
    key = world.checkpoint(epochs=30)
    world.scored(key, {"knn(k=10)": 0.9, "msp": 0.8})
    world.representation(key)
    world.scored(key, {"msp": 0.75}, "photos", "far")
    world.end(launch)
    return key


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.1)


@dataclass
class Ui:
    """A running `serve`, as its own process."""

    process: subprocess.Popen[str]
    port: int
    lines: list[str]


@pytest.fixture
def run_ui() -> Iterator[Callable[[str, Path], Ui]]:
    started: list[subprocess.Popen[str]] = []

    def run(uri: str, root: Path) -> Ui:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, uri, str(root), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("starting MLflow")
        return Ui(process, port, [process.stdout.readline().strip()])

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def test_server_is_only_named_and_without_its_password(tmp_path: Path) -> None:
    said: list[str] = []
    serve("https://ann:s3cret@mlflow.example.org/x", tmp_path, say=said.append)
    assert said == ["MLflow is at https://***@mlflow.example.org/x"]


def test_taken_port_is_an_input_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(f"sqlite:///{tmp_path}/mlflow.db", tmp_path, port=port)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="cannot listen"):
        serve(f"sqlite:///{tmp_path}/mlflow.db", tmp_path, port=99999)


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ui_ends_with_no_process_left(
    run_ui: Callable[[str, Path], Ui], tmp_path: Path, number: signal.Signals
) -> None:
    ui = run_ui(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
    assert ui.lines == [f"MLflow is at http://127.0.0.1:{ui.port} (Ctrl-C ends it)"]
    family = psutil.Process(ui.process.pid).children(recursive=True)
    assert family
    os.kill(ui.process.pid, number)
    assert ui.process.wait(30) == 0
    assert not [process for process in family if process.is_running()]
    assert not answers(ui.port)


@pytest.mark.system
def test_ui_of_a_broken_store_says_why(run_ui: Callable[[str, Path], Ui], tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database" * 100)
    ui = run_ui(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
    assert ui.process.wait(90) == 2
    assert ui.process.stderr is not None
    said = ui.process.stderr.read()
    assert "file is not a database" in said
    assert "Traceback" not in said


@pytest.fixture
def team_server(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start, again and again, a server that keeps artifacts itself, as a team's does."""
    port = free_port()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        options = [
            *("--backend-store-uri", f"sqlite:///{tmp_path}/team.db"),
            *("--artifacts-destination", str(tmp_path / "team-artifacts")),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options],
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        running.append(process)
        wait_until(lambda: answers(port))
        return process

    start.port = port  # type: ignore[attr-defined]
    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.system
def test_mirror_to_a_server_that_goes_down_and_comes_back(
    world: World,
    team_server: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = f"http://127.0.0.1:{team_server.port}"  # type: ignore[attr-defined]
    server = team_server()
    world.launch("digits")
    mirror = world.mirror(uri)
    mirror.start()
    assert mirror.wait(60), mirror.last_error
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    key = world.checkpoint()
    world.representation(key)
    world.scored(key, {"msp": 0.8})
    assert not mirror.wait(20)
    assert mirror.pending() == 2
    team_server()
    wait_until(lambda: mirror.pending() == 0)
    mirror.close()
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("digits").experiment_id
    names = sorted(run.info.run_name for run in client.search_runs([experiment]))
    assert names == sorted([LAUNCH, REPRESENTATION, "digits:6-9 (near)"])
    (model,) = client.search_logged_models([experiment])
    assert model.artifact_location.startswith("mlflow-artifacts:")
    here = download_artifacts(
        artifact_uri=model.artifact_location, dst_path=str(tmp_path), tracking_uri=uri
    )
    source = world.store.folder(Ref("finetune", key))
    for name in ("model.safetensors", "head.safetensors"):
        assert (Path(here) / name).read_bytes() == (source / name).read_bytes()
    assert capfd.readouterr().out == "", "MLflow prints no links to standard output"


@pytest.mark.system
def test_person_finds_runs_curve_and_checkpoint_in_the_browser(
    world: World, run_ui: Callable[[str, Path], Ui], tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    key = small_sweep(world)
    uri = f"sqlite:///{world.root}/mlflow.db"
    mirror = world.mirror(uri)
    mirror.start()
    assert mirror.wait(60), mirror.last_error
    mirror.close()
    ui = run_ui(uri, world.root / "mlartifacts")
    assert ui.process.stdout is not None
    sweep, link = ui.process.stdout.readline().strip().split(": ", 1)
    assert sweep == "digits"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.goto(link)
        launch = page.locator(".ag-row", has=page.get_by_role("link", name=LAUNCH))
        launch.locator(".ag-cell button").first.click()
        representation = page.get_by_role("link", name=REPRESENTATION)
        expect(representation).to_be_visible()
        page.screenshot(path=tmp_path / "runs.png")
        representation.click()
        expect(page.get_by_role("link", name="digits:6-9 (near)")).to_be_visible()
        expect(page.get_by_text("pretrain/loss").first).to_be_visible()
        page.screenshot(path=tmp_path / "run.png")
        page.get_by_role("tab", name="Model metrics").click()
        expect(page.locator(".js-plotly-plot .scatterlayer path.js-line").first).to_be_visible()
        page.screenshot(path=tmp_path / "curves.png")
        page.get_by_role("tab", name="Artifacts").click()
        page.get_by_text("model.safetensors").click()
        with page.expect_download() as download:
            page.locator("button[data-component-id*='artifactview']").click()
        download.value.save_as(tmp_path / "model.safetensors")
        page.screenshot(path=tmp_path / "artifacts.png")
        browser.close()
    source = world.store.folder(Ref("finetune", key)) / "model.safetensors"
    assert (tmp_path / "model.safetensors").read_bytes() == source.read_bytes()
