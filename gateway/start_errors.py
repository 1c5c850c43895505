"""What keeps the program from starting: command line, configuration, database."""

from gateway.problem import GatewayError


class UsageInvalid(GatewayError):
    """The command line asks for something that cannot be done."""

    code = "usage"
    exit_code = 2


class ConfigInvalid(GatewayError):
    """The configuration cannot be used."""

    code = "config-invalid"
    exit_code = 78


class DatabaseOutdated(GatewayError):
    """The database is of another version than this program."""

    code = "database-outdated"
    exit_code = 78
    hint = "stop the gateway, back up its data folder, then: fieldpost-gateway migrate"
