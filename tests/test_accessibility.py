"""Whoever has no mouse, or does not see, reads all of the pages; names of any script and length break nothing."""

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp

from ._data import lacking

pytest.importorskip("jinja2", reason="pages need it")

WIDTHS = (360, 1000)
ARABIC, DHIVEHI = "المناطق الحضرية الكبرى 2", "ތަނުގެ ރަށްރަށް (އަތޮޅު)"
KHMER = "ភូមិភាគឦសាននៃព្រះរាជាណាចក្រកម្ពុជាដែលមានឈ្មោះវែង"
LONG = "W" * 150
# What axe cannot tell, and was looked at: empty cells say that there is no such figure; contrast is a test of its own.
LOOKED_AT = {"th-has-data-cells", "color-contrast"}


def result():
    """Return an assessment that has every section, with names of many scripts."""
    households, persons = sp.example_frames(400)
    persons = {**persons, "aid": np.where(np.asarray(persons["age"]) >= 70, 3.0, 0.0)}
    persons["birth"] = (np.asarray(persons["age"]) == 25).astype(int)
    called = {"Rural": DHIVEHI, "Urban": ARABIC}
    households["تصنيف_المنطقة"] = np.array([called[kind] for kind in households["urbrur"].tolist()])
    regions = np.asarray(households["region"]).tolist()
    called = dict(zip(sorted(set(regions)), (KHMER, "ភ្នំពេញ", LONG, "តំបន់ឆ្នេរ"), strict=True))
    households["តំបន់"] = np.array([called[region] for region in regions])
    survey = sp.Survey(
        households,
        persons,
        person="pid",
        welfare="pc_exp",
        psu="ea",
        strata=["region", "urbrur"],
        roles={"disability": "disability", "relation": "relation", "birth": "birth"},
        derive={"head_educ": "head(educ)"},
        existing={"معاش": "aid"},
    )
    survey = sp.proxy_means(survey, ["urbrur", "head_educ", "internet"]).scored()
    circumstances = ["bottom40", "تصنيف_المنطقة", "តំបន់"]
    opportunities = [
        sp.Opportunity("الوصول إلى الإنترنت (2024)", "internet", circumstances=circumstances),
        sp.Opportunity(f"{KHMER} {LONG}", "internet == 0", kind="barrier", circumstances=circumstances),
    ]
    package = sp.Package(
        [
            sp.child_benefit(sp.Amount(8, "month"), name="إعانة الأطفال 0-17"),
            sp.old_age_pension(sp.Amount(30, "month"), target=sp.Rank(0.4), name=KHMER),
            sp.disability_benefit(sp.Amount(20, "month")),
            sp.maternity_benefit(sp.Amount(20, "month"), name=DHIVEHI),
            sp.household_benefit(sp.Amount(5, "month"), name=LONG),
        ]
    )
    lines = {"خط الفقر الوطني": 60.0, LONG: 40.0}
    economy = sp.Economy("ރުފިޔާ", 2026, gdp=4e9, gdp_per_capita=1800.0, revenue=9e8, lines=lines)
    return sp.assess(
        survey,
        opportunities,
        package,
        economy,
        by=["decile", "تصنيف_المنطقة"],
        effect=["reroute", "logit"],
        population=sp.population("Maldives"),
        replicates=sp.Bootstrap(10),
    )


def overview():
    surveys = {ARABIC: sp.example_survey(400), LONG: sp.example_survey(400, seed=2)}
    asked = [sp.Opportunity(name, "internet", circumstances=["bottom40", "urbrur"]) for name in ("ސާފު ބޯފެން", "internet")]
    return sp.assess_many(surveys, asked, domains=["region"], replicates=sp.Bootstrap(10))


def comparison():
    packages = {
        ARABIC: sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
        LONG: sp.Package([sp.child_benefit(sp.Amount(12, "month"))]),
    }
    survey, lines = sp.example_survey(400), {KHMER: 60.0}
    return sp.compare(
        {
            name: sp.assess(survey, [], package, lines=lines, replicates=sp.Bootstrap(10))
            for name, package in packages.items()
        }
    )


PAGES = {"report": result, "overview": overview, "comparison": comparison}
PLACES = [(page, width) for page in PAGES for width in WIDTHS]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {name: made().report(folder / f"{name}.html").as_uri() for name, made in PAGES.items()}


@pytest.fixture(params=PLACES, ids=str)
def opened(browser, pages, request):
    page, width = request.param
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(pages[page])
    return browser


# The report takes it half a minute: at 360 pixels, where more of it scrolls.
@pytest.mark.parametrize("opened", [place for place in PLACES if place != ("report", 1000)], indirect=True, ids=str)
def test_axe_finds_nothing(opened):
    """Deque's axe-core: its rules for WCAG A and AA, and its best practices."""
    if find_spec("axe_playwright_python") is None:
        lacking("browser", "axe-playwright-python, which holds axe-core, is not installed")
    axe = Path(find_spec("axe_playwright_python").origin).with_name("axe.min.js")
    opened.set_script_timeout(300)
    opened.execute_script(axe.read_text(encoding="utf-8"))
    options = {"preload": False, "rules": {"color-contrast": {"enabled": False}}}  # which takes it half a minute
    run = "const done = arguments[1]; axe.run(document, arguments[0]).then(done, e => done({error: String(e)}))"
    found = opened.execute_async_script(run, options)
    assert "error" not in found, found
    assert len(found["passes"]) > 30
    told = [
        (rule["id"], rule["help"], rule["nodes"][0]["html"][:200])
        for rule in (*found["violations"], *found["incomplete"])
    ]
    assert [rule for rule in told if rule[0] not in LOOKED_AT] == []
    assert not {rule["id"] for rule in found["violations"]}


def test_headings_are_in_order_and_the_page_has_its_parts(opened):
    levels = opened.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    parts = "return ['header', 'nav', 'main'].map(tag => document.querySelectorAll(tag).length)"
    assert opened.execute_script(parts) == [1, 1, 1]


def test_every_picture_says_what_it_shows_and_where_its_table_is(opened):
    pictures = opened.execute_script(
        """
        return [...document.querySelectorAll('figure')].map(f => {
            const [svg, link] = [f.querySelector('svg'), f.querySelector('figcaption a')];
            const [title, told] = ['title', 'desc'].map(tag => svg.querySelector(tag).textContent);
            const table = !link || document.querySelector(link.hash).closest('table') !== null;
            return [svg.getAttribute('role'), title, told, table];
        })
        """
    )
    assert pictures
    for role, title, description, table in pictures:
        assert role == "img"
        assert title
        assert any(letter.isdigit() for letter in description)
        assert description.endswith(".")
        assert table


def test_tables_have_captions_and_heads(opened):
    bare = opened.execute_script(
        """
        return [...document.querySelectorAll('table')].filter(t => !t.caption || !t.caption.textContent.trim()
            || [...t.querySelectorAll('th')].some(h => !h.scope)
            || [...t.tBodies].some(b => [...b.rows].some(r => r.cells[0].tagName !== 'TH'))).length
        """
    )
    assert bare == 0


@pytest.mark.parametrize("page", PAGES)
def test_tab_reaches_everything_in_its_order_and_is_seen(browser, pages, page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    size = {"width": 1000, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(pages[page])
    number = browser.execute_script(
        """
        window.reached = [];
        document.addEventListener('focusin', e => {
            const [look, box] = [getComputedStyle(e.target), e.target.getBoundingClientRect()];
            window.reached.push([window.all.indexOf(e.target), look.outlineStyle, parseFloat(look.outlineWidth),
                box.width > 0 && box.left > -1 && box.right <= innerWidth + 1]);
        });
        window.all = [...document.querySelectorAll('a[href], [tabindex]')];
        return window.all.length;
        """
    )
    ActionChains(browser).send_keys(*[Keys.TAB] * number).perform()
    reached = browser.execute_script("return window.reached")
    assert [at for at, *_ in reached] == list(range(number))
    for at, style, width, there in reached:
        assert (style, there) == ("solid", True), at
        assert width >= 2


def test_no_name_pushes_anything_out_of_its_place(opened):
    wide, room = opened.execute_script("const d = document.documentElement; return [d.scrollWidth, d.clientWidth]")
    assert wide <= room
    outside = opened.execute_script(
        """
        return [...document.querySelectorAll('body *')].filter(e =>
            !e.closest('.scroll, .picture, pre, .skip') && e.getBoundingClientRect().right > innerWidth + 1
        ).map(e => e.outerHTML.slice(0, 80))
        """
    )
    assert outside == []
    cut = opened.execute_script(  # of fonts of other scripts a machine may have none
        """
        return [...document.querySelectorAll('svg text')].filter(t => {
            const [box, at] = [t.ownerSVGElement.getBoundingClientRect(), t.getBoundingClientRect()];
            return /^[\\x20-\\x7e…▲▼−–]*$/.test(t.textContent) && (at.right > box.right + 2 || at.left < box.left - 2);
        }).map(t => t.textContent)
        """
    )
    assert cut == []


def test_a_name_that_runs_from_right_to_left_turns_nothing_around(opened):
    """It stands in an element of its own that isolates it, or in a cell, which no sentence goes on from."""
    bare = opened.execute_script(
        """
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), bare = [];
        for (let node; node = walker.nextNode();)
            if (/[\\u0590-\\u08ff]/.test(node.data) && !node.parentElement.closest('bdi, svg, pre, td, th'))
                bare.push(node.data.trim().slice(0, 80));
        return bare;
        """
    )
    assert bare == []
    turned = "return [...document.querySelectorAll('svg')].filter(s => getComputedStyle(s).direction !== 'ltr').length"
    assert opened.execute_script(turned) == 0
