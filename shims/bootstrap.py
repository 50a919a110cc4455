"""Asks a site for a project's configuration, and realises it if it is distributed.

The request is one line of JSON on standard input. The answers are lines of JSON on what was standard
output: Toolkit prints to the standard streams, so those lead to the log. Once the project is known this
waits for a second line, since several may ask for one project; an end of input ends it at any time.
"""

import json
import os
import socket
import sys
import threading
import traceback

#: The kinds of failure, by the names of the exceptions (of tk-core, shotgun_api3 and Python).
KINDS = (
    ("login-refused", ("AuthenticationFault", "AuthenticationError", "IncompleteCredentials",
                       "AuthenticationCancelled", "ConsoleLoginNotSupportedError", "UserCredentialsNotAllowedForSSOAuthenticationFault")),
    ("no-descriptor", ("TankDescriptorError", "TankDescriptorIOError", "CheckVersionError")),
    ("unreachable", ("ProtocolError", "ResponseError", "Fault", "HttpLib2Error", "HTTPException",
                     "JSONDecodeError", "SSLError", "gaierror", "timeout", "TimeoutError",
                     "ConnectionError")),
)


class Failure(Exception):
    """A failure whose kind is known."""

    def __init__(self, kind, message):
        super(Failure, self).__init__(message)
        self.kind = kind


def answer(output, answer, **fields):
    output.write(json.dumps(dict(fields, answer=answer)) + "\n")
    output.flush()


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


def private_input():
    """The request's stream under another number, so that nothing that Toolkit starts can read it."""
    private = os.fdopen(os.dup(0), "r", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return private


def private_output():
    """Standard output under another number; what is printed from now on goes to the log."""
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return private


def await_word(stream, spoken):
    """Sets `spoken` at the next line; ends the process when whoever asked is gone."""
    while stream.readline():
        spoken.set()
    os._exit(1)


def find_project(sg, asked):
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
        raise Failure("other", "the site has several projects of that name, with the ids %s" % numbers)
    return found[0]


def centralized_path(sg, project, pipeline):
    """The path on this system of the project's configuration, if the site knows it by a path."""
    systems = {"win32": "windows_path", "darwin": "mac_path"}
    field = systems.get(sys.platform, "linux_path")
    is_id = isinstance(pipeline, int)
    filters = [
        ["project", "is", {"type": "Project", "id": project["id"]}],
        ["id" if is_id else "code", "is", pipeline],
    ]
    configs = sg.find("PipelineConfiguration", filters, [field])
    paths = sorted((config["id"], config[field]) for config in configs if config.get(field))
    return paths[0][1] if paths else None


def user_of(sgtk, request):
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
        raise Failure("no-credentials", "there is no script key and no saved login for it")
    terminal = os.open("/dev/tty" if os.name == "posix" else "CON", os.O_RDWR)
    log = os.dup(1)
    os.dup2(terminal, 0)
    os.dup2(terminal, 1)
    try:
        return authenticator.get_user_from_prompt()
    finally:
        os.dup2(log, 1)


def realise(request, spoken, output):
    try:
        import sgtk
    except Exception as error:
        problem = "%s: %s" % (type(error).__name__, error)
        raise Failure("no-core", "%s cannot import the site's core: %s" % (sys.executable, problem))

    errors = []
    watch(sgtk, errors)
    user = user_of(sgtk, request)
    sgtk.set_authenticated_user(user)
    sg = user.create_sg_connection()
    project = find_project(sg, request["project"])
    name = project.get("tank_name") or project.get("name") or ""
    answer(output, "project", id=project["id"], name=name)
    spoken.wait()

    path = centralized_path(sg, project, request["pipeline"])
    if path:
        answer(output, "centralized", path=path)
        return
    manager = sgtk.bootstrap.ToolkitManager(user)
    manager.plugin_id = request["plugin_id"]
    manager.pipeline_configuration = request["pipeline"]
    manager.base_configuration = request["base_configuration"]
    manager.progress_callback = lambda value, message: answer(
        output, "progress", value=float(value), message=str(message)
    )
    entity = {"type": "Project", "id": project["id"]}
    path, _ = manager.prepare_engine(request["engine"], entity)
    answer(output, "realised", path=path, errors=errors)


def watch(sgtk, errors):
    """Writes what Toolkit tells to the log, and keeps its errors: it survives some of them."""
    import logging

    class Watcher(logging.Handler):
        def emit(self, record):
            if record.levelno >= logging.ERROR:
                errors.append(record.getMessage())
            sys.stderr.write("%s: %s\n" % (record.levelname, record.getMessage()))

    watcher = Watcher()
    watcher.setLevel(logging.INFO)
    sgtk.LogManager().root_logger.addHandler(watcher)


def main():
    output = private_output()
    source = private_input()
    request = json.loads(source.readline())
    spoken = threading.Event()
    threading.Thread(target=await_word, args=(source, spoken), daemon=True).start()
    # Whoever does not answer in this time is not there: shotgun_api3 itself would wait for ever.
    socket.setdefaulttimeout(request["timeout"])
    try:
        realise(request, spoken, output)
    except Exception as error:
        traceback.print_exc()
        lines = str(error).strip().splitlines() or [type(error).__name__]
        answer(output, "failed", kind=kind_of(error), message=lines[0])
    # Toolkit's threads are not waited for.
    sys.stderr.flush()
    os._exit(0)


main()
