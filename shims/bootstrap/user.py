"""The user to act as: a script, a person who has logged in before, or a person at the terminal."""
import contextlib
import os

from bootstrap.failure import Failure


def user_of(sgtk, request, watchdog):

    class Site(sgtk.authentication.DefaultsManager):  # type: ignore[name-defined]
        def is_host_fixed(self):
            return True

        def get_host(self):
            return request["host"]

    authenticator = sgtk.authentication.ShotgunAuthenticator(Site())
    credentials = request.pop("credentials")
    if credentials:
        return authenticator.create_script_user(credentials["script"], credentials["key"], host=request["host"])
    user = authenticator.get_default_user()
    if user and not user.are_credentials_expired():
        return user
    if not request["terminal"]:
        raise Failure("no-credentials", "there is no script key and no saved login")
    # A person may take any time.
    watchdog.stop()
    with at_terminal():
        return authenticator.get_user_from_prompt()


@contextlib.contextmanager
def at_terminal():
    """Connects the standard streams to the terminal for a while: Python writes prompts to standard error."""
    names = ("/dev/tty", "/dev/tty") if os.name == "posix" else ("CONIN$", "CONOUT$")
    ends = [os.open(names[0], os.O_RDWR), os.open(names[1], os.O_RDWR)]
    saved = [os.dup(number) for number in range(3)]
    try:
        for number in range(3):
            os.dup2(ends[0] if number == 0 else ends[1], number)
        if os.name == "posix":
            # The launcher's progress line stands there.
            os.write(2, b"\r\x1b[K")
        yield
    finally:
        for number, before in enumerate(saved):
            os.dup2(before, number)
        for number in saved + ends:
            os.close(number)
