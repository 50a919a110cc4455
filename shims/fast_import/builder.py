"""Builds the image of a core, in a process of its own with low priority.

The image holds this program too, so what only a build needs is imported by its functions.
"""
import marshal
import os
import sys
import zipimport

import _frozen_importlib_external as external
import _imp

from fast_import.finders import DIRECTORIES, LOADERS
from fast_import.image import HASH_KEY, facts_of, names_in, times_of

# As in `sitecustomize.py`, which reads the image.
HEAD = b"sgtk-python image 1\n"

# The start of the line with the core's path in `sitecustomize.py`.
CORE = b"# The core: "

# Python leaves the frames of a file with this name out of the tracebacks of an import.
FRAMES_LEFT_OUT = "<frozen importlib._bootstrap_external>"

# Seconds that a build may take.
LONGEST = 60

# Seconds for which the process that asks for an image has the machine to itself, unless it ends before.
HEAD_START = 3

# Seconds in which a file may change again without a new time.
TICK = 2

# The images of a user: their number, their bytes, and the seconds for which an unused one stays.
MOST_IMAGES = 16
MOST_BYTES = 256 * 1024 * 1024
LONGEST_UNUSED = 30 * 24 * 60 * 60


def build(text, image, core, asker):
    """Builds the image of a core for this Python; `text` is this program, and the process `asker` imports as ever
    meanwhile. Leaves the mark of a build that fails."""
    import fcntl

    mark, cache = image + ".build", os.path.dirname(os.path.dirname(image))
    try:
        be_modest()
        let_go_first(asker)
        check_core(image, core)
        with open(os.path.join(cache, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write(image, image_of(text, core))
            os.unlink(mark)
            try:
                remove_old(cache)
            except OSError:
                # Another process removes something there, or has done so.
                pass
    except Exception as error:
        line = " ".join(str(error).split()) or type(error).__name__
        with open(mark, "w", errors="backslashreplace") as file:
            file.write(line + "\n")


def be_modest():
    """Lets every other process go first, and ends this one after a time."""
    import signal

    os.umask(0o077)
    sys.settrace(None)
    sys.setprofile(None)
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.alarm(LONGEST)
    os.nice(19)


def let_go_first(asker):
    """Waits while a process imports: beside a build it would take longer, also with another processor free."""
    import time

    until = time.monotonic() + HEAD_START
    while time.monotonic() < until:
        try:
            os.kill(asker, 0)
        except OSError:
            return
        time.sleep(0.05)


def check_core(image, core):
    """Fails if another folder than the core of this image stands before it on the path, which `site` makes absolute."""
    with open(os.path.join(os.path.dirname(image), "sitecustomize.py"), "rb") as file:
        line = file.read().split(b"\n")[1]
    if os.path.abspath(line[len(CORE) :]) != os.fsencode(core):
        raise ValueError("another folder stands in the core's place: %s" % core)


class Parts:
    """The objects of an image, as bytes."""

    def __init__(self):
        self.end = len(HEAD) + 24
        self.bytes = []

    def add(self, value):
        """Returns the place of an object in the file: its start, length and hash."""
        data = marshal.dumps(value)
        place = self.end, len(data), _imp.source_hash(HASH_KEY, data)
        self.bytes.append(data)
        self.end += len(data)
        return place

    def file(self, index):
        """Returns the bytes of the file, with the index at its end."""
        start, length, digest = self.add(index)
        numbers = start.to_bytes(8, "little") + length.to_bytes(8, "little")
        return b"".join([HEAD, numbers, digest] + self.bytes)


def image_of(text, core):
    """Returns the bytes of a core's image."""
    parts = Parts()
    manifest = os.path.join(os.path.dirname(core), "info.yml")
    program = compile(text, FRAMES_LEFT_OUT, "exec", dont_inherit=True)
    folders, zips = {}, {}
    for folder, below, _files in os.walk(core):
        below[:] = [name for name in below if name != "__pycache__"]
        folders[folder] = folder_in_image(folder, parts)
    for path in zips_of(core):
        try:
            zips[path] = zip_in_image(path, parts)
        except zipimport.ZipImportError:
            # Python's own import passes over it, too.
            pass
    return parts.file(
        {
            "core": core,
            "program": parts.add(program),
            "manifest": {"path": manifest, "facts": facts_of(manifest)},
            "folders": folders,
            "zips": zips,
        }
    )


def folder_in_image(folder, parts):
    """Adds the modules of a folder that Python would compile from a source."""
    wait_for_tick(folder)
    times = times_of(os.stat(folder))
    names = names_in(folder)
    stems = frozenset(name.partition(".")[0] for name in names)
    finder = external.FileFinder(folder, *LOADERS)
    modules = {}
    for stem in stems:
        spec = finder.find_spec(stem)
        if spec is None or not is_source(spec):
            continue
        wait_for_tick(spec.origin)
        facts = facts_of(spec.origin)
        code = code_of(spec.loader, stem)
        if code is not None and facts == facts_of(spec.origin):
            modules[stem] = spec.submodule_search_locations is not None, facts, parts.add(code)
    return {"times": times, "names": names, "stems": stems, "modules": modules}


def is_source(spec):
    """Returns true for a module whose code depends on its source alone, and not on unchecked bytecode."""
    if type(spec.loader) is not external.SourceFileLoader:
        return False
    try:
        with open(spec.cached, "rb") as bytecode:
            return bytecode.read(8)[4:] in (bytes(4), b"")
    except OSError:
        return True


def code_of(loader, name):
    """Returns a module's code; None if Python cannot compile it."""
    try:
        return loader.get_code(name)
    except Exception:
        return None


def wait_for_tick(path):
    """Waits until no further change of a file or folder can leave its times as they are."""
    import time

    age = time.time() - os.stat(path).st_ctime
    if 0 <= age < TICK:
        time.sleep(TICK - age)


def zips_of(core):
    """Returns the zips that the core puts on `sys.path`, with links followed; none for Python 3.9 and older."""
    requirements = os.path.join(os.path.dirname(os.path.realpath(core)), "requirements")
    if not hasattr(zipimport.zipimporter, "find_spec"):
        return []
    paths: "list[str]" = []
    for folder in ("%d.%d" % sys.version_info[:2], "any"):
        folder = os.path.join(requirements, folder)
        if os.path.isdir(folder):
            names = sorted(os.listdir(folder))
            paths.extend(os.path.join(folder, name) for name in names if name.endswith(".zip"))
    return paths


def zip_in_image(path, parts):
    """Adds the modules of a zip that Python would compile from a source."""
    wait_for_tick(path)
    facts = facts_of(path)
    zipimport.zipimporter(path)
    files = DIRECTORIES[path]
    modules = {}
    for file in files:
        name = file[: -len(".py")] if file.endswith(".py") else ""
        folder, _, stem = name.rpartition("/")
        is_package = stem == "__init__"
        if is_package:
            name = folder
            folder, _, stem = name.rpartition("/")
        # A package counts before a module, and bytecode before a source.
        hides = [name + end for end in ("/__init__.pyc", "/__init__.py", ".pyc")]
        if not stem or any(other in files and other != file for other in hides):
            continue
        importer = zipimport.zipimporter(path + "/" + folder if folder else path)
        code = code_of(importer, stem)
        if code is not None:
            modules[name] = is_package, parts.add(code)
    return {"facts": facts, "files": files, "modules": modules}


def write(image, data):
    """Puts an image in its place in one step."""
    new = image + ".new"
    if os.path.lexists(new):
        os.unlink(new)
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "wb") as stream:
            stream.write(data)
        os.replace(new, image)
    except OSError:
        if os.path.lexists(new):
            os.unlink(new)
        raise


def images_in(folders):
    paths = (os.path.join(folder, name) for folder in folders for name in os.listdir(folder))
    return [path for path in paths if path.endswith(".image")]


def used_at(path):
    """Returns when a file was last used, as far as its file system says so."""
    data = os.lstat(path)
    return max(data.st_atime, data.st_mtime)


def remove_old(cache):
    """Removes images that were not used for long, and the oldest of too many; then the folders without any."""
    import shutil
    import time

    folders = [os.path.join(cache, name) for name in os.listdir(cache)]
    folders = [folder for folder in folders if os.path.isdir(folder) and not os.path.islink(folder)]
    for folder in folders:
        for name in os.listdir(folder):
            # A builder was killed; this one holds the lock.
            if name.endswith(".image.new"):
                os.unlink(os.path.join(folder, name))
    now, size = time.time(), 0
    images = sorted(images_in(folders), key=used_at, reverse=True)
    for place, path in enumerate(images):
        size += os.lstat(path).st_size
        if place >= MOST_IMAGES or size > MOST_BYTES or now - used_at(path) > LONGEST_UNUSED:
            os.unlink(path)
    for folder in folders:
        if not images_in([folder]) and now - used_at(folder) > LONGEST_UNUSED:
            shutil.rmtree(folder)
