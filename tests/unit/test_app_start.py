"""``python app.py`` with flags that cannot be followed: refused at start, before a page is built."""

import socket
import sys

import pytest

import app


@pytest.fixture(autouse=True)
def _no_signal_handler(monkeypatch):
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)


@pytest.fixture
def start(monkeypatch, tmp_path):
    """A function that runs app.main with flags, and fails where a page would be built; returns the exit code."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def run(*flags: str) -> int:
        monkeypatch.setattr(sys, "argv", ["app.py", *flags])
        monkeypatch.setattr(app, "ask", lambda *_: pytest.fail("a page is built"))
        with pytest.raises(SystemExit) as stop:
            app.main()
        return stop.value.code

    return run


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--port", "99999"),
        ("--port", "0"),
        ("--port", "-1"),
        ("--host", "192.0.2.1"),  # of no machine: RFC 5737
        ("--host", "x" * 80),
        ("--dense-fps", "0"),
        ("--dense-fps", "nan"),
        ("--dense-fps", "-1"),
        ("--device", "tpu"),
        ("--device", "meta"),
        ("--mllm", "/no/such"),
        ("--clip", "/no/such"),
        ("--sampler", "/no/such"),
        ("--videos", "/no/such"),
        ("--max-minutes", "0"),
    ],
)
def test_flags_that_cannot_be_followed(flag, value, start, caplog):
    assert start(flag, value) == 2
    assert value in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_hosts_of_this_machine_are_let_in(host, monkeypatch):
    reached = []
    monkeypatch.setattr(sys, "argv", ["app.py", "--host", host])
    monkeypatch.setattr(app, "own_folder", lambda: None)
    monkeypatch.setattr(app, "keep_small", lambda *_: None)
    monkeypatch.setattr(app, "ask", lambda args, *_: reached.append(args.host))
    app.main()
    assert reached == [host]


def test_a_temporary_folder_that_cannot_be_made(start, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "below"))
    assert start() == 1
    assert str(tmp_path / "file") in caplog.text


def test_an_address_that_is_taken_is_named(monkeypatch, tmp_path, caplog):
    import gradio  # seconds

    with gradio.Blocks() as page:
        pass
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.setattr(app, "ask", lambda args, limits, root: app.serve(page, args, limits))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["app.py", "--port", str(port)])
        with pytest.raises(SystemExit) as stop:
            app.main()
    assert stop.value.code == 2
    assert f"127.0.0.1:{port}" in caplog.text
