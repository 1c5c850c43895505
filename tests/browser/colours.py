"""Contrast of two colours by WCAG 2.2: relative luminance, and their ratio."""

import re


def variables(css: str, *, dark: bool) -> dict[str, str]:
    """Read the colours of a style sheet; the dark ones stand in its second rule for `:root`."""
    rules = re.findall(r":root\s*\{([^}]*)\}", css)
    return {
        name: value
        for rule in rules[: 1 + dark]
        for name, value in re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", rule)
    }


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
