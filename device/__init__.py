"""The Fieldpost agent: carries recordings from recorders to the cloud."""
