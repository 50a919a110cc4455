"""The Toolkit session before a program: a user to act as, and an engine.

A request is JSON of the launcher's: an engine's name, an entity, a script's name and key; each may be null.
Toolkit's public interfaces do all of it but one: only the private `Sgtk.pipeline_configuration` knows the id of the
configuration's project, which an engine starts for if the request names no entity. Python 3.7+.
"""
import os
import sys

from as_main import complain


class NotPrepared(Exception):
    """The reason, in one line, why the program does not run."""

    hint = "set TK_DEBUG=1 to see Toolkit's log and the traceback"


class NoUser(NotPrepared):
    hint = (
        "set SHOTGUN_FARM_SCRIPT_USER and SHOTGUN_FARM_SCRIPT_KEY, or 'credentials_file' in [site]; "
        "or run it once in a terminal to log in"
    )


def handed_over(number):
    """Returns the text on a descriptor of the launcher's (on Windows a handle)."""
    if sys.platform == "win32":
        import msvcrt
        number = msvcrt.open_osfhandle(number, os.O_RDONLY)
    with os.fdopen(number, encoding="utf-8") as source:
        return source.read()


def or_leave(step, *values):
    """Does a step; if it fails, prints the reason and leaves with an exit code of the launcher's."""
    try:
        step(*values)
    except NotPrepared as error:
        complain("sgtk-python: error: %s" % printable(str(error)))
        complain("hint: " + error.hint)
        raise SystemExit(122)


def printable(text):
    """Returns a text on one line, with what could change a terminal, hide or reverse text escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def prepare(request):
    """Authenticates, and starts the engine if the request names one."""
    step = "import sgtk"
    try:
        import sgtk
        step = "authenticate"
        authenticate(sgtk, request["credentials"])
        if request["engine"]:
            step = "start the engine '%s'" % request["engine"]
            start_engine(sgtk, request["engine"], request["entity"])
    except NotPrepared:
        raise
    except Exception as error:
        if os.environ.get("TK_DEBUG"):
            import traceback
            traceback.print_exc()
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotPrepared("cannot %s: %s" % (step, lines[0]))


def authenticate(sgtk, script):
    """Lets Toolkit act as the script, or as the person who is logged in."""
    authentication = sgtk.authentication
    authenticator = authentication.ShotgunAuthenticator(authentication.CoreDefaultsManager())
    if script:
        user = authenticator.create_script_user(script["script"], script["key"])
    elif sys.stdin is not None and sys.stdin.isatty():
        user = authenticator.get_user()
    else:
        user = authenticator.get_default_user()
        if user is None or user.are_credentials_expired():
            raise NoUser("cannot authenticate: there is no script key and no saved login")
    sgtk.set_authenticated_user(user)


def start_engine(sgtk, name, entity):
    """Starts an engine for an entity, or for the configuration's project."""
    tk = sgtk.sgtk_from_path(os.environ["SGTK_PYTHON_CONFIG"])
    destroy_at_end(sgtk, sgtk.platform.start_engine(name, tk, context_of(tk, entity)))


def context_of(tk, entity):
    if entity is None:
        project = tk.pipeline_configuration.get_project_id()
        entity = project and ("Project", project)
    return tk.context_from_entity(*entity) if entity else tk.context_empty()


def destroy_at_end(sgtk, engine):
    """Destroys an engine when this process ends; processes that the program forks leave it alone."""
    import atexit
    # Registered before the program's own, so it runs after those; threads have ended by then.
    atexit.unregister(destroy)
    atexit.register(destroy, sgtk, engine, os.getpid())


def destroy(sgtk, engine, process):
    if os.getpid() == process and sgtk.platform.current_engine() is engine:
        engine.destroy()
