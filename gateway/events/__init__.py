"""Events out of the gateway: to webhooks, and into a stream."""
