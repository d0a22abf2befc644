"""``python app.py`` with flags that cannot be followed: refused at start, before a page is built."""

import logging
import sys
from types import SimpleNamespace

import pytest

import app


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(monkeypatch):
    """Neither the signal handler nor the log levels that app.main sets."""
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    loggers = [logging.getLogger(name) for name in ("app", "demo", "msjoe")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


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
        ("--videos", "n" * 300),
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


@pytest.mark.parametrize(
    ("flags", "variables", "told"),
    [
        ([], {}, "127.0.0.1:7860"),
        (["--port", "7955"], {}, "127.0.0.1:7955"),
        (["--host", "0.0.0.0"], {"GRADIO_SERVER_PORT": "8000"}, "0.0.0.0:8000"),
        ([], {"GRADIO_SERVER_NAME": "::1"}, "::1:7860"),
    ],
)
def test_an_address_that_is_taken_is_named(flags, variables, told, monkeypatch, tmp_path, caplog):
    def launch(**_):
        raise OSError("no port is free")

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(
        sys.modules, "demo.ui.page_frame", SimpleNamespace(launch_options=lambda _: {})
    )  # gradio takes seconds
    monkeypatch.setattr(app, "ask", lambda args, limits, _: app.serve(SimpleNamespace(launch=launch), args, limits))
    monkeypatch.setattr(sys, "argv", ["app.py", *flags])
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert stop.value.code == 2
    assert told in caplog.text
    assert "no port is free" in caplog.text
