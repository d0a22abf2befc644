"""Text can be read: 4.5 to 1 against what is behind it, on light and on dark."""

import pytest

from tests.ui.pages import run_and_wait

pytestmark = pytest.mark.browser

CONTRAST = """(place) => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.querySelector(place);
  let behind = element;
  const seen = (e) => parts(getComputedStyle(e).backgroundColor);
  while (behind.parentElement && seen(behind)[3] === 0) behind = behind.parentElement;
  const [one, other] = [light(parts(getComputedStyle(element).color)), light(seen(behind))].sort((a, b) => b - a);
  return (one + 0.05) / (other + 0.05);
}"""
PLACES = ("#run", "#tabs button[role=tab][aria-selected=true]", "#answer .letter", "#options li b", "#queries .again")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accents_can_be_read(open_page, scheme):
    page = open_page(scheme=scheme).page
    run_and_wait(page)
    page.locator("#queries input").first.fill("the desert")
    page.wait_for_selector("#queries .again:not([disabled])")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # colours fade
    low = {place: page.evaluate(CONTRAST, place) for place in PLACES}
    assert {place: ratio for place, ratio in low.items() if ratio < 4.5} == {}
