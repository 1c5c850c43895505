"""All routes of the gateway."""

from gateway.routes import Route, devices, health, media, parts, recordings, resumable, uploads

ROUTES: tuple[Route, ...] = (
    *recordings.ROUTES,
    *media.ROUTES,
    *uploads.ROUTES,
    *resumable.ROUTES,
    *parts.ROUTES,
    *devices.ROUTES,
    *health.ROUTES,
)
"""Every operation, in the order of openapi.json."""
