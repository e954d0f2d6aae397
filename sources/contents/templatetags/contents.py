"""How pages show descriptions of files: values, pictures, trees."""

from __future__ import annotations

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from contents import services, words

register = template.Library()

#: Branches of a tree that are open at first: down to this level, if not too many.
OPEN_LEVELS, OPEN_CHILDREN = 2, 40

register.filter(words.size)


@register.filter
def short(value) -> str:
    """A number with few digits; a dash for none."""
    return "\u2013" if value is None else words.number(value).replace("-", "\u2212")


@register.filter
def percent(share: float) -> str:
    """A share between 0 and 1 in percent."""
    return f"{words.number(100 * share, 3)}\u202f%"


@register.filter
def card(value) -> str:
    """The value of a header card as FITS writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "T" if value else "F"
    return str(value)


@register.inclusion_tag("contents/picture.html")
def picture(file, picture: dict, caption: str = ""):
    """A figure for light and dark pages."""
    return {"picture": picture, "caption": caption or picture.get("caption", ""),
            "light": _address(file, f"{picture['name']}-light"),
            "dark": _address(file, f"{picture['name']}-dark")}


@register.simple_tag
def thumbnail(file, picture: dict) -> SafeString:
    """A small picture beside words that say what it shows."""
    return format_html(
        '<img src="{}" alt="" width="{}" height="{}" loading="lazy" decoding="async">',
        _address(file, picture["name"]), picture["width"], picture["height"])


def _address(file, name: str) -> str:
    return f"{reverse('contents_picture', args=[file.name, name])}?v={services.VERSION}"


# ---- trees ---------------------------------------------------------------


@register.simple_tag
def tree(node: dict, address: str) -> SafeString:
    """``node`` and what is below it as nested lists; arrays link to their part at ``address``."""
    if node["children"]:
        return format_html('<ul class="tree">{}</ul>', _items(node["children"], 1, address))
    return format_html('<ul class="tree">{}</ul>', _item(node, 1, address))


def _items(nodes: list[dict], level: int, address: str) -> SafeString:
    return format_html_join("", "{}", ((_item(node, level, address),) for node in nodes))


def _item(node: dict, level: int, address: str) -> SafeString:
    tag = format_html(' <span class="tag">{}</span>', node["tag"]) if node["tag"] else ""
    name = format_html('<span class="key">{}</span>', node["key"]) if node["key"] else ""
    if node["children"]:
        shown = level <= OPEN_LEVELS and len(node["children"]) <= OPEN_CHILDREN
        return format_html(
            '<li><details{}><summary>{}{} <span class="count">{}</span></summary><ul>{}</ul>'
            "</details></li>", mark_safe(" open") if shown else "", name, tag, _count(node),
            _items(node["children"], level + 1, address))
    return format_html("<li>{}{} {}</li>", name, tag, _value(node, address))


def _count(node: dict) -> str:
    count = node["count"]
    if node["kind"] == "list":
        return f"list of {count:,}"
    return f"{count:,} entries" if count != 1 else "1 entry"


def _value(node: dict, address: str) -> SafeString:
    if node["kind"] == "array":
        return _array(node, address)
    if node["kind"] in ("mapping", "list") and not node["value"]:
        return format_html('<span class="value none">empty {}</span>', node["kind"])
    return format_html('<span class="value {}">{}</span>', node["kind"], node["value"])


def _array(node: dict, address: str) -> SafeString:
    about = f"{words.size(node['shape'])} {node['type']}" if "shape" in node else ""
    values = format_html(' <span class="value number">{}</span>', node["value"])
    if "part" not in node:
        return format_html('<span class="count">array {}</span>{}', about, values)
    return format_html('<a href="{}?part={}#unit">array {}</a>{}', address, node["part"], about,
                       values)
