"""Lets Toolkit act for somebody, and starts an engine, before a program runs.

Follows `as_main.py` in one text; here are only functions. What is wanted is a request in JSON: an engine's
name, an entity, a script's name and key, each of which may be null.
"""


class NotPrepared(Exception):
    """What cannot be had before the program runs, in one line."""

    hint = "set TK_DEBUG=1 to see more of Toolkit and Python"


class NobodyToActAs(NotPrepared):
    hint = "set SHOTGUN_FARM_SCRIPT_USER and SHOTGUN_FARM_SCRIPT_KEY, set 'credentials_file' in [site], or log in once by running the command in a terminal"


def run_with_session():
    """Does what the launcher asks for, and then runs the program. The words are the request, the kind of
    the program, the program, and its arguments; the credentials are on the descriptor that a variable
    names, and both are gone before the program runs."""
    import json
    forget_runner()
    request, kind, program, arguments = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    forget_words(kind, program, arguments)
    number = os.environ.pop("SGTK_PYTHON_CREDENTIALS", None)
    if number is not None:
        request["credentials"] = json.loads(handed_over(int(number)))
    or_leave(prepare, request)
    if kind == "prompt" and sys.stdin is not None and (sys.stdin.isatty() or sys.flags.inspect):
        sys.argv[:] = [""]
        put_on_path("")
        fresh_main()
        # Python's prompt follows, as after `python -i`.
        os.environ["PYTHONINSPECT"] = "1"
        return
    code = exit_code_of(kind, program, arguments)
    # With `-i` the prompt follows, however the program ended.
    if not sys.flags.inspect:
        exit_as(code)


def handed_over(number):
    """What is on a descriptor of the launcher's."""
    if os.name == "nt":
        import msvcrt
        number = msvcrt.open_osfhandle(number, os.O_RDONLY)
    with os.fdopen(number, encoding="utf-8") as source:
        return source.read()


def forget_words(kind, program, arguments):
    """Leaves the words that plain Python would have been given."""
    if hasattr(sys, "orig_argv"):
        words = {"code": ["-c", program], "module": ["-m", program], "prompt": []}.get(kind, [program])
        # After Python's own options come those of this runner: -c, the request and the kind.
        del sys.orig_argv[len(sys.orig_argv) - len(arguments) - 5:]
        sys.orig_argv += words + arguments


def or_leave(prepare, *wanted):
    """Prepares something; what cannot be had is one line and an exit code of the launcher's."""
    try:
        prepare(*wanted)
    except NotPrepared as error:
        complain("sgtk-python: error: %s" % error)
        complain("hint: " + error.hint)
        raise SystemExit(122)


def prepare(request):
    """Does what is asked for."""
    task = "import sgtk"
    try:
        import sgtk
        task = "authenticate"
        authenticate(sgtk, request["credentials"])
        if request["engine"]:
            task = "start the engine '%s'" % request["engine"]
            start_engine(sgtk, request["engine"], request["entity"])
    except NotPrepared:
        raise
    except Exception as error:
        if os.environ.get("TK_DEBUG"):
            import traceback
            traceback.print_exc()
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotPrepared("cannot %s: %s" % (task, lines[0]))


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
            raise NobodyToActAs("cannot authenticate: there is no script key and no saved login")
    sgtk.set_authenticated_user(user)


def start_engine(sgtk, name, entity):
    """Starts an engine for an entity, else for the configuration's project."""
    tk = sgtk.sgtk_from_path(os.environ["SGTK_PYTHON_CONFIG"])
    destroy_at_end(sgtk, sgtk.platform.start_engine(name, tk, context_of(tk, entity)))


def context_of(tk, entity):
    if entity is None:
        project = tk.pipeline_configuration.get_project_id()
        entity = project and ("Project", project)
    return tk.context_from_entity(*entity) if entity else tk.context_empty()


def destroy_at_end(sgtk, engine):
    """Destroys an engine at the end of this process, and of none that the program forks."""
    import atexit
    # Before the program's own: those run first, and threads that are left have ended.
    atexit.unregister(destroy)
    atexit.register(destroy, sgtk, engine, os.getpid())


def destroy(sgtk, engine, process):
    if os.getpid() == process and sgtk.platform.current_engine() is engine:
        engine.destroy()


def let_go():
    """Closes what a started engine holds, through its owners, so that processes forked from this one share
    nothing: each opens its own."""
    import sgtk
    engine = sgtk.platform.current_engine()
    dispatcher = getattr(engine, "_metrics_dispatcher", None)
    if dispatcher is not None and dispatcher.dispatching:
        threads = list(dispatcher.workers)
        dispatcher.stop()
        for thread in threads:
            thread.join(10)
    sgtk.LogManager().uninitialize_base_file_handler()
    close_connections()


def environment_files():
    """The files of the environments that the current engine may have read, and their folders; so many at the most."""
    import sgtk
    configuration = sgtk.platform.current_engine().sgtk.pipeline_configuration
    paths = []
    for folder, _, names in os.walk(os.path.join(configuration.get_config_location(), "env")):
        paths += [folder] + [os.path.join(folder, name) for name in names]
    return paths[:1000]


def close_connections():
    """Closes what is open to a site; each connection opens anew when it is used."""
    import gc
    gc.collect()
    for one in gc.get_objects():
        if any(kind.__name__ == "Shotgun" for kind in type(one).__mro__) and hasattr(one, "close"):
            one.close()
    gc.collect()


def take_up(name, entity):
    """In a process that was forked after `let_go`: opens the engine's log, and turns to an entity."""
    import sgtk
    engine = sgtk.platform.current_engine()
    destroy_at_end(sgtk, engine)
    sgtk.LogManager().initialize_base_file_handler(name)
    if entity is not None:
        try:
            sgtk.platform.change_context(context_of(engine.sgtk, entity))
            # One that cannot change its context was started anew.
            destroy_at_end(sgtk, sgtk.platform.current_engine())
        except Exception as error:
            raise NotPrepared("cannot turn the engine '%s' to %s %s: %s" % (name, entity[0], entity[1], error))
