"""Cells of CSV files."""

from __future__ import annotations

import pytest

from common.spreadsheets import cell


@pytest.mark.parametrize("text", [
    "=HYPERLINK(\"http://x\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "--"])
def test_formulas_become_texts(text):
    assert cell(text) == "'" + text


@pytest.mark.parametrize("value", [
    "", "-", "-1.5", "+3e7", "-inf", "x=1", "hst_0001.pmap", None, 7, "'=1"])
def test_all_else_stays(value):
    assert cell(value) == value
