"""What the fleet's bench has found, as tables of docs/scale.md."""

from typing import Any

_CALLS = ("heartbeat", "create", "upload-urls", "put", "complete")
_BEGIN, _END = "<!-- fleet: written by the bench -->", "<!-- /fleet -->"


def written(page: str, found: dict[str, Any]) -> str:
    """Put the tables where the page has room for them."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{tables(found)}\n{_END}{after}"


def tables(found: dict[str, Any]) -> str:
    """Write all tables."""
    parts = [_growth(site) for site in found["sites"]]
    if found.get("killed"):
        parts.append(_kill(found["killed"]))
    return "\n\n".join(parts) + "\n"


def _growth(site: dict[str, Any]) -> str:
    heads = ["devices", "recordings/s", *(f"{call} ms" for call in _CALLS), "CPU ms each", "MiB"]
    rows = []
    for stage in site["stages"]:
        calls = [stage["calls_ms"][call] for call in _CALLS]
        rows.append(
            [
                f"{stage['devices']:,}",
                f"{stage['recordings_per_s']:.1f}",
                *(f"{each['p50']:.0f} / {each['p99']:.0f}" for each in calls),
                f"{stage['gateway_cpu_ms_each']:.0f}",
                " + ".join(f"{each:.0f}" for each in stage["gateway_rss_mib"]),
            ]
        )
    media = sum(stage["checked"]["media"] for stage in site["stages"])
    recordings = sum(stage["recordings"] for stage in site["stages"])
    retried = sum(stage["retried"] for stage in site["stages"])
    lost = sum(stage["checked"]["lost"] for stage in site["stages"])
    return "\n".join(
        [
            f"**{site['name']}** (milliseconds: p50 / p99)\n",
            *_table(heads, rows),
            "",
            (
                f"{recordings:,} recordings, {media:,} media, each compared by its digest: "
                f"{lost} lost, {retried} errors."
            ),
        ]
    )


def _kill(kill: dict[str, Any]) -> str:
    held = kill["counted"]
    return (
        f"**One of two processes killed under {kill['devices']} devices**, and started again "
        f"seconds later: {kill['retried']} calls were tried again, {kill['recordings']:,} "
        f"recordings were acknowledged ({kill['recordings_per_s']:.1f} a second). The database has "
        f"{held['recordings']:,} recordings with {held['media']:,} media, the bucket "
        f"{held['objects']:,} objects: {kill['checked']['lost']} lost, "
        f"{held['duplicated']} twice."
    )


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(heads) + " |",
        "|" + "---:|" * len(heads),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
