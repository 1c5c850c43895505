"""The examples of one box and of three: units, containers, balancer, and the settings they name."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
THREE = SYSTEMD / "three-boxes"
PAGE = ROOT / "docs" / "scale.md"
EXAMPLES = [
    SYSTEMD / "compose.yaml",
    *sorted((SYSTEMD / "one-box").iterdir()),
    *sorted(THREE.iterdir()),
    PAGE,
]
COMPOSE = yaml.safe_load((SYSTEMD / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]

KEYS = {
    *("image", "build", "command", "init", "restart", "stop_grace_period", "profiles"),
    *("environment", "secrets", "volumes", "tmpfs", "read_only", "cap_drop", "security_opt"),
    *("ports", "networks", "depends_on", "healthcheck"),
}
"""What services of containers may say, by the Compose Specification."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def read_settings():
    """Every setting that the gateway reads, as its configuration's source names them."""
    sources = "".join(file.read_text() for file in (ROOT / "gateway").glob("config*.py"))
    words = set(re.findall(r"[A-Z][A-Z0-9_]{2,}", sources.replace("FIELDPOST_GATEWAY_", " ")))
    return words | {f"{word}_FILE" for word in words if "{_NAME}_FILE" in sources}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_settings_exist(example):
    """A variable that an example sets is one that the gateway reads."""
    named = set(re.findall(r"FIELDPOST_GATEWAY_([A-Z0-9_]+)", example.read_text()))

    assert set() == named - read_settings()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_no_example_holds_a_secret(example):
    """Passwords and keys stand in files of their own, or are made by a command."""
    text = example.read_text()

    assert [] == re.findall(
        r"(?i)(?:password|secret[a-z_]*|key)\s*[:=]\s*[\"']?[A-Za-z0-9]{12,}", text
    )
    assert [] == re.findall(r"postgresql://[^:\s]+:(?!\$)[^@\s]+@", text)


def unit_in(folder: Path, name: str) -> Path:
    """A unit as one would install it, with programs that exist here."""
    for source in (THREE / name, SYSTEMD / name):
        if source.exists():
            text = source.read_text()
            copy = folder / name
            copy.write_text(re.sub(r"ExecStart=/\S+", "ExecStart=/bin/true", text))
            return copy
    raise FileNotFoundError(name)


@pytest.fixture(params=["fieldpost-gateway.service", "seaweedfs.service"])
def unit(request, tmp_path):
    """Each unit of three boxes, the gateway's with its drop-in."""
    copy = unit_in(tmp_path, request.param)
    if "gateway" in request.param:
        dropins = tmp_path / f"{request.param}.d"
        dropins.mkdir()
        shutil.copy(THREE / "credentials.conf", dropins)
    return copy


@needs_systemd
def test_units_are_clean(unit):
    """systemd has nothing to say about them."""
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )

    assert ("", 0) == (checked.stderr, checked.returncode)


@needs_systemd
def test_units_are_tight(unit):
    """Their exposure stays at 2.0 or below."""
    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == checked.returncode, checked.stdout


def test_credentials_are_those_that_the_gateway_looks_for():
    """A credential under another name would be ignored."""
    sources = "".join(file.read_text() for file in (ROOT / "gateway").glob("config*.py"))
    named = re.findall(r"LoadCredential=([\w.-]+):", (THREE / "credentials.conf").read_text())

    assert 3 == len(named)
    assert [] == [name for name in named if f'"{name}"' not in sources]


def test_containers_are_described_in_known_words():
    """A misspelt key would be refused, or worse, ignored."""
    keys = set().union(*SERVICES.values())
    top = {key for key in COMPOSE if not key.startswith("x-")}

    assert {"name", "services", "secrets", "volumes"} == top
    assert set() == keys - KEYS


@pytest.mark.parametrize("what", ["secrets", "volumes"])
def test_what_containers_use_is_declared(what):
    """Each secret and each volume is declared and used."""
    used = {
        each.partition(":")[0]
        for service in SERVICES.values()
        for each in service.get(what, [])
        if not each.startswith(".")
    }

    assert set(COMPOSE[what]) == used


def test_one_box_and_three_are_apart():
    """A service is of one of the two, and waits for none of the other."""
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}
    waits = [
        (name, other)
        for name, service in SERVICES.items()
        for other in service.get("depends_on", [])
    ]

    assert ["gateway"] == [name for name, profile in profiles.items() if profile == ["one"]]
    assert {"one", "three"} == {each for profile in profiles.values() for each in profile}
    assert [] == [pair for pair in waits if profiles[pair[0]] != profiles[pair[1]]]


def test_containers_read_files_that_are_there():
    """What is mounted from here exists, but for secrets, which nobody commits."""
    mounted = [
        each.partition(":")[0]
        for service in SERVICES.values()
        for each in service.get("volumes", [])
        if each.startswith(".")
    ]

    assert [] == [path for path in mounted if not (SYSTEMD / path).is_file()]
    assert {"secrets"} == {Path(each["file"]).parent.name for each in COMPOSE["secrets"].values()}


def test_the_image_is_made_of_what_is_there():
    """Every path that the image copies exists, and its extras are those of the package."""
    recipe = SERVICES["gateway"]["build"]["dockerfile_inline"]
    copied = [
        word
        for line in re.findall(r"^COPY (.+) \S+$", recipe, re.MULTILINE)
        for word in line.split()
    ]
    (extras,) = re.findall(r"\[([a-z0-9,]+)\]", recipe)
    declared = (ROOT / "pyproject.toml").read_text()

    assert [] == [path for path in copied if not (ROOT / path).exists()]
    assert [] == [extra for extra in extras.split(",") if f"\n{extra} = [" not in declared]


def test_the_balancer_is_valid(tmp_path):
    """HAProxy has nothing to say about its configuration."""
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed")
    # Its servers have names in the containers' network only.
    text = re.sub(r"(server \w+) [a-z-]+:", r"\1 127.0.0.1:", (THREE / "haproxy.cfg").read_text())
    copy = tmp_path / "haproxy.cfg"
    copy.write_text(text)
    checked = subprocess.run(
        ["haproxy", "-c", "-f", str(copy)], capture_output=True, text=True, check=False
    )

    assert (0, "") == (checked.returncode, re.sub(r"(?m)^Configuration.*\n?", "", checked.stderr))
