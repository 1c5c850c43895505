"""Which object store it is, by environment."""

import pytest

from gateway.config import read_config
from gateway.config_objects import GcsConfig, S3Config, read_objects
from gateway.errors import ConfigInvalid

P = "FIELDPOST_GATEWAY_"
DAY_S = 24 * 3600


def test_files_are_the_default():
    """Nothing said, and the word itself."""
    assert read_objects({}) is None
    assert read_objects({f"{P}OBJECTS": "filesystem"}) is None


def test_a_bucket_of_s3(tmp_path):
    """Address, region, prefix, and a secret from its file."""
    secret = tmp_path / "secret"
    secret.write_text("sk\n")
    environ = {
        f"{P}OBJECTS": "s3://bkt/site/a/",
        f"{P}S3_ENDPOINT": "https://s3.example.org/",
        f"{P}S3_REGION": "eu-central-1",
        f"{P}S3_ACCESS_KEY_ID": "AK",
        f"{P}S3_SECRET_ACCESS_KEY_FILE": str(secret),
        f"{P}S3_SINGLE_PUT_BYTES": "5000000",
    }
    expected = S3Config(
        bucket="bkt",
        prefix="site/a/",
        endpoint="https://s3.example.org",
        region="eu-central-1",
        key_id="AK",
        secret="sk",  # noqa: S106 - made up
        single_put_bytes=5_000_000,
    )

    assert expected == read_objects(environ)
    assert "sk" not in repr(read_objects(environ))


def test_the_secret_as_a_credential_of_systemd(tmp_path):
    """Where no file is named, systemd's is taken."""
    (tmp_path / "s3-secret-access-key").write_text("sk")
    environ = {
        f"{P}OBJECTS": "s3://bkt",
        f"{P}S3_ACCESS_KEY_ID": "AK",
        "CREDENTIALS_DIRECTORY": str(tmp_path),
    }
    found = read_objects(environ)

    assert isinstance(found, S3Config)
    assert "sk" == found.secret


def test_a_bucket_of_google(tmp_path):
    """A service account's key by its file."""
    environ = {f"{P}OBJECTS": "gs://bkt", f"{P}GCS_CREDENTIALS_FILE": str(tmp_path / "key.json")}

    assert GcsConfig(bucket="bkt", credentials_file=tmp_path / "key.json") == read_objects(environ)


@pytest.mark.parametrize(
    "environ",
    [
        {"OBJECTS": "bkt"},
        {"OBJECTS": "s3://"},
        {"OBJECTS": "ftp://bkt"},
        {"OBJECTS": "s3://bkt?x=1"},
        {"OBJECTS": "s3://AK:secret@bkt"},
        {"OBJECTS": "s3://bkt:9000"},
        {"OBJECTS": "s3://bkt", "S3_ENDPOINT": "s3.example.org"},
        {"OBJECTS": "s3://bkt", "S3_ENDPOINT": "https://AK:secret@s3.example.org"},
        {"OBJECTS": "s3://bkt", "S3_ACCESS_KEY_ID": "AK"},
        {"OBJECTS": "s3://bkt", "S3_ACCESS_KEY_ID": "AK", "S3_SECRET_ACCESS_KEY_FILE": "/no"},
        {"OBJECTS": "s3://bkt", "S3_SINGLE_PUT_BYTES": "0"},
        {"OBJECTS": "s3://bkt", "S3_SINGLE_PUT_BYTES": str(6 * 1024**3)},
        {"OBJECTS": "s3://bkt", "URL_TTL_S": str(8 * 24 * 3600)},
        {"OBJECTS": "gs://bkt", "GCS_EMULATOR": "localhost"},
        {"SWEEP_AGE_S": "60"},
        {"SWEEP_AGE_S": str(9 * DAY_S), "URL_TTL_S": str(9 * DAY_S)},
        {"SWEEP_AGE_S": str(7 * DAY_S), "OBJECTS": "gs://bkt"},
    ],
)
def test_bad_values_are_named(tmp_path, environ):
    """A value that cannot be used is an error, not a default."""
    with pytest.raises(ConfigInvalid):
        read_config(data=tmp_path, environ={P + name: value for name, value in environ.items()})


def test_signed_uploads_to_google(tmp_path):
    """Sessions are the default; signed URLs are asked for by name, and need a key."""
    key = {f"{P}OBJECTS": "gs://bkt", f"{P}GCS_CREDENTIALS_FILE": str(tmp_path / "key")}
    signed = {**key, f"{P}GCS_UPLOADS": "signed", f"{P}GCS_SINGLE_PUT_BYTES": "100"}
    ways = [read_objects(each) for each in (key, signed)]

    assert [False, True] == [way.signed_uploads for way in ways]
    assert [8 * 1024 * 1024, 100] == [way.single_put_bytes for way in ways]


@pytest.mark.parametrize(
    "more", [{"GCS_UPLOADS": "both"}, {"GCS_UPLOADS": "signed", "GCS_EMULATOR": "http://h:1"}]
)
def test_a_way_to_upload_to_google_that_is_none(more):
    """A word that is unknown, or signatures without a key."""
    environ = {f"{P}OBJECTS": "gs://bkt"} | {P + name: value for name, value in more.items()}

    with pytest.raises(ConfigInvalid, match="GCS_UPLOADS"):
        read_objects(environ)
