"""Durable storage of recordings between the recorder and the cloud."""
