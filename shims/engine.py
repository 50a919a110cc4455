"""Runs a program with an authenticated user, and with an engine that was started for it.

Follows `as_main.py` in one `python -c`, whose arguments are a request in JSON, the kind of the program,
the program, and its arguments. The credentials are on the descriptor that a variable names; both are gone
before the program runs.
"""

CREDENTIALS = "SGTK_PYTHON_CREDENTIALS"


def credentials():
    """The script's name and key that the launcher handed over, if it did."""
    import json
    number = os.environ.pop(CREDENTIALS, None)
    if number is None:
        return None
    if os.name == "nt":
        import msvcrt
        number = msvcrt.open_osfhandle(int(number), os.O_RDONLY)
    with os.fdopen(int(number), encoding="utf-8") as source:
        return json.load(source)


def authenticate(sgtk):
    """Lets Toolkit act as the script, or as the person who is logged in."""
    authentication = sgtk.authentication
    authenticator = authentication.ShotgunAuthenticator(authentication.CoreDefaultsManager())
    script = credentials()
    if script:
        user = authenticator.create_script_user(script["script"], script["key"])
    elif sys.stdin is not None and sys.stdin.isatty():
        user = authenticator.get_user()
    else:
        user = authenticator.get_default_user()
        if user is None or user.are_credentials_expired():
            raise RuntimeError("there is no script key and no saved login to act as")
    sgtk.set_authenticated_user(user)


def start_engine(sgtk, name, entity):
    """Starts an engine for an entity, else for the configuration's project."""
    tk = sgtk.sgtk_from_path(os.environ["SGTK_PYTHON_CONFIG"])
    if entity is None:
        project = tk.pipeline_configuration.get_project_id()
        entity = project and ("Project", project)
    context = tk.context_from_entity(*entity) if entity else tk.context_empty()
    engine = sgtk.platform.start_engine(name, tk, context)
    # Before the program's own: those run first, and threads that are left have ended.
    import atexit
    atexit.register(destroy, sgtk, engine)


def destroy(sgtk, engine):
    if sgtk.platform.current_engine() is engine:
        engine.destroy()


def prepare(request):
    """Does what was asked for before the program runs; a failure is one line."""
    task = "authenticate"
    try:
        import sgtk
        authenticate(sgtk)
        if request["engine"]:
            task = "start the engine '%s'" % request["engine"]
            start_engine(sgtk, request["engine"], request["entity"])
    except Exception as error:
        if os.environ.get("TK_DEBUG"):
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        complain("sgtk-python: cannot %s: %s" % (task, lines[0]))
        complain("hint: with TK_DEBUG=1 Toolkit and Python tell more")
        raise SystemExit(122)


def run():
    # First of all: what lies in the working directory is nobody's to import here.
    forget_runner()
    import json
    request, kind, program, arguments = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    prepare(json.loads(request))
    if kind == "prompt" and sys.stdin is not None and sys.stdin.isatty():
        sys.argv[:] = [""]
        put_on_path("")
        fresh_main()
        # Python's prompt follows, as after `python -i`.
        os.environ["PYTHONINSPECT"] = "1"
        return
    exit_as(exit_code_of("input" if kind == "prompt" else kind, program, arguments))


run()
