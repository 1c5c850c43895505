"""All routes of the gateway."""

from gateway.routes import (
    Route,
    commands,
    devices,
    enrol,
    health,
    media,
    parts,
    recordings,
    reports,
    resumable,
    settings,
    uploads,
)

ROUTES: tuple[Route, ...] = (
    *recordings.ROUTES,
    *media.ROUTES,
    *uploads.ROUTES,
    *resumable.ROUTES,
    *parts.ROUTES,
    *devices.ROUTES,
    *reports.ROUTES,
    *commands.ROUTES,
    *settings.ROUTES,
    *enrol.ROUTES,
    *health.ROUTES,
)
"""Every operation, in the order of openapi.json."""
