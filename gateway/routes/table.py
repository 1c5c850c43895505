"""All routes of the gateway."""

from gateway.routes import Route, devices, health, recordings, uploads

ROUTES: tuple[Route, ...] = (
    *recordings.ROUTES,
    *uploads.ROUTES,
    *devices.ROUTES,
    *health.ROUTES,
)
"""Every operation, in the order of openapi.json."""
