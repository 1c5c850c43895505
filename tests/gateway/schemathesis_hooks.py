"""What schemathesis does not know by itself: bodies of resumable uploads are bytes as they are."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream", "application/partial-upload")
def as_they_are(_context, value):
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
