"""Sphinx configuration of the guide, which the server serves at /static/users_guide/."""

project = "CRDS server"
copyright = "the CRDS server developers"
extensions = []
html_title = "CRDS user guide"
html_theme = "alabaster"
html_theme_options = {"description": "Calibration Reference Data System, the server",
                      "page_width": "66rem", "font_size": "1rem",
                      "font_family": "var(--sans)", "head_font_family": "var(--sans)",
                      "code_font_family": "var(--mono)"}
# Not the theme's search box: its inline script is refused by the server's content policy.
html_sidebars = {"**": ["about.html", "server.html", "navigation.html"]}
html_static_path = ["_static"]
html_css_files = ["guide.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
templates_path = ["_templates"]
exclude_patterns = ["_build"]
nitpicky = True
