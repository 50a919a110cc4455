"""Asks a site for a project's configuration, and realises it if it is distributed.

The request is one line of JSON on standard input. The replies are lines of JSON on the first standard output: Toolkit
prints to the standard streams, so those are connected to the log. Before it realises anything, the program waits for a
second line, so that one launch at a time realises a configuration. An end of input ends the program at any time.
"""
import json
import os
import signal
import socket
import sys
import threading
import traceback

from bootstrap.failure import Failure, kind_of
from bootstrap.replies import Replies, ToolkitLog, Watchdog
from bootstrap.site import centralized_path, find_project
from bootstrap.user import user_of

ATTEMPTS = 3  # of shotgun_api3 to reach a site


def main():
    replies = Replies()
    try:
        source = private_input()
        request = json.loads(source.readline())
        # A program that Toolkit starts must not hold the launcher's locks.
        for number in request["locks"]:
            os.set_inheritable(number, False)
        replies.secret = (request["credentials"] or {}).get("key")
        may_realise = threading.Event()
        threading.Thread(target=await_go, args=(source, may_realise), daemon=True).start()
        # shotgun_api3 itself would wait for ever.
        socket.setdefaulttimeout(request["timeout"])
        answer(request, may_realise, replies)
    except Exception as error:
        replies.fail(kind_of(error), error if str(error).strip() else type(error).__name__)
        replies.log(traceback.format_exc())
    # Without waiting for Toolkit's threads.
    os._exit(0)


def private_input():
    """Moves the request's stream to another number, so that no program that Toolkit starts can read it."""
    private = os.fdopen(os.dup(0), "r", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return private


def await_go(stream, may_realise):
    """Sets the event at the next line; when the launcher is gone, ends this process and the group that it leads."""
    while stream.readline():
        may_realise.set()
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def answer(request, may_realise, replies):
    # An answer that comes byte by byte never meets the socket's own limit. This one holds until the project is known.
    watchdog = Watchdog(replies)
    watchdog.watch(ATTEMPTS * request["timeout"] + 30, "no answer")
    try:
        import sgtk
    except Exception as error:
        problem = "%s: %s" % (type(error).__name__, error)
        raise Failure("no-core", "%s cannot import the site's core: %s" % (sys.executable, problem))
    toolkit_log = ToolkitLog(replies)
    sgtk.LogManager().root_logger.addHandler(toolkit_log)
    user = user_of(sgtk, request, watchdog)
    sgtk.set_authenticated_user(user)
    sg = user.create_sg_connection()
    try:
        project, name = find_project(sg, request["project"])
        path = centralized_path(sg, project, request["pipeline"])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Failure("unreachable", "the site's answer is malformed (%s)" % error)
    watchdog.stop()
    if path:
        replies.send("centralized", id=project, name=name, path=path)
        return
    replies.send("project", id=project, name=name)
    may_realise.wait()
    path = realise(sgtk, user, project, request, watchdog, replies)
    errors = [replies.without_secret(error)[:500] for error in toolkit_log.errors[:20]]
    replies.send("realised", path=path, errors=errors)


def realise(sgtk, user, project, request, watchdog, replies):
    """Realises the configuration of a project, and returns its folder."""

    def progress(value, message):
        watchdog.watch(request["realise_timeout"], "no progress")
        replies.send("progress", value=float(value), message=str(message)[:500])

    manager = sgtk.bootstrap.ToolkitManager(user)
    manager.plugin_id = request["plugin_id"]
    manager.pipeline_configuration = request["pipeline"]
    manager.base_configuration = request["base_configuration"]
    manager.progress_callback = progress
    # Toolkit starts programs, such as git, that may hang for ever.
    watchdog.watch(request["realise_timeout"], "no progress")
    try:
        path, _ = manager.prepare_engine(request["engine"], {"type": "Project", "id": project})
    except sgtk.bootstrap.TankBootstrapError as error:
        # The site has no configuration, and the settings name none to use instead.
        if request["base_configuration"] is None and "No config descriptor" in str(error):
            raise Failure("no-config", "the project has no configuration for the plugin '%s'" % request["plugin_id"])
        raise
    watchdog.stop()
    return path


if __name__ == "__main__":
    main()
