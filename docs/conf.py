"""The manual: Sphinx reads the pages of this folder as they stand, and runs the case studies (`make docs`)."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "ranef"
author = "ranef developers"
project_copyright = "ranef developers, BSD-3-Clause"
release = version = version_of("ranef")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "manual",
]
exclude_patterns = ["_build", "template", "examples", "_extensions", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]

# Nothing is asked of the network: no intersphinx, no fonts, no MathJax (formulas are Unicode).
html_theme = "pydata_sphinx_theme"
html_title = "ranef"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "first-fit": [], "changelog": []}

# Pages: the examples in those without cells are tested by pytest; the case studies are run here.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True
nb_render_markdown_format = "myst"

# Reference: every public name has an entry (the extension `manual` looks), a class a page with all members.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "alphabetical"
autodoc_typehints = "none"
numpydoc_show_class_members = False
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
