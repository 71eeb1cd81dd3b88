"""How the pages are built: `make docs`. Nothing is fetched, neither by the build nor by who reads.

numpydoc reads the docstrings, not napoleon: it leaves the type slot as it was written, with shapes and units, where
napoleon makes of every word in it a link that leads nowhere. Formulas become MathML by docutils' own converter, which
every browser draws by itself: sphinx.ext.mathjax would load a script from elsewhere, sphinx.ext.imgmath needs LaTeX.
"""

import shutil
import sys
import tempfile
from importlib.metadata import version as version_of
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import sp2lnob

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

project = "sp2lnob"
author = "The sp2lnob developers"
project_copyright = author
version = release = version_of("sp2lnob")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_made", "_templates"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore = [("py:obj", "feature_importances_")]  # a property among attributes, which numpydoc takes for a page

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
# A method that users are to call has an example; the others stay out of the pages.
promised = {
    name: [method for method, it in vars(made).items() if "Examples" in (getattr(it, "__doc__", None) or "")]
    for name, made in ((name, getattr(sp2lnob, name)) for name in sp2lnob.__all__)
    if isinstance(made, type)
}

autosummary_generate = True
autosummary_context = {"promised": promised}
# Where the case of letters is no difference between files, these two would be those of functions.
autosummary_filename_map = {f"sp2lnob.{name}": f"sp2lnob.{name}-statistic" for name in ("Lorenz", "Quantile")}
autodoc_typehints = "none"  # the docstrings say it, with shapes and units
autodoc_preserve_defaults = True
numpydoc_show_class_members = False  # the template lists them
numpydoc_class_members_toctree = False
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "sp2lnob"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_copy_source = False
ALONE = "tour from-r from-stata methods coverage performance reproducibility disclosure citing"
html_sidebars: dict[str, list[str]] = {page: [] for page in ALONE.split()}
html_theme_options = {
    "logo": {"text": "sp2lnob"},
    "show_prev_next": False,
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
}


def pictures(app: Sphinx) -> None:
    """Run the pages that save pictures, so that each shows what its own code draws."""
    import blocks

    made = DOCS / "_made"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    for page in filter(Path.exists, blocks.PAGES):
        if "_made/" not in page.read_text(encoding="utf-8"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            blocks.run(page, Path(folder))
            for path in sorted(Path(folder).glob("*.svg")) + sorted(Path(folder).glob("report.html")):
                shutil.copy(path, made / path.name)


def bars(app: Sphinx, what: str, name: str, made: object, options: object, lines: list[str]) -> None:
    """Let a bar in a docstring be what a terminal shows: an absolute value, no substitution."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else line.replace("|", r"\|") for line in lines]


def inline_math(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def block_math(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula of its own."""
    writer.body.append(f'<div class="formula">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the pictures and the formulas."""
    app.connect("builder-inited", pictures)
    app.connect("autodoc-process-docstring", bars, priority=400)  # before numpydoc
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))


html_math_renderer = "mathml"
