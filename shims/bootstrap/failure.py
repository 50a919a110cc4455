"""The failures of a bootstrap, by kind (`SiteFailureKind` in the launcher)."""

# The exceptions of tk-core, shotgun_api3 and Python that show a kind.
KINDS = (
    ("login-refused", (
        "AuthenticationFault", "AuthenticationError", "IncompleteCredentials", "AuthenticationCancelled",
        "ConsoleLoginNotSupportedError", "UserCredentialsNotAllowedForSSOAuthenticationFault",
    )),
    ("no-descriptor", ("TankDescriptorError", "TankDescriptorIOError", "CheckVersionError")),
    ("unreachable", (
        "ProtocolError", "ResponseError", "Fault", "HttpLib2Error", "HTTPException", "JSONDecodeError",
        "SSLError", "gaierror", "timeout", "TimeoutError", "ConnectionError",
    )),
)


class Failure(Exception):
    """A failure whose kind is known."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def kind_of(error):
    """Returns the kind of the failure that led to an exception: the innermost cause with a known kind decides."""
    kind = "other"
    while error is not None:
        if isinstance(error, Failure):
            return error.kind
        names = {base.__name__ for base in type(error).__mro__}
        kind = next((kind for kind, known in KINDS if names.intersection(known)), kind)
        if "core version" in str(error):
            kind = "core-too-old"
        error = error.__cause__ or error.__context__
    return kind
