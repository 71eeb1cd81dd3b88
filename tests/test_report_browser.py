"""The report in a browser without a network: nothing is fetched, nothing runs, nothing overflows."""

import base64
import io
import json

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob.report import render

ALARM = "<script>document.title = 'ran'; alert(1)</script>"
WIDTHS = (360, 1280)


@pytest.fixture(scope="module")
def found():
    households, persons = sp.example_frames(400)
    alarm = {"Rural": ALARM, "Urban": "دبي ޓައުން"}
    households["urbrur"] = np.array([alarm[label] for label in households["urbrur"].tolist()])
    survey = sp.Survey(
        households,
        persons,
        person="pid",
        welfare="pc_exp",
        psu="ea",
        strata=["region", "urbrur"],
        roles={"relation": "relation"},
        derive={"head_educ": "head(educ)"},
    )
    circumstances = ["bottom40", "urbrur", "head_educ"]
    opportunity = sp.Opportunity(f"internet{ALARM}", outcome="internet", circumstances=circumstances)
    package = sp.Package([sp.child_benefit(sp.Amount(8, "month"))])
    economy = sp.Economy("coins", gdp=4e9, lines={f"a{'long' * 40}line": 60.0})
    return sp.assess(survey, [opportunity], package, economy, replicates=sp.Bootstrap(20)).findings()


@pytest.fixture(scope="module")
def address(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(found), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(params=WIDTHS)
def opened(browser, address, request):
    browser.get_log("performance"), browser.get_log("browser")
    size = {"width": request.param, "height": 900, "deviceScaleFactor": 1, "mobile": request.param < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(address)
    return browser


def test_it_opens_without_a_network(opened, address):
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert asked == [address]
    assert not any(e["method"] == "Network.loadingFailed" for e in events)
    assert opened.get_log("browser") == []


def test_a_label_that_is_a_script_does_not_run(opened):
    assert opened.title.startswith(f"Who is left behind: internet{ALARM}")
    assert opened.execute_script("return document.scripts.length") == 0
    assert ALARM in opened.execute_script("return document.querySelector('main').innerText")


def test_the_policy_lets_nothing_in(opened):
    """A script, a picture and a style that somebody put into the page would do nothing."""
    opened.execute_script(
        """
        const add = (tag, set) => document.body.appendChild(Object.assign(document.createElement(tag), set));
        add('script', {textContent: "document.title = 'ran'"});
        add('img', {src: 'data:image/gif;base64,R0lGODlhAQABAAAAACw='});
        add('style', {textContent: 'body { opacity: 0.5 }'});
        """
    )
    assert opened.title != "ran"
    assert opened.execute_script("return getComputedStyle(document.body).opacity") == "1"
    refused = [entry["message"] for entry in opened.get_log("browser")]
    assert len(refused) == 3
    assert all("Content Security Policy" in message for message in refused)


def test_the_style_is_let_in(opened):
    assert opened.execute_script("return getComputedStyle(document.querySelector('.skip')).position") == "absolute"


def test_nothing_overflows_but_in_its_own_box(opened):
    wide, room = opened.execute_script("const d = document.documentElement; return [d.scrollWidth, d.clientWidth]")
    assert wide <= room
    outside = opened.execute_script(
        """
        return [...document.querySelectorAll('main *')].filter(e =>
            !e.closest('.scroll, .picture, pre') && e.getBoundingClientRect().right > innerWidth + 1
        ).map(e => e.outerHTML.slice(0, 80))
        """
    )
    assert outside == []


def test_whoever_has_no_mouse_can_follow_it(opened):
    from selenium.webdriver.common.keys import Keys

    opened.find_element("tag name", "body").send_keys(Keys.TAB)
    first = opened.switch_to.active_element
    assert first.text == "Skip to the findings"
    assert first.is_displayed()
    assert opened.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_text_stands_out_from_its_ground(opened):
    """Contrast of AA: 4.5 to 1 for every text."""
    lowest = opened.execute_script(
        """
        const light = text => {
            const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = e => {
            for (; e; e = e.parentElement) {
                const found = getComputedStyle(e).backgroundColor;
                if (!found.endsWith(', 0)')) return found;
            }
            return 'rgb(255, 255, 255)';
        };
        const seen = [...document.querySelectorAll('body *')].filter(e =>
            [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
        return seen.map(e => {
            const style = getComputedStyle(e);
            const [a, b] = [light(e.closest('svg') ? style.fill : style.color), light(ground(e))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 120)];
        }).filter(([, of]) => !/^<(title|desc)/.test(of)).sort((a, b) => a[0] - b[0])[0];
        """
    )
    assert lowest[0] >= 4.5, lowest


def test_links_hold_their_frames(opened, found):
    links = opened.execute_script(
        "return [...document.querySelectorAll('a[download]')].map(a => [a.download, a.getAttribute('href')])"
    )
    held = {file: base64.b64decode(address.split(",", 1)[1]).decode() for file, address in links}
    assert held["estimates.csv"] == found.estimates.to_csv(index=False)
    assert held["groups.csv"] == found.groups.to_csv(index=False)
    for file, text in held.items():
        if file.startswith("table-"):
            assert len(pd.read_csv(io.StringIO(text)))


def test_a_link_is_saved_as_a_file(opened, found):
    opened.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(opened.downloads), "eventsEnabled": False},
    )
    path = opened.downloads / "groups.csv"
    path.unlink(missing_ok=True)
    link = opened.find_element("css selector", "a[download='groups.csv']")
    opened.execute_script("arguments[0].click()", link)
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(opened, 20).until(lambda _: path.is_file() and path.stat().st_size)
    assert path.read_text(encoding="utf-8") == found.groups.to_csv(index=False)


def test_it_prints_without_what_only_a_screen_has(opened):
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = opened.execute_script(
        "return [...document.querySelectorAll('nav, .get')].filter(e => getComputedStyle(e).display !== 'none').length"
    )
    breaks = opened.execute_script(
        "return [...document.querySelectorAll('h2:not(.first)')].map(e => getComputedStyle(e).breakBefore)"
    )
    split = opened.execute_script(
        "return [...document.querySelectorAll('figure')].map(e => getComputedStyle(e).breakInside)"
    )
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert hidden == 0
    assert set(breaks) == {"page"}
    assert set(split) == {"avoid"}
    printed = base64.b64decode(opened.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
