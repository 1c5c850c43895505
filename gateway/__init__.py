"""The Fieldpost gateway: a self-hostable server of the Bota-style API."""
