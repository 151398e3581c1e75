"""Report and index in a real browser: drawn, quiet, self-contained, readable for everybody."""

import json
import os
import subprocess
from importlib.resources import files

import pytest
from browser import browser
from conftest import BIN

from sip_luigi.report.index import Entry, render_index
from sip_luigi.selftest.scheduler import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

PICTURES = 10
"""Of an observation of one cycle without a reference catalogue: all but that of the cycles."""
COMPLETE = "document.readyState === 'complete' && [...document.images].every(image => image.complete)"
DRAWN = "[...document.images].filter(image => image.naturalWidth > 50).length"
AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as shown:
        shown.listen()
        yield shown


def opened(page, url, width=1280):
    """Open a page and tell what it asked for besides itself."""
    page.resize(width, 900)
    page.requests.clear()
    page.complaints.clear()
    page.go(url)
    page.until(COMPLETE)
    assert page.complaints == []
    return [request for request in page.requests if not request.startswith(("data:", url))]


def violations(page):
    """What axe-core finds, in words."""
    # The page allows no script; the browser lets tests have theirs all the same.
    page.call("Page.setBypassCSP", enabled=True)
    try:
        page.call("Page.reload")
        page.until(COMPLETE)
        page.evaluate(AXE)
        page.evaluate("axe.run(document).then(found => { window.found = JSON.stringify(found.violations); })")
        found = json.loads(page.until("window.found", 60))
    finally:
        page.call("Page.setBypassCSP", enabled=False)
    return [(entry["id"], [node["html"][:200] for node in entry["nodes"]]) for entry in found]


def test_these_tests_would_notice(page, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><title>bad</title><img src='x.png'><img src='http://127.0.0.1:9/y.png' alt='y'>"
        "<script>throw new Error('wrong')</script>"
    )
    page.requests.clear()
    page.complaints.clear()
    page.go(bad.as_uri())
    page.until("document.readyState === 'complete'")
    assert {"image-alt", "html-has-lang"} <= {name for name, _ in violations(page)}
    assert any(request.endswith("y.png") for request in page.requests)
    assert any("wrong" in text or "Uncaught" in text for text in page.complaints)


def entries(n):
    """Of observations that differ."""
    words = ("good", "moderate", "poor")
    return {
        f"jobs/L{number}/results/": Entry(
            obs_id=f"L{number}",
            outcome="full" if number % 4 else "degraded",
            verdict=words[number % 3],
            made=f"2026-11-{1 + number:02d}T12:00:00+00:00",
            reasons=("noise too high",) if number % 3 else (),
            subbands_used=8 - (number % 4 == 0),
            subbands_expected=8,
            n_sources=100 + number * 37 % 50,
            rms_jy_beam=None if number == 5 else 1e-3 * (1 + number * 7 % 11),
            found_fraction=0.9,
            flagged_fraction=0.1,
            frequency_hz=140e6,
        )
        for number in range(n)
    }


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_is_drawn_alone_and_readable(page, undisturbed, width):
    report = undisturbed.results / "report.html"
    assert opened(page, report.as_uri(), width) == []
    assert page.evaluate(DRAWN) >= PICTURES
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    assert page.evaluate("document.querySelector('.verdict').getBoundingClientRect().bottom < innerHeight")
    assert violations(page) == []


def test_the_image_is_enlarged_without_a_script(page, undisturbed):
    opened(page, (undisturbed.results / "report.html").as_uri())
    width = "Math.max(...[...document.querySelectorAll('.view img')].map(image => image.clientWidth))"
    before = page.evaluate(width)
    page.evaluate("document.querySelector('.z4').click()")
    assert page.evaluate(width) > 3.5 * before
    assert page.evaluate("document.scripts.length") == 0


def test_every_link_of_the_report_leads_somewhere(page, undisturbed):
    opened(page, (undisturbed.results / "report.html").as_uri())
    links = page.evaluate("[...document.links].map(link => link.getAttribute('href'))")
    assert len(links) > 4 * 5
    for link in links:
        if link.startswith("#"):
            assert page.evaluate(f"document.getElementById({link[1:]!r}) !== null"), link
        else:
            assert (undisturbed.results / link).exists(), link


def test_the_report_prints(page, undisturbed):
    opened(page, (undisturbed.results / "report.html").as_uri())
    printed = page.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
    assert len(printed) > 100_000


def test_the_index_lists_what_was_finished(page, undisturbed):
    index = undisturbed.directory / "runtime" / "index.html"
    assert opened(page, index.as_uri()) == []
    assert page.evaluate("document.querySelectorAll('#entries tbody tr').length") == 1
    assert page.evaluate(DRAWN) == 2, "the plot and a thumbnail"
    link = page.evaluate("document.querySelector('#entries tbody th a').getAttribute('href')")
    assert (index.parent / link).is_file()


@pytest.fixture
def long_index(tmp_path):
    path = tmp_path / "index.html"
    path.write_text(render_index(entries(20)), encoding="utf-8")
    return path.as_uri()


def shown(page):
    rows = "[...document.querySelectorAll('#entries tbody tr')].filter(row => !row.hidden)"
    return page.evaluate(f"{rows}.map(row => row.cells[1].textContent)")


def enter(page, name, value):
    page.evaluate(
        f"{{ const field = document.getElementById({name!r}); field.value = {value!r};"
        " field.dispatchEvent(new Event('input', {bubbles: true})); }"
    )


def test_the_index_is_filtered(page, long_index):
    assert opened(page, long_index) == []
    assert len(shown(page)) == 20
    enter(page, "verdict", "good")
    assert shown(page) == ["L18", "L15", "L12", "L9", "L6", "L3", "L0"]
    enter(page, "outcome", "degraded")
    assert shown(page) == ["L12", "L0"]
    assert page.evaluate("document.getElementById('shown').textContent") == "2 shown"
    enter(page, "verdict", "")
    enter(page, "outcome", "")
    enter(page, "text", "NOISE l1")
    assert shown(page) == [f"L{n}" for n in range(19, -1, -1) if n % 3 and str(n).startswith("1")]


def test_the_index_is_sorted(page, long_index):
    opened(page, long_index)
    noise = "[...document.querySelectorAll('thead button')].find(b => b.textContent.startsWith('Noise'))"
    values = {f"L{n}": (1 + n * 7 % 11) for n in range(20)}
    for direction in ("ascending", "descending"):
        page.evaluate(f"{noise}.click()")
        assert page.evaluate(f"{noise}.parentElement.getAttribute('aria-sort')") == direction
        found = shown(page)
        assert found[-1] == "L5", "not measured: last, whichever way"
        ranks = [values[name] for name in found[:-1]]
        assert ranks == sorted(ranks, reverse=direction == "descending")
    assert page.evaluate("document.querySelectorAll('[aria-sort]').length") == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_the_index_is_readable(page, long_index, width):
    opened(page, long_index, width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


@pytest.fixture
def served(undisturbed, tmp_path):
    """The URL of a scheduler for the runtime directory of an observation."""
    port, config = free_port(), tmp_path / "luigi.cfg"
    config.write_text(
        f"[DEFAULT]\nruntime_directory = {undisturbed.directory}/runtime\n"
        f"[scheduler_server]\nport = {port}\ndirectory = {tmp_path}/scheduler\n"
    )
    environment = {**os.environ, "LUIGI_CONFIG_PATH": str(config)}
    sip = (str(BIN / "sip"), "scheduler")
    subprocess.run((*sip, "start"), env=environment, check=True)
    yield f"http://127.0.0.1:{port}"
    subprocess.run((*sip, "stop"), env=environment, check=True)


def test_both_are_served_beside_the_visualiser(page, served):
    assert opened(page, f"{served}/index.html") == []
    enter(page, "text", "no such observation")
    assert shown(page) == [], "its script runs"
    page.evaluate("document.querySelector('#entries tbody th a').click()")
    page.until("document.title.includes('full')")
    page.until(COMPLETE)
    assert page.evaluate(DRAWN) >= PICTURES
    assert page.complaints == []
    page.evaluate("""document.querySelector('main a[href*="logs/preprocess"]').click()""")
    page.until("document.contentType === 'text/plain' && document.body.innerText.includes('DP3')")
