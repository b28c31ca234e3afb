"""The styles of an SVG's elements: properties, style sheets, colours, opacities.

`passed_over` counts what changes how strokes look and is not heeded.
"""

import math
import re
from collections import Counter
from typing import Any
from xml.etree.ElementTree import Element

import svgelements

from drawgen.image_reading import ImageError

SPACES = ("{http://www.w3.org/2000/svg}", "")
BLACK = ("#000000", 1.0)
INHERITED = {
    "stroke": "none", "stroke-width": "1", "stroke-opacity": "1", "stroke-linecap": "butt", "fill": "black", "fill-opacity": "1",
    "color": "black", "visibility": "visible",
}  # fmt: skip
"""Properties that children inherit, and where they begin."""
MARKERS = ("marker-start", "marker-mid", "marker-end")
OWN = (
    "display", "opacity", "transform", "vector-effect", "clip-path", "mask", "stroke-dasharray", "transform-origin", *MARKERS,
    "marker",
)  # fmt: skip
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SIMPLE = re.compile(r"(\*|[\w-]+|[\w-]*\.[\w-]+|#[\w-]+)")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
COLOURS = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|(?:rgb|hsl)a?\([^()]*\)|[a-z]+", re.IGNORECASE)


def tag_of(element: Element) -> str:
    """The name of an element of SVG; nothing for one of another language, a comment or an instruction."""
    tag = element.tag if isinstance(element.tag, str) else ""
    return next((tag[len(space) :] for space in SPACES if tag.startswith(space) and "}" not in tag[len(space) :]), "")


def css(text: str, passed_over: Counter[str]) -> list[tuple[str, dict[str, str]]]:
    """The rules of a style sheet whose selectors are simple (*, TAG, .CLASS, #ID, TAG.CLASS), less specific ones first; others, and
    those that hold under a condition (@media), are passed over."""
    text = re.sub(r"/\*.*?\*/|<!--|-->|@(?:import|charset|namespace)[^;{}]*;", "", text, flags=re.DOTALL)
    text, conditions = re.subn(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", text)
    rules = []
    for selectors, body in RULE.findall(text):
        for selector in (each.strip() for each in selectors.split(",")):
            if SIMPLE.fullmatch(selector):
                rules.append((selector, declarations(body)))
            elif selector != ":root":  # where variables are
                conditions += 1
    if conditions:
        passed_over["style rules that are not simple"] += conditions
    return sorted(rules, key=lambda rule: (rule[0].count("#"), rule[0].count("."), rule[0] != "*"))


def declarations(text: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in text.split(";") if ":" in part)
    return {name.strip(): value.replace("!important", "").strip() for name, value in pairs}


def style_of(element: Element, rules: list[tuple[str, dict[str, str]]]) -> dict[str, str]:
    """The properties of an element: its attributes, then the style sheet's, then those of its `style`."""
    style = {name: element.get(name, "").strip() for name in (*INHERITED, *OWN) if element.get(name) is not None}
    tag = tag_of(element)
    names = {"*", tag, f"#{element.get('id')}"}
    for own in element.get("class", "").split():
        names |= {f".{own}", f"{tag}.{own}"}
    for selector, properties in rules:
        if selector in names:
            style |= properties
    return style | declarations(element.get("style", ""))


def share(value: str | None, name: str) -> float:
    """An opacity, a number or a percentage."""
    if not value:
        return 1.0
    text = value.strip()
    number = checked(text[:-1] if text.endswith("%") else text, name, "opacity") / (100 if text.endswith("%") else 1)
    return min(max(number, 0.0), 1.0)


def colour(value: str, current: str, passed_over: Counter[str]) -> tuple[str, float] | None:
    """`#rrggbb` and the opacity; None for no colour. A gradient, a pattern or a colour that cannot be read is black, or the colour
    that stands in for it."""
    value = value.strip()
    if value.lower() == "currentcolor":
        value = current
    if value.startswith("url("):
        value = value[value.find(")") + 1 :].strip()
        if not value:
            passed_over["gradients and patterns, which are black"] += 1
            return BLACK
    if value.lower() in ("none", "transparent"):
        return None
    known = readable_colour(value)
    if known is None:
        passed_over[f"the colour {value!r:.40}, which is black"] += 1
        return BLACK
    return f"#{known.red:02x}{known.green:02x}{known.blue:02x}", known.alpha / 255


def readable_colour(value: str) -> Any:
    """A colour of svgelements, which takes what it does not know for black; None for such a one."""
    if not COLOURS.fullmatch(value):
        return None
    if "(" in value:  # rgb(1 2 3 / 50%) is rgb(1,2,3,0.5)
        kind, inner = value[:-1].split("(", 1)
        parts = [part.removesuffix("deg") for part in re.split(r"[\s,/]+", inner.strip())]
        if len(parts) not in (3, 4) or not all(re.fullmatch(NUMBER.pattern + "%?", part) for part in parts):
            return None
        if len(parts) == 4 and parts[3].endswith("%"):
            parts[3] = str(float(parts[3][:-1]) / 100)
        value = f"{kind.lower()}({','.join(parts)})"
    try:
        known = svgelements.Color(value.lower())
        word = value.isalpha() and value.lower() != "black"
        return None if word and known.value == svgelements.Color("black").value else known
    except (ValueError, TypeError, IndexError, AttributeError):
        return None


def checked(text: str, name: str, what: str) -> float:
    """A finite number. Raises ImageError."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < 1e9:
        raise ImageError(f"{name} has {text!r:.60} as {what}, which is no number that can be drawn")
    return number
