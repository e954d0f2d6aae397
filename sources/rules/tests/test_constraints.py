"""Constraints of the library in words, file by file."""

from __future__ import annotations

import pytest

from rules import constraints, expressions
from rules.constraints import of_type


@pytest.fixture(autouse=True)
def any_cache(library, tmp_path):
    library("hst", tmp_path)


@pytest.mark.parametrize("expression, words", [
    ("(ndim(SCI_ARRAY,2))", "array SCI has 2 dimensions"),
    ("(has_type(ERR_ARRAY,'FLOAT'))", "array ERR holds values of type FLOAT"),
    ("(warn_only(has_type(DQ_ARRAY,'INT')))",
     "array DQ holds values of type INT (else a warning)"),
    ("(has_columns(W_ARRAY,['A','B']))", "array W has the columns A, B"),
    ("(not(META_SUBARRAY_NAME)in(['GENERIC','N/A']))",
     "META_SUBARRAY_NAME is none of GENERIC, N/A"),
    ("(1<=META_SUBARRAY_XSTART<=2048)", "1 ≤ META_SUBARRAY_XSTART ≤ 2048"),
    ("(SCI_ARRAY.SHAPE[-2:]in[(2048,2048),(32,2048)])",
     "the image size of array SCI is one of (2048, 2048), (32, 2048)"),
    ("((FASTAXIS==1)and((SLOWAXIS==2)or(SLOWAXIS==-2)))",
     "FASTAXIS is 1 and (SLOWAXIS is 2 or SLOWAXIS is -2)"),
    ("(('IRS2')in(READPATT))", "IRS2 is within READPATT"),
    ("(np.all(MASK_ARRAY.DATA<=1))", "everywhere the data of array MASK ≤ 1"),
    ("(VALUE>0)", "the value > 0"),
    # What has no words stays as it is written; what cannot be parsed, too.
    ("(strange(X,Y)[3])", "strange(X, Y)[3]"),
    ("(1<=", "(1<="),
    ("(" * 300 + "X" + ")" * 300, "(" * 300 + "X" + ")" * 300),
])
def test_expressions_in_words(expression, words):
    assert expressions.in_words(expression) == words


@pytest.mark.parametrize("expression, presence, condition", [
    ("(True)", "required", ""),
    ("(is_imaging_mode(EXP_TYPE))", "required", "EXP_TYPE is an imaging mode"),
    ("(optional(not(is_irs2(READPATT))))", "optional", "READPATT is not an IRS2 pattern"),
    ("(warning(not(META_REFTYPE.startswith('pars-'))))", "missing gives a warning",
     "not: META_REFTYPE begins with pars-"),
    ("(subarray(True)and(is_irs2(READPATT)))", "required",
     "if it is a subarray and READPATT is an IRS2 pattern"),
])
def test_presence_with_a_condition(expression, presence, condition):
    assert expressions.presence(expression) == (presence, condition)


def by_name(file, name):
    return next(each for each in file.constraints if each.name == name)


def test_constraints_of_a_type_of_hst():
    found = of_type("hst", "acs", "biasfile")
    assert [file.name for file in found.files] == ["acs_bia.tpn"]
    assert [file.name for file in found.for_rules] == ["acs_bia_ld.tpn"]
    detector = by_name(found.files[0], "DETECTOR")
    assert (detector.place, detector.type, detector.presence) == ("keyword", "text", "required")
    assert detector.values == ("WFC", "HRC") and not detector.rule
    assert "date" in by_name(found.files[0], "USEAFTER").rule
    assert of_type("hst", "cos", "lamptab").row_keys


def test_general_files_come_before_special_ones_with_includes_read():
    found = of_type("jwst", "nirspec", "area")
    names = [file.name for file in found.files]
    assert names[0] == "all_all.tpn" and names[-1] == "nirspec_area.tpn"
    special = found.files[-1]
    assert not any(each.line.startswith(("include", "replace")) for each in special.constraints)
    # This line comes from an include, with a replacement in it.
    assert any(each.condition == "EXP_TYPE is an imaging mode" for each in special.constraints)
    assert by_name(special, "AREA").place == "array"
    assert any(each.place == "table column" for file in of_type("hst", "cos", "lamptab").files
               for each in file.constraints)


@pytest.mark.parametrize("instrument, filekind", [("acs", "nothing"), ("", ""), ("none", "x")])
def test_unknown_types_have_none(instrument, filekind):
    assert of_type("hst", instrument, filekind) == constraints.TypeConstraints((), (), ())


@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman", "tobs"])
def test_every_file_of_the_library_can_be_shown(library, tmp_path, observatory):
    library(observatory, tmp_path)
    lines = 0
    for instrument, kinds in constraints._types(observatory).unified_defs.items():
        for filekind in kinds:
            found = of_type(observatory, instrument, filekind)
            for file in (*found.files, *found.for_rules):
                assert not file.problem
                lines += len(file.constraints)
                assert all(each.name and each.place in constraints.PLACES.values()
                           and each.type in constraints.TYPES.values() and each.presence
                           for each in file.constraints)
    assert lines > 0


def test_a_broken_file_is_told(tmp_path):
    path = tmp_path / "x.tpn"
    path.write_text("NAME H C R VALUES MORE THAN FIVE\n")
    assert "x.tpn cannot be read" in constraints._read(path).problem
