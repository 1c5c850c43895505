"""Default routes in the kernel's tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.surroundings.routes import default_interfaces, level_dbm

TITLE = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ANY = "0" * 32


def route(name, *, to="00000000", mask="00000000", flags="0003", metric=100) -> str:
    return f"{name}\t{to}\t0101A8C0\t{flags}\t0\t0\t{metric}\t{mask}\t0\t0\t0\n"


def route6(name, *, to=ANY, length="00", flags="00000003", metric=1024) -> str:
    return f"{to} {length} {ANY} 00 {ANY} {metric:08x} 00000003 00000000 {flags}     {name}\n"


@pytest.mark.parametrize(
    "line",
    [
        route("eth0", to="0001A8C0", mask="00FFFFFF"),
        route("eth0", mask="00000080"),  # the half of the internet that some VPNs take
        route("eth0", flags="0002"),  # not up
        route("eth0", flags="0201"),  # refuses
        route("lo"),
        route("eth0", flags="nonsense"),
        route("eth0", metric="nonsense"),
        "eth0\t00000000\n",
    ],
)
def test_lines_that_are_no_way_out(line):
    """Only a route to everywhere that is up and lets through counts."""
    assert () == default_interfaces(TITLE + line, "")


@pytest.mark.parametrize(
    "line",
    [
        route6("eth0", to="fe80" + "0" * 28, length="40"),
        route6("eth0", flags="00000002"),
        route6("eth0", flags="00200201"),
        route6("lo", flags="00200200", metric=0xFFFFFFFF),
    ],
)
def test_lines_that_are_no_way_out_for_ipv6(line):
    """The same holds for IPv6, whose table always ends with a route that refuses all."""
    assert () == default_interfaces("", line)


def test_the_preferred_one_comes_first():
    """The kernel takes the route with the smallest metric."""
    table = TITLE + route("wlan0", metric=600) + route("eth0", metric=100)

    assert ("eth0", "wlan0") == default_interfaces(table, "")


def test_ipv4_comes_first():
    """A default metric of IPv6 says nothing beside one of IPv4."""
    ipv6 = route6("wwan0", metric=1) + route6("eth0", metric=1024)

    assert ("eth0", "wwan0") == default_interfaces(TITLE + route("eth0", metric=2000), ipv6)


@given(ipv4=st.text(), ipv6=st.text(), wireless=st.text(), name=st.text())
def test_no_text_is_an_error(ipv4, ipv6, wireless, name):
    """Whatever a kernel writes, reading it never fails."""
    assert "lo" not in default_interfaces(ipv4, ipv6)
    assert (level_dbm(wireless, name) or -1) < 0


@given(
    metrics=st.dictionaries(
        st.from_regex(r"[a-z]{2,5}[0-9]", fullmatch=True).filter(lambda name: name != "lo0"),
        st.integers(0, 9999),
        max_size=5,
    ),
    seed=st.randoms(use_true_random=False),
)
def test_order_is_that_of_metrics(metrics, seed):
    """Whatever the order of lines, interfaces are told in the order of their metrics."""
    lines = [route(name, metric=metric) for name, metric in metrics.items()]
    seed.shuffle(lines)
    found = default_interfaces(TITLE + "".join(lines), "")

    assert sorted(metrics.values()) == [metrics[name] for name in found]
