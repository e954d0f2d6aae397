"""Sphinx configuration of the developers' and operators' documentation."""

project = "CRDS server"
copyright = "the CRDS server developers"
extensions = []
html_theme = "alabaster"
html_theme_options = {"description": "Calibration Reference Data System, the server"}
exclude_patterns = ["_build"]
nitpicky = True
