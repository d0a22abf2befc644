"""Several visitors at once, programs among them; and files that nobody was given."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest
from playwright.sync_api import expect

from demo.examples import load_examples
from msjoe.video import write_video
from scripts.page_browser import ROOT
from tests.ui.pages import a_run, choose_card, expect_frames, forget_features, run_and_wait, set_options, upload

gradio_client = pytest.importorskip("gradio_client")

pytestmark = pytest.mark.browser

PATIENCE = 300  # seconds for an answer of a busy machine


@pytest.fixture(scope="module")
def client(app):
    return gradio_client.Client(app, verbose=False, httpx_kwargs={"timeout": PATIENCE})


def test_answer_as_an_endpoint(client):
    example = load_examples().items[0]
    asked = example.questions[0]
    video = gradio_client.handle_file(str(example.path))
    found = client.predict(video, asked.question, list(asked.options), 4, 2, "uniform", 0, api_name="/answer")
    assert found["times"] == [0.0, 199.0, 399.0, 599.0]
    assert 1 <= len(found["queries"]) <= 4
    assert found["reply"]
    assert found["answer"] in (None, *"ABCDE"[: len(asked.options)])
    json.dumps(found)


def test_select_as_an_endpoint(client):
    example = load_examples().items[0]
    video = gradio_client.handle_file(str(example.path))
    found = client.predict(video, example.questions[0].question, [], budget=5, api_name="/select")
    assert len(found["times"]) == len(found["indices"]) == 5
    assert len(found["similarity"]) == len(found["queries"])
    assert len(found["similarity"][0]) == 600
    assert "answer" not in found["seconds"]


def test_endpoints_say_what_is_wrong(client, text_as_video):
    example = load_examples().items[0]
    with pytest.raises(Exception, match=r"notes\.mp4") as refused:
        client.predict(gradio_client.handle_file(str(text_as_video)), "What?", [], api_name="/answer")
    assert "/tmp" not in str(refused.value)
    good = gradio_client.handle_file(str(example.path))
    with pytest.raises(Exception, match="question is empty"):
        client.predict(good, " ", [], api_name="/answer")
    with pytest.raises(Exception, match="no selector is called"):
        client.predict(good, "What?", [], selector="best", api_name="/answer")


@pytest.mark.parametrize("path", ["/etc/passwd", str(ROOT / "README.md"), "../../../etc/passwd", "file:///etc/passwd"])
@pytest.mark.parametrize("meta", [{"meta": {"_type": "gradio.FileData"}}, {}])
def test_endpoints_take_no_path_of_the_server(app, path, meta):
    """Asked in plain HTTP: gradio's client would upload its own file of that name."""
    asked = json.dumps({"data": [{"path": path} | meta, "What?", [], 4, -1, "", 0]}).encode()
    request = urllib.request.Request(f"{app}/gradio_api/call/answer", asked, {"Content-Type": "application/json"})
    event = json.load(urllib.request.urlopen(request, timeout=PATIENCE))["event_id"]
    told = urllib.request.urlopen(f"{app}/gradio_api/call/answer/{event}", timeout=PATIENCE).read().decode()
    assert "event: error" in told
    assert "cannot be read as a video" not in told  # it was not even opened


def test_only_the_two_endpoints_are_offered(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/answer", "/select"}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        "file:///etc/passwd",
        str(ROOT / "app.py"),
        str(ROOT / "demo" / "examples.json"),
        str(ROOT / ".git" / "config"),
        str(ROOT / "demo" / "examples" / ".." / "examples.json"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_files_of_the_server_are_not_served(app, path, quoted):
    safe = "" if quoted else "/:"
    address = f"{app}/gradio_api/file={urllib.parse.quote(path, safe=safe)}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=PATIENCE)
    assert refused.value.code in (403, 404)


def test_one_visitor_sees_nothing_of_another_s_video(open_page, tmp_path):
    video = tmp_path / "my-own-film.mp4"
    write_video(video, [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)], fps=1)
    mine, other = open_page().page, open_page()
    upload(mine, video)
    mine.fill("#question textarea", "What is shown in my own film?")
    set_options(mine, ["red", "blue"])
    run_and_wait(mine)
    expect_frames(mine, 8)
    other.page.reload()
    other.page.wait_for_selector("#options input")
    run_and_wait(other.page)
    expect_frames(other.page, 8)
    assert "own film" not in other.page.content()
    assert not any("my-own-film" in address for address in other.addresses)
    assert mine.input_value("#question textarea") == "What is shown in my own film?"
    assert "0:19" in mine.inner_text("#frames")


def test_a_visitor_who_waits_is_told_the_place_in_the_line(open_page):
    forget_features()
    first, second = open_page().page, open_page().page
    choose_card(first, 2)
    choose_card(second, 1)
    with a_run(first), a_run(second):
        first.click("#run")
        second.click("#run")
    told = first.evaluate("window.said") + second.evaluate("window.said")
    assert any("1 run comes before yours" in line for line in told)
    for page in (first, second):
        expect(page.locator("#answer .text")).to_have_text(re.compile(r"\S"))
