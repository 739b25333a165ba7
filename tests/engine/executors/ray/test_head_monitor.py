from __future__ import annotations

import socket

import pytest

from mood_sweeps.engine.executors.ray import head_monitor as pulse
from mood_sweeps.engine.executors.ray.head_monitor import MOST_SILENT_PULSES, HeadMonitor
from mood_sweeps.errors import ExecutorLost


def test_without_an_address_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PULSE_S", 0.0)
    quiet = HeadMonitor()
    assert quiet.answers()
    for _ in range(2 * MOST_SILENT_PULSES):
        quiet.check()


def test_a_head_that_stops_answering_is_given_several_chances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "PULSE_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        watched = HeadMonitor(f"127.0.0.1:{port}")
        assert watched.answers()
        watched.check()
    assert not watched.answers()
    for _ in range(MOST_SILENT_PULSES - 1):
        watched.check()
    with socket.create_server(("127.0.0.1", port)):  # it was only busy
        watched.check()
    for _ in range(MOST_SILENT_PULSES - 1):
        watched.check()
    with pytest.raises(ExecutorLost, match=f"the Ray cluster at 127.0.0.1:{port} is gone: Conn"):
        watched.check()
