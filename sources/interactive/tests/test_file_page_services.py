"""What the page of a file tells, from rows and texts of rules that tests make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from interactive.models import CatalogFile, ContextHistory, ContextPointer
from interactive.services import store
from interactive.services.file_page import (
    activation,
    facts,
    history,
    lineage,
    picture,
    rule_text,
    used_by,
)
from interactive.services.file_page.activation import Interval
from interactive.services.file_page.ranges import Range, ranges
from rules.tables import NotATable

from . import catalogue

pytestmark = pytest.mark.django_db


def day(number: int) -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number)


# ---- ranges and times --------------------------------------------------------


def pmaps(*numbers: int) -> list[str]:
    return [f"hst_{number:04d}.pmap" for number in numbers]


@pytest.mark.parametrize("names, published, expected", [
    ((1, 2, 3), (1, 2, 3, 4), [(1, 3, 3)]),
    # Numbers that were never given out are no gap; published ones are.
    ((1, 2, 5), (1, 2, 5, 9), [(1, 5, 3)]),
    ((1, 3, 4), (1, 2, 3, 4), [(1, 1, 1), (3, 4, 2)]),
    ((), (1, 2), []),
])
def test_ranges(names, published, expected):
    assert ranges(pmaps(*names), pmaps(*published)) == [
        Range(*pmaps(first, last), count) for first, last, count in expected]


def test_ranges_keep_series_apart_and_take_names_without_a_number_first():
    names = ["hst_acs_0002.imap", "hst.pmap", "hst_0001.pmap", "hst_acs.imap"]
    assert ranges(names, names) == [
        Range("hst.pmap", "hst_0001.pmap", 2), Range("hst_acs.imap", "hst_acs_0002.imap", 2)]


def test_times_as_latest_are_merged_and_end_with_the_next_context():
    entries = [(day(n), name) for n, name in enumerate("abacxab")]
    assert activation.merged({"a", "b"}, entries) == [
        Interval(day(0), day(3), "a"), Interval(day(5), None, "a")]
    assert activation.merged({"x"}, entries) == [Interval(day(4), day(5), "x")]
    assert activation.merged({"y"}, entries) == []


def test_times_of_files_of_every_level_take_a_constant_number_of_queries(
        django_assert_num_queries):
    for serial in range(1, 5):
        catalogue.make(serial)
    ContextHistory.objects.create(start_date=day(0), context="hst_0000.pmap")
    names = ["hst_0002.pmap", "hst_acs_0002.imap", "hst_acs_biasfile_0002.rmap",
             "r0002000a_acs_biasfile.fits", "r0004000a_acs_biasfile.fits"]
    files = list(CatalogFile.objects.filter(name__in=names).values_list("pk", "name"))
    with django_assert_num_queries(5):
        times = activation.intervals(files)
    starts = dict(ContextHistory.objects.values_list("context", "start_date"))
    for pk, name in files:
        (found,) = times.of[pk]
        serial = 4 if "0004" in name else 2
        assert found.start == starts[f"hst_{serial:04d}.pmap"]
        assert found.end == starts.get(f"hst_{serial + 1:04d}.pmap")
    assert [time.context for time in times.unknown] == ["hst_0000.pmap"]


# ---- used by -------------------------------------------------------------------


def test_used_by_goes_up_level_by_level_and_names_contexts_in_use(django_assert_max_num_queries):
    catalogue.make(1)
    pmap = catalogue.make(2)
    imap = CatalogFile.objects.get(name="hst_acs_0001.imap")
    third = catalogue.file("hst_0003.pmap")
    catalogue.link(third, imap, "acs")
    ContextPointer.objects.create(kind="versions", context=third)
    reference = CatalogFile.objects.get(name="r0001000a_acs_biasfile.fits")
    with django_assert_max_num_queries(8):
        found = used_by.used_by(reference)
    assert [(level.extension, level.direct, level.count) for level in found.levels] == [
        (".rmap", True, 1), (".imap", False, 1), (".pmap", False, 2)]
    assert found.contexts == [Range("hst_0001.pmap", "hst_0001.pmap", 1),
                              Range("hst_0003.pmap", "hst_0003.pmap", 1)]
    assert found.roles == [("versions", "hst_0003.pmap")]
    assert used_by.used_by(pmap).levels == []


def test_rules_that_are_not_published_use_nothing():
    catalogue.make(1)
    draft = catalogue.file("hst_0002.pmap", state="uploaded")
    imap = CatalogFile.objects.get(name="hst_acs_0001.imap")
    catalogue.link(draft, imap, "acs")
    assert used_by.used_by(imap).contexts == [Range("hst_0001.pmap", "hst_0001.pmap", 1)]


# ---- lineage of rules ------------------------------------------------------------


def chain(*parents: tuple[int, int]) -> None:
    """Contexts by (number, number of the one it was derived from)."""
    for number, parent in parents:
        catalogue.file(f"hst_{number:04d}.pmap",
                       derived_from=f"hst_{parent:04d}.pmap" if parent else "made by hand")


def of(name: str) -> lineage.Lineage:
    return lineage.of_rule(CatalogFile.objects.get(name=name))


def test_rules_are_followed_up_and_down_with_branches():
    chain((1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (6, 4))
    found = of("hst_0002.pmap")
    assert [(m.name, m.relation) for m in found.members] == [
        ("hst_0001.pmap", lineage.ANCESTOR), ("hst_0002.pmap", lineage.ITSELF),
        *((name, lineage.DESCENDANT) for name in pmaps(3, 4, 5, 6))]
    assert {m.name: m.parents for m in found.members}["hst_0006.pmap"] == ["hst_0004.pmap"]
    assert found.members[0].parents == [] and of("hst_0001.pmap").derived_from == "made by hand"


def test_long_lines_show_the_neighbourhood_and_count_the_rest(django_assert_max_num_queries):
    chain(*((number, number - 1) for number in range(1, 501)))
    with django_assert_max_num_queries(7):
        found = of("hst_0250.pmap")
    assert len(found.members) == lineage.GENERATIONS + 1 + lineage.SIDE
    assert (found.earlier, found.later) == (244, 240)
    assert [m.name for m in found.members] == pmaps(*range(245, 261))


def test_rules_derived_from_each_other_end():
    chain((1, 2), (2, 1), (3, 3))
    assert {m.name for m in of("hst_0001.pmap").members} == {"hst_0001.pmap", "hst_0002.pmap"}
    assert of("hst_0003.pmap").alone


# ---- history of references ---------------------------------------------------------


FIRST, NEXT, LATER, OTHER = "a1_bia.fits", "b1_bia.fits", "c1_bia.fits", "d1_bia.fits"


def rmap_text(name: str, cases: dict[tuple[str, ...], dict[str, str]]) -> str:
    """An rmap whose cases have dates with references."""
    lines = [
        "header = {", "    'filekind' : 'BIASFILE',", "    'instrument' : 'ACS',",
        "    'mapping' : 'REFERENCE',", f"    'name' : '{name}',", "    'observatory' : 'HST',",
        "    'parkey' : (('DETECTOR', 'CCDAMP'), ('DATE-OBS', 'TIME-OBS')),",
        f"    'sha1sum' : '{name}',", "}", "", "selector = Match({"]
    for case, dates in cases.items():
        lines.append(f"    {case!r} : UseAfter({{")
        lines += [f"        '{date}-01-01 00:00:00' : '{reference}',"
                  for date, reference in dates.items()]
        lines.append("    }),")
    return "\n".join([*lines, "})", ""])


@pytest.fixture
def rmaps(instance):
    """``rmaps({case: {year: reference}}, …)``: a series of rules in catalogue and store."""
    def make(*contents: dict) -> list[CatalogFile]:
        return [_store(number, cases) for number, cases in enumerate(contents, 1)]

    return make


def _store(number: int, cases: dict) -> CatalogFile:
    name = f"hst_acs_biasfile_{number:04d}.rmap"
    path = store.folder_for(name) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rmap_text(name, cases))
    row = catalogue.file(name, instrument="acs", filekind="biasfile")
    CatalogFile.objects.filter(pk=row.pk).update(uploaded_as=name)
    for reference in {ref for dates in cases.values() for ref in dates.values()}:
        child = CatalogFile.objects.filter(name=reference).first() or catalogue.file(
            reference, instrument="acs", filekind="biasfile")
        catalogue.link(row, child)
    return row


@pytest.fixture(autouse=True)
def own_checksums(monkeypatch):
    """Rows of tests all have the same sha1sum, by which tables are kept."""
    monkeypatch.setattr(catalogue, "file", _with_checksum(catalogue.file))


def _with_checksum(make):
    import hashlib

    def file(name, **fields):
        row = make(name, **{**fields, "state": "uploaded"})
        row.sha1sum = hashlib.sha1(name.encode()).hexdigest()
        row.state = fields.get("state", "latest")
        row.save()
        return row

    return file


WFC, HRC = ("WFC", "A"), ("HRC", "A")


def history_of(name: str) -> history.Series:
    (series,) = history.compute(CatalogFile.objects.get(name=name))
    return series


def neighbours(series: history.Series) -> set[tuple[str, str]]:
    return {(each.relation, each.name) for each in series.neighbours}


def test_what_a_reference_replaced_and_what_replaced_it(rmaps):
    rmaps({WFC: {2000: FIRST}}, {WFC: {2000: NEXT}}, {WFC: {2000: NEXT}, HRC: {2001: OTHER}},
          {WFC: {2000: LATER}, HRC: {2001: OTHER}})
    found = history_of(NEXT)
    assert found.appeared == [
        {"rules": "hst_acs_biasfile_0002.rmap", "before": "hst_acs_biasfile_0001.rmap"}]
    assert found.left == [
        {"rules": "hst_acs_biasfile_0004.rmap", "before": "hst_acs_biasfile_0003.rmap"}]
    assert neighbours(found) == {(history.REPLACED, FIRST), (history.REPLACED_BY, LATER)}
    (span,) = found.spans
    assert (span.first[-9:], span.last[-9:], span.count) == ("0002.rmap", "0003.rmap", 2)
    assert span.titles == ["DETECTOR", "CCDAMP"]
    assert span.patterns == [{"values": ["WFC", "A"], "dates": ["2000-01-01 00:00:00"]}]


def test_neighbours_in_time(rmaps):
    rmaps({WFC: {2000: FIRST}}, {WFC: {2000: FIRST, 2005: NEXT}},
          {WFC: {2000: FIRST, 2005: NEXT, 2009: LATER}})
    assert neighbours(history_of(NEXT)) == {
        (history.FOLLOWS, FIRST), (history.FOLLOWED_BY, LATER)}
    assert neighbours(history_of(FIRST)) == {(history.FOLLOWED_BY, NEXT)}
    assert history_of(FIRST).appeared[0]["before"] == ""


def test_a_split_case_is_followed_to_the_case_it_came_from(rmaps):
    rmaps({("WFC|HRC", "A"): {2000: FIRST}}, {WFC: {2000: NEXT}, HRC: {2000: FIRST}})
    assert (history.REPLACED, FIRST) in neighbours(history_of(NEXT))


def test_a_reference_that_comes_back_has_two_spans(rmaps):
    rmaps({WFC: {2000: FIRST}}, {WFC: {2000: NEXT}}, {WFC: {2000: FIRST}}, {WFC: {2001: FIRST}})
    found = history_of(FIRST)
    assert [(span.first[-9:], span.count) for span in found.spans] == [
        ("0001.rmap", 1), ("0003.rmap", 1), ("0004.rmap", 1)]
    assert [event["rules"][-9:] for event in found.left] == ["0002.rmap"]


def test_unchanged_rules_are_not_parsed(rmaps, monkeypatch):
    rmaps(*({WFC: {2000: FIRST}, HRC: {1990 + number: OTHER}} for number in range(9)))
    parsed = []
    table_of = history.rule_tables.table_of
    monkeypatch.setattr(history.rule_tables, "table_of",
                        lambda row: parsed.append(row.name) or table_of(row))
    (span,) = history_of(FIRST).spans
    assert span.count == 9 and len(parsed) == 1


def test_rules_that_are_not_stored_or_broken_are_told_not_guessed(rmaps):
    rows = rmaps({WFC: {2000: FIRST}}, {WFC: {2000: FIRST}}, {WFC: {2000: FIRST}})
    CatalogFile.objects.filter(pk=rows[1].pk).update(stored=False)
    (store.folder_for(rows[2].name) / rows[2].name).write_text(f"'{FIRST}' ({{ broken")
    spans = history_of(FIRST).spans
    assert [bool(span.problem) for span in spans] == [False, True, True]
    with pytest.raises(NotATable):
        from rules.tables import read

        read(rows[2].name, b"broken")


def test_signatures_see_what_matters_and_nothing_else():
    def of_text(cases, name="x.rmap"):
        return history.signature(rmap_text(name, cases).encode(), FIRST.encode())

    base = of_text({WFC: {2000: FIRST}})
    assert base and of_text({WFC: {2000: FIRST, 2001: NEXT}}, "y.rmap") == base
    assert of_text({HRC: {2000: FIRST}}) != base != of_text({WFC: {2001: FIRST}})
    assert of_text({WFC: {2000: NEXT}}) == b""
    assert of_text({WFC: {2000: f"x{FIRST}"}}) not in (base, b"")
    one_line = f"selector = Match({{('A',) : UseAfter({{'2000' : '{FIRST}'}})}})".encode()
    assert history.signature(one_line, FIRST.encode()) != history.signature(
        one_line.replace(b"('A',)", b"('B',)"), FIRST.encode())


def test_a_lineage_of_a_reference_knows_names_that_are_not_published(rmaps):
    rmaps({WFC: {2000: FIRST}}, {WFC: {2000: NEXT}})
    CatalogFile.objects.filter(name=NEXT).update(replaced_by_filename="gone.fits")
    file = CatalogFile.objects.get(name=NEXT)
    found = lineage.of_reference(file, history.compute(file))
    assert [(m.name, m.known, m.itself) for m in found.members] == [
        (FIRST, True, False), (NEXT, True, True), ("gone.fits", False, False)]
    assert found.members[1].parents == [FIRST]


# ---- picture ---------------------------------------------------------------------


def line(*times: tuple[int, int | None]) -> lineage.Lineage:
    """Members with one interval each, from and until days."""
    members = [
        lineage.Member(f"hst_{number:04d}.pmap", lineage.ITSELF if number == 0 else "x",
                       parents=[f"hst_{number - 1:04d}.pmap"] if number else [],
                       intervals=[Interval(day(a), day(b) if b else None, "x")])
        for number, (a, b) in enumerate(times)]
    return lineage.Lineage(members)


@pytest.mark.parametrize("times", [
    [(0, 1)], [(0, None)], [(0, 40), (40, 300)], [(0, 4000), (4000, None)], [(0, 9), (9, 12)]])
def test_pictures_stay_in_their_frame_with_readable_ticks(times):
    drawn = picture.draw(line(*times), now=day(4100))
    for row in drawn.rows:
        for bar in row.bars:
            assert drawn.axis <= bar.x and bar.x + bar.width <= drawn.width
    places = [tick.x for tick in drawn.ticks]
    assert all(later - earlier > 30 for earlier, later in pairwise(places))
    assert len(drawn.lines) == len(times) - 1


def test_a_file_that_never_was_latest_has_no_picture():
    assert picture.draw(lineage.Lineage([lineage.Member("x", lineage.ITSELF)])) is None


# ---- facts -----------------------------------------------------------------------


@pytest.mark.parametrize("count, shown", [
    (580, "580 ( 580)"), (0, "0 ( 0)"), (10592640, "10592640 ( 10.6 M)"),
    (999_999_999_999_999, "999999999999999 ( 1000.0 T)"), (None, "")])
def test_sizes(count, shown):
    assert facts.size(count) == shown


def test_near_names_are_alike_published_and_found_by_few_queries(django_assert_max_num_queries):
    catalogue.make(1)
    catalogue.file("hst_0099.pmap", state="uploaded")
    with django_assert_max_num_queries(6):
        assert facts.near_names("HST_ACS_biasfil_0001.rmap")[0] == "hst_acs_biasfile_0001.rmap"
    assert "hst_0099.pmap" not in facts.near_names("hst_0099.pmap")
    for hostile in ("", " ", "\x00", "%", "é" * 300, "x" * 5000):
        facts.near_names(hostile)


def test_a_mail_address_of_a_deliverer_is_never_shown():
    row = catalogue.file("x_bia.fits", deliverer_user="somebody@example.invalid",
                         deliverer_email="somebody@example.invalid")
    assert "example.invalid" not in str(facts.record(row, [], set()))


# ---- text of rules ---------------------------------------------------------------


def test_lines_are_coloured_escaped_and_linked():
    html = rule_text.coloured(
        "    'B<i>' : 'hst_acs_0001.imap', 1.5, Match # 'x'", {"hst_acs_0001.imap"},
        lambda name: f"/browse/{name}")
    assert html == (
        '    <span class="t-text">&#x27;B&lt;i&gt;&#x27;</span> : <span class="t-text">&#x27;'
        '<a href="/browse/hst_acs_0001.imap">hst_acs_0001.imap</a>&#x27;</span>,'
        ' <span class="t-number">1.5</span>, <span class="t-name">Match</span>'
        " <span class=\"t-comment\"># &#x27;x&#x27;</span>")


def test_long_rules_come_in_pages_with_texts_over_several_lines(instance):
    row = catalogue.file("hst_acs_biasfile_0001.rmap", instrument="acs", filekind="biasfile")
    path = store.folder_for(row.name) / row.name
    path.parent.mkdir(parents=True)
    body = "\n".join(f"<line {n}> 'x.fits'" for n in range(2 * rule_text.PAGE))
    path.write_text(f"header = {{\n 'a' : 'b<',\n 'parkey' : ('A',),\n}}\ncomment = '''\n{body}\n"
                    "'''\nselector = Match({})\n")
    first, last = (rule_text.page(row, number, str) for number in (1, 99))
    assert (first.number, first.previous, first.next) == (1, None, 2)
    assert (last.number, last.pages, last.next) == (3, 3, None)
    assert last.total == 2 * rule_text.PAGE + 7 == last.lines[-1].number
    assert str(first.lines[100].html).startswith('<span class="t-text">&lt;line')
    assert "t-name" in last.lines[-1].html
    header = rule_text.header(row)
    assert header.fields == [("a", "b<"), ("parkey", "('A',)")]
    assert header.comment.startswith("<line 0>")


def test_now_is_not_before_the_last_start():
    start = timezone.now() + timedelta(days=3)
    found = lineage.Lineage([lineage.Member("x", lineage.ITSELF,
                                            intervals=[Interval(start, None, "x")])])
    assert picture.draw(found).rows[0].bars[0].width > 0
