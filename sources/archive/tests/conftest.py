"""Datasets as an HST archive has them: associations, single exposures, two instruments."""

import pytest

from archive import services

ACS = {"INSTRUME": "ACS", "DETECTOR": "WFC", "DATE-OBS": "2010-01-31", "TIME-OBS": "01:07:14.96"}
COS = {"INSTRUME": "COS", "DETECTOR": "FUV", "DATE-OBS": "2015-06-01", "TIME-OBS": "12:00:00",
       "BADTTAB": "S7O1739KL_BADT.FITS"}
UNDATED = {"INSTRUME": "COS", "DETECTOR": "NUV"}

ITEMS = [
    ("JCL403010", "JCL403ECQ", "", ACS),
    ("JCL403010", "JCL403EEQ", "", {**ACS, "DATE-OBS": "2011-01-31"}),
    ("JCL403020", "JCL403EEQ", "", {**ACS, "DATE-OBS": "2011-01-31"}),
    ("JBANJOF3Q", "JBANJOF3Q", "", ACS),
    ("LCE31SW6Q", "LCE31SW6Q", "", COS),
    ("LCE31SW7Q", "LCE31SW7Q", "", UNDATED),
]


@pytest.fixture
def datasets(db_archive):
    return services.load(ITEMS, source="tests")


@pytest.fixture
def db_archive(db):
    """The archive's database; tests that use it are marked with ``databases``."""
