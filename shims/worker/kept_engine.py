"""The kept engine: the worker starts it once, and each job finds it running.

Of Toolkit it uses public interfaces: `sgtk.platform.current_engine` and `change_context`, `Engine.sgtk`,
`Sgtk.configuration_descriptor` (and its `get_config_folder`), `LogManager.initialize_base_file_handler` and
`uninitialize_base_file_handler`, and `close` of a site's connection. One is private, for nothing public stops the
threads that send metrics: `Engine._metrics_dispatcher` with `dispatching`, `workers` and `stop`. A core that lacks it
keeps its thread, and `check_fit` finds that; a core that lacks another one fails here. In both cases the worker is
unfit, records why, and jobs run plainly with an engine of their own.
"""
import json
import os

from engine import NotPrepared, context_of, destroy_at_end, prepare
from worker.fitness import Unfit
from worker.imports import close_connections

WATCHED = 1000  # files of environments at most


def keep_engine(request):
    """Starts the engine that all jobs will have; returns its name and the files that it depends on."""
    request = json.loads(request)
    try:
        prepare(request)
    except NotPrepared as error:
        raise Unfit(str(error)) from None
    try:
        release_engine()
        return request["engine"], environment_files()
    except AttributeError as error:
        raise Unfit("cannot keep the engine '%s' with this core: %s" % (request["engine"], error)) from None


def release_engine():
    """Closes the engine's connections, log and threads through their owners, so that forked processes share nothing."""
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
    """Returns the files and folders of the environments that the engine may have read."""
    import sgtk
    configuration = sgtk.platform.current_engine().sgtk.configuration_descriptor
    paths = []
    for folder, _, names in os.walk(os.path.join(configuration.get_config_folder(), "env")):
        paths += [folder] + [os.path.join(folder, name) for name in names]
    return paths[:WATCHED]


def take_up(name, entity):
    """Opens the engine's log in a child, and changes the engine's context to an entity."""
    import sgtk
    engine = sgtk.platform.current_engine()
    destroy_at_end(sgtk, engine)
    sgtk.LogManager().initialize_base_file_handler(name)
    if entity is not None:
        try:
            sgtk.platform.change_context(context_of(engine.sgtk, entity))
            # Toolkit restarts an engine that cannot change its context.
            destroy_at_end(sgtk, sgtk.platform.current_engine())
        except Exception as error:
            raise NotPrepared("cannot change the engine '%s' to %s %s: %s" % (name, entity[0], entity[1], error))
