"""Hostile requests: whatever comes, each address answers with words, in time, and not with a fault.

Addresses are those that Django knows, with parameters from known and from odd values; queries
have the names that the pages' own forms and the REST API's schema have.  The choice is random
with a fixed seed, so a failure can be repeated.
"""

from __future__ import annotations

import json
import random
import re
import time
from urllib.parse import quote, urlencode

import pytest
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from common.api import api

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

SEED = 20

#: Seconds that one request may take, on a busy machine.
LONGEST = 8

#: Variants of each page, and of each operation of the REST API.
VARIANTS = 12

EVIL = "<script>alert(1)</script>"

#: Values that no form sends.
ODD = (
    "", " ", "\0", "a\0b", "\ud800", "\u202e\ufeff", "\x1b[0m\r\nSet-Cookie: a=b", "%", "%00",
    "%ff", "..", "../../etc/passwd", "..%2f..", "/etc/passwd", "\\\\host\\share", "~", ".", "-",
    EVIL, '"><img src=x onerror=alert(1)>', "{{7*7}}", "{% debug %}", "' OR 1=1 --", "`id`",
    "-1", "0", "1e309", "nan", "inf", "9" * 30, "9" * 5000, "-" + "9" * 30, "\u0661", "\u00b2",
    "2147483648", "9223372036854775808", "0x10", "1_000", "true", "null", "[]", "{}", "*",
    "?" * 60, "*a" * 60, "[" * 200, "(" * 200, "a" * 70_000, "\U0001f600" * 100,
    "\u00e9\u0130\u0131\u1e9e", "0000-00-00", "9999-12-31T23:59:59.999999", "10000-01-01",
    "0001-01-01", "2020-02-30", "2020-01-01T00:00:00+99:99", "9999-12-31T23:59:59-23:59",
    "hst-0001-01-01", "hst-9999-12-31",
)

#: Values that lead deeper.
KNOWN = (
    "hst-latest", "hst-edit", "latest", "hst", "acs", "biasfile", "dark", "1", "2", "50", "csv",
    "json", "votable", "xml", "script", "table", "name", "-name", "delivery_date", "LCE31SW6Q",
    "JBANJOF3Q:JBANJOF3Q", "2016-01-01", ".fits", ".pmap", "all", "ACS", "rules", "header",
    "lineage", "used_by", "patterns", "contents", "sections", "mapping", "N/A", "WFC",
)

#: Names that lists and pages take besides those of their forms.
USUAL = (
    "page", "per_page", "sort", "format", "q", "a", "b", "files", "part", "plane", "type", "year",
    "context", "context2", "id", "ids", "instrument", "filekind", "edit", "look", "change",
    "pmap_mode", "pmap_text", "latest", "span", "limit", "offset", "next", "name", "types",
)

HEADERS = (
    {}, {}, {}, {"HX-Request": "true"}, {"HX-Request": "true", "HX-Target": "list"},
    {"Accept": "application/json"}, {"If-None-Match": 'W/"\udc80'},
    {"Range": "bytes=9999999999999-"}, {"If-Modified-Since": "Thu, 99 Foo 99999"},
    {"X-Request-ID": "a" * 9000}, {"HX-Current-URL": "%ff\x7f//["},
    {"Cookie": "sessionid=\x00; csrftoken=" + "x" * 4000},
)

FORM = "application/x-www-form-urlencoded"
BODIES = (
    (b"", "text/plain"), (b"\xff\xfe\0", "application/json"), (b"{" * 100_000, "application/json"),
    (b"[" * 100_000, "application/json"), (b"a=%ff&b=%00&" * 50, FORM),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x"), (b"x", "multipart/form-data"),
    (b"x", f"multipart/form-data; boundary={'y' * 300}"), (b"a=1", "text/html; charset=nonsense"),
    (b"a=1&a=2", f"{FORM}; charset=utf-16"),
)


def patterns(resolver, before: str = ""):
    """Regular expressions of all addresses of the site, except those of other packages."""
    for each in resolver.url_patterns:
        text = before + each.pattern.regex.pattern.removeprefix("^")
        if text.startswith("admin/"):
            continue
        if isinstance(each, URLPattern):
            yield text
        else:
            yield from patterns(each, text)


#: A parameter of an address in Django's expressions.
GROUP = re.compile(r"\(\?P<\w+>(?:[^()\\]|\\.|\([^()]*\))*\)")
PAGES = sorted({text for text in patterns(get_resolver())})
SCHEMA = api.get_openapi_schema()
OPERATIONS = sorted(
    (path, method) for path, methods in SCHEMA["paths"].items() for method in methods)


def encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass")[:3000], safe="")


class Attacker:
    """Sends requests and judges the answers."""

    def __init__(self, client, names: list[str], dice: random.Random):
        self.client, self.names, self.dice = client, names, dice
        #: Where faults are gathered instead of failing at the first.
        self.collected: list[str] | None = None
        client.raise_request_exception = False

    def value(self, odd: float = 0.5) -> str:
        if self.dice.random() < odd:
            return self.dice.choice(ODD)
        return self.dice.choice(self.names if self.dice.random() < 0.5 else KNOWN)

    def query(self, names) -> str:
        number = self.dice.choice((0, 1, 1, 2, 3, 6))
        pairs = [(self.dice.choice(names), self.value().encode("utf-8", "surrogatepass"))
                 for _ in range(number)]
        return urlencode(pairs)

    def address(self, pattern: str) -> str:
        """``pattern`` with its parameters filled in."""
        filled = GROUP.sub(lambda found: encoded(self.value(0.3)), pattern)
        filled = filled.replace("(?:un)?", self.dice.choice(("", "un"))).replace("/?", "/")
        return "/" + re.sub(r"\\[zZ]|[$^]", "", filled).replace("\\", "")

    def send(self, method: str, address: str, **options):
        start = time.monotonic()
        response = self.client.generic(method, address, **options)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        taken = time.monotonic() - start
        wrong = fault(response, body, taken)
        about = f"{wrong}: {method} {address[:600]} {str(options)[:300]}"
        if self.collected is None:
            assert not wrong, about
        elif wrong:
            self.collected.append(about)
        return response, body

    def json_body(self) -> bytes:
        """A body for an operation that takes headers, right in some parts."""
        if self.dice.random() < 0.2:
            return self.dice.choice((
                b"null", b"[" * 50_000, b'{"ids":' * 20_000, b'{"ids": 1e400}', b"\xff", b""))
        header = {self.value(): self.value() for _ in range(3)} | {
            "INSTRUME": "ACS", "DATE-OBS": self.value(0.8)}
        whole = {
            "context": self.value(0.1), "context2": self.value(0.1), "id": self.value(),
            "ids": [self.value()], "headers": {self.value(): header}, "header": header,
            "types": [self.value()], "type": self.value(), "name": self.value()}
        kept = {key: value for key, value in whole.items() if self.dice.random() < 0.5}
        if self.dice.random() < 0.3:
            kept[self.dice.choice(list(whole))] = self.dice.choice((None, [[]], {"a": {}}, 1e300))
        return json.dumps(kept).encode()


def fault(response, body: bytes, taken: float) -> str:
    """What is wrong with an answer, empty if nothing is."""
    if response.status_code >= 500 and not (response.status_code == 503 and body):
        return f"status {response.status_code}"
    if b"Traceback (most recent" in body:
        return "a traceback"
    if response["Content-Type"].startswith("text/html") and (
            EVIL.encode() in body or b'"><img src=x' in body):
        return "markup that was not escaped"
    return f"{taken:.1f} s" if taken > LONGEST else ""


@pytest.fixture
def attacker(request, client, hst_demo):
    from interactive.models import CatalogFile

    dice = random.Random(f"{SEED} {request.node.name}")
    names = sorted(CatalogFile.objects.values_list("name", flat=True))
    few = [name for name in names if name.endswith((".pmap", ".imap"))] + names[::max(
        len(names) // 40, 1)]
    return Attacker(client, few, dice)


def fields(body: bytes) -> list[str]:
    """Names of the fields of the forms of a page."""
    return sorted(set(re.findall(r'<(?:input|select|textarea)[^>]*? name="([^"]+)"',
                                 body.decode("utf-8", "replace"))))


def visit_pages(attacker: Attacker, variants: int) -> None:
    for pattern in PAGES:
        names = list(USUAL)
        for variant in range(variants):
            query = attacker.query(names) if variant else ""
            headers = attacker.dice.choice(HEADERS) if variant > 1 else {}
            response, body = attacker.send(
                "GET", f"{attacker.address(pattern)}?{query}".rstrip("?"), headers=headers)
            if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
                names = [*USUAL, *fields(body) * 3]


def send_bodies(attacker: Attacker, methods=("POST", "PUT", "OPTIONS", "HEAD", "ODD")) -> None:
    for pattern in PAGES:
        for method in methods:
            body, kind = attacker.dice.choice(BODIES)
            attacker.send(method, attacker.address(pattern), data=body, content_type=kind)


def ask_operations(attacker: Attacker, variants: int) -> None:
    for path, method in OPERATIONS:
        operation = SCHEMA["paths"][path][method]
        names = [each["name"] for each in operation.get("parameters", ())
                 if each["in"] == "query"] or ["limit"]
        for _ in range(variants * (5 if method == "post" else 1)):
            address = re.sub(r"{\w+}", lambda _: encoded(attacker.value(0.3)), path)
            response, body = attacker.send(
                method.upper(), f"{address}?{attacker.query(names)}",
                data=attacker.json_body() if method == "post" else b"",
                content_type="application/json")
            if response.status_code >= 400:
                assert json.loads(body)["detail"]


def test_pages(attacker):
    visit_pages(attacker, VARIANTS)


def test_methods_and_bodies(attacker):
    send_bodies(attacker)


def test_operations(attacker):
    ask_operations(attacker, VARIANTS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(5))
def test_more_of_everything(attacker, seed):
    attacker.collected = []
    visit_pages(attacker, 60)
    send_bodies(attacker)
    ask_operations(attacker, 60)
    assert attacker.collected == []
