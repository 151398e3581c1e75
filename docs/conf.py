"""Sphinx: how the documentation is built. ``make docs`` builds it, without network and without warnings."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from sip_luigi import __version__

project = "sip_luigi"
author = "the developers of sip_luigi"
release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.graphviz",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "from_code",
]
exclude_patterns = ["examples", "api/modules.rst"]

smartquotes = False  # options begin with two hyphens

html_theme = "furo"
html_title = "LOFAR Standard Imaging Pipeline"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_copyright = False
html_copy_source = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

graphviz_output_format = "svg"

napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

apidoc_modules = [
    {
        "path": "../sip_luigi",
        "destination": "api",
        # Alembic runs these; they can be imported by nothing else.
        "exclude_patterns": ["../sip_luigi/database/migrations/*", "../sip_luigi/*/__main__.py"],
        "separate_modules": False,
        "module_first": True,
    }
]
# The extension takes these for packages from here alone: what has no docstring is left out.
os.environ["SPHINX_APIDOC_OPTIONS"] = "members,show-inheritance"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_use_type_comments = False
# A process has room for one casacore only, and the pages need none.
autodoc_mock_imports = ["casacore", "everybeam", "bdsf"]

# Nitpicky about what is documented here; other projects would have to be asked over the network.
nitpick_ignore_regex = [(r"py:.*", r"(?!sip_luigi\.).*")]
# The decisions and the change log are read as plain files, too: their headings begin where they like.
# Types in docstrings are short names, of which there may be several: those are left without a link.
suppress_warnings = ["myst.header", "ref.python"]

linkcheck_anchors = False
