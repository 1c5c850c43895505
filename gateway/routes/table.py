"""All routes of the gateway."""

from gateway.routes import (
    Route,
    audit,
    commands,
    devices,
    enrol,
    fleet,
    health,
    keys,
    live,
    media,
    parts,
    phone,
    quotas,
    recordings,
    reports,
    resumable,
    session,
    settings,
    uploads,
    waveform,
    webhooks,
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
    *phone.ROUTES,
    *fleet.ROUTES,
    *keys.ROUTES,
    *waveform.ROUTES,
    *live.ROUTES,
    *webhooks.ROUTES,
    *quotas.ROUTES,
    *audit.ROUTES,
    *health.ROUTES,
)
"""Every operation, in the order of openapi.json."""

PAGE_ROUTES: tuple[Route, ...] = (*session.ROUTES, *phone.PAGE_ROUTES)
"""What pages need beside the API; it is not in openapi.json, and can change with the pages."""
