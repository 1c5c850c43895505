"""Fill in the maintainer scripts of a package: Debian's moments of its life."""

from pathlib import Path

from systemd.debian.packages import Package, Target

HERE = Path(__file__).parent


def scripts(package: Package, target: Target) -> dict[str, str]:
    """Return the text of each script by its name."""
    values = {
        "@PACKAGE@": package.name,
        "@PYTHON@": f"/usr/bin/python{target.python}",
        "@ROOT@": package.root,
        "@SETUP@": package.setup,
        "@UNIT@": package.unit,
    }
    found = {"postinst": (HERE / "postinst").read_text(), "prerm": (HERE / "prerm").read_text()}
    own = HERE / f"{package.name}.postrm"
    if own.exists():
        found["postrm"] = own.read_text()
    for word, value in values.items():
        found = {name: text.replace(word, value) for name, text in found.items()}
    return found
