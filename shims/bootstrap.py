"""Asks a site for a project's configuration, and realises it if it is distributed.

The request is one line of JSON on standard input. The answers are lines of JSON on what was standard
output: Toolkit prints to the standard streams, so those lead to the log. Before it realises anything this
waits for a second line, for several may want to; an end of input ends it at any time.
"""
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import traceback

#: The kinds of failure, by the names of the exceptions (of tk-core, shotgun_api3 and Python).
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

#: So often shotgun_api3 tries to reach a site.
ATTEMPTS = 3


class Failure(Exception):
    """A failure whose kind is known."""

    def __init__(self, kind, message):
        super(Failure, self).__init__(message)
        self.kind = kind


class Watchdog:
    """Ends the process when nothing has happened for too long."""

    def __init__(self, answers):
        self._answers, self._timer = answers, None

    def watch(self, limit, problem):
        """From now on, and for so many seconds."""
        self.rest()
        self._timer = threading.Timer(limit, self._give_up, ["%s within %d seconds" % (problem, limit)])
        self._timer.daemon = True
        self._timer.start()

    def rest(self):
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self, message):
        self._answers.fail("unreachable", message)
        os._exit(0)


class Answers:
    """What is told to whoever asked, and never a key."""

    def __init__(self):
        self._output = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self.secret = None

    def tell(self, answer, **fields):
        with self._lock:
            self._output.write(json.dumps(dict(fields, answer=answer)) + "\n")
            self._output.flush()

    def fail(self, kind, message):
        lines = self.plain(message).strip().splitlines() or ["no reason given"]
        self.tell("failed", kind=kind, message=lines[0][:1000])

    def log(self, text):
        """Writes to the log; a full disk is no reason to say nothing else."""
        try:
            sys.stderr.write(self.plain(text) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass

    def plain(self, text):
        text = str(text)
        return text.replace(self.secret, "***") if self.secret else text


def main():
    answers = Answers()
    try:
        source = private_input()
        request = json.loads(source.readline())
        # What Toolkit starts must not hold what others wait for.
        for number in request["locks"]:
            os.set_inheritable(number, False)
        answers.secret = (request["credentials"] or {}).get("key")
        spoken = threading.Event()
        threading.Thread(target=await_word, args=(source, spoken), daemon=True).start()
        # Whoever does not answer in this time is not there: shotgun_api3 itself would wait for ever.
        socket.setdefaulttimeout(request["timeout"])
        ask(request, spoken, answers)
    except Exception as error:
        answers.fail(kind_of(error), error if str(error).strip() else type(error).__name__)
        answers.log(traceback.format_exc())
    # Toolkit's threads are not waited for.
    os._exit(0)


def private_input():
    """The request's stream under another number, so that nothing that Toolkit starts can read it."""
    private = os.fdopen(os.dup(0), "r", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return private


def await_word(stream, spoken):
    """Sets `spoken` at the next line; ends the process, and all that it started if it leads a group, when
    whoever asked is gone."""
    while stream.readline():
        spoken.set()
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def ask(request, spoken, answers):
    # Reading bit by bit is no answer either; from here on until the project is known.
    watchdog = Watchdog(answers)
    watchdog.watch(ATTEMPTS * request["timeout"] + 30, "no answer")
    try:
        import sgtk
    except Exception as error:
        problem = "%s: %s" % (type(error).__name__, error)
        raise Failure("no-core", "%s cannot import the site's core: %s" % (sys.executable, problem))
    errors = []
    watch(sgtk, errors, answers)
    user = user_of(sgtk, request, watchdog)
    sgtk.set_authenticated_user(user)
    sg = user.create_sg_connection()
    try:
        project, name = find_project(sg, request["project"])
        path = centralized_path(sg, project, request["pipeline"])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Failure("unreachable", "the site's answer is invalid (%s)" % error)
    watchdog.rest()
    if path:
        answers.tell("centralized", id=project, name=name, path=path)
        return
    answers.tell("project", id=project, name=name)
    spoken.wait()
    path = realise(sgtk, user, project, request, watchdog, answers)
    answers.tell("realised", path=path, errors=[answers.plain(error)[:500] for error in errors[:20]])


def realise(sgtk, user, project, request, watchdog, answers):
    """Realises the configuration of a project, and returns its folder."""

    def progress(value, message):
        watchdog.watch(request["realise_timeout"], "no progress")
        answers.tell("progress", value=float(value), message=str(message)[:500])

    manager = sgtk.bootstrap.ToolkitManager(user)
    manager.plugin_id = request["plugin_id"]
    manager.pipeline_configuration = request["pipeline"]
    manager.base_configuration = request["base_configuration"]
    manager.progress_callback = progress
    # What Toolkit fetches with other programs may hang for ever.
    watchdog.watch(request["realise_timeout"], "no progress")
    try:
        path, _ = manager.prepare_engine(request["engine"], {"type": "Project", "id": project})
    except sgtk.bootstrap.TankBootstrapError as error:
        # The site has no configuration, and there is none to fall back to.
        if request["base_configuration"] is None and "No config descriptor" in str(error):
            raise Failure("no-config", "the site has no configuration for the plugin '%s'" % request["plugin_id"])
        raise
    watchdog.rest()
    return path


def find_project(sg, asked):
    """The id of a project and its name: that on disk, else that on the site."""
    fields = ["name", "tank_name"]
    if "id" in asked:
        found = sg.find("Project", [["id", "is", asked["id"]]], fields)
    else:
        found = sg.find("Project", [["tank_name", "is", asked["name"]]], fields)
        found = found or sg.find("Project", [["name", "is", asked["name"]]], fields)
    if not found:
        raise Failure("no-project", "the site has no such project")
    if len(found) > 1:
        numbers = ", ".join(str(project["id"]) for project in found)
        raise Failure("other", "the site has several projects of this name, with the ids %s" % numbers)
    number, names = found[0]["id"], [found[0].get(field) for field in ("tank_name", "name")]
    if type(number) is not int or not 0 < number < 2 ** 63:
        raise ValueError("a project's id is %r" % (number,))
    names = [name.encode("utf-8").decode("utf-8") for name in names if name and isinstance(name, str)]
    return number, names[0] if names else str(number)


def centralized_path(sg, project, pipeline):
    """The path on this system of the project's configuration, if the site knows it by a path."""
    systems = {"win32": "windows_path", "darwin": "mac_path"}
    field = systems.get(sys.platform, "linux_path")
    filters = [["project", "is", {"type": "Project", "id": project}]]
    there = sg.find("PipelineConfiguration", filters, ["code", field])
    configs = [config for config in there if pipeline in (config["id"], config["code"])]
    # The bootstrap API would take another one.
    if not configs and pipeline != "Primary":
        names = ", ".join(sorted("'%s' (%s)" % (config["code"], config["id"]) for config in there))
        raise Failure("no-pipeline", "no configuration '%s', the site has: %s" % (pipeline, names or "none"))
    paths = sorted((config["id"], config[field]) for config in configs if config.get(field))
    if paths and not os.path.isabs(paths[0][1]):
        raise Failure("other", "the site's %s of the project is not an absolute path: '%s'" % (field, paths[0][1]))
    return paths[0][1] if paths else None


def user_of(sgtk, request, watchdog):
    """Whoever asks: a script, a person who has logged in before, or one who does now."""

    class Site(sgtk.authentication.DefaultsManager):
        def is_host_fixed(self):
            return True

        def get_host(self):
            return request["host"]

    authenticator = sgtk.authentication.ShotgunAuthenticator(Site())
    credentials = request.pop("credentials")
    if credentials:
        return authenticator.create_script_user(
            credentials["script"], credentials["key"], host=request["host"]
        )
    user = authenticator.get_default_user()
    if user and not user.are_credentials_expired():
        return user
    if not request["terminal"]:
        raise Failure("no-credentials", "there is no script key and no saved login for the site")
    # A person takes the time that it takes.
    watchdog.rest()
    with at_terminal():
        return authenticator.get_user_from_prompt()


@contextlib.contextmanager
def at_terminal():
    """The standard streams are the terminal's for a while: Python writes prompts to standard error."""
    names = ("/dev/tty", "/dev/tty") if os.name == "posix" else ("CONIN$", "CONOUT$")
    ends = [os.open(names[0], os.O_RDWR), os.open(names[1], os.O_RDWR)]
    kept = [os.dup(number) for number in range(3)]
    try:
        for number in range(3):
            os.dup2(ends[0] if number == 0 else ends[1], number)
        yield
    finally:
        for number, before in enumerate(kept):
            os.dup2(before, number)
        for number in kept + ends:
            os.close(number)


def kind_of(error):
    """The kind of the failure that led to an exception: of the innermost one that tells."""
    kind = "other"
    while error is not None:
        if isinstance(error, Failure):
            return error.kind
        names = set(c.__name__ for c in type(error).__mro__)
        kind = next((kind for kind, known in KINDS if names.intersection(known)), kind)
        if "core version" in str(error):
            kind = "core-too-old"
        error = error.__cause__ or error.__context__
    return kind


def watch(sgtk, errors, answers):
    """Writes what Toolkit tells to the log, and keeps its errors: it survives some of them."""
    import logging

    class Watcher(logging.Handler):
        def emit(self, record):
            if record.levelno >= logging.ERROR:
                errors.append(record.getMessage())
            answers.log("%s: %s" % (record.levelname, record.getMessage()))

    watcher = Watcher()
    watcher.setLevel(logging.INFO)
    sgtk.LogManager().root_logger.addHandler(watcher)


main()
