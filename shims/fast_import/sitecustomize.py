"""Begins fast import: `site` imports this file, whose folder follows a core's on PYTHONPATH.

It reads the image of the core for this Python, and lets the program in it take over. Without an image it asks for one.
Then it leaves `sys.path`, and hands on to the studio's own `sitecustomize`. It fails silently: the ordinary import is
always right. The variable may lead any Python here, so this file must compile in each one, Python 2 too.
"""
import os
import sys

# An image begins with this text and the place of its index: start, length and hash, of 8 bytes each. The index is at
# its end, and knows the places of all other objects. `builder.py` writes it.
HEAD = b"sgtk-python image 1\n"
HASH_KEY = 0x7367746B

# Seconds after which a build that has left no image has failed, and is tried again.
LONGEST_BUILD = 120


def begin():
    """Installs the image of the core that stands before this folder on `sys.path`."""
    folder = os.path.dirname(__file__)
    place = sys.path.index(folder)
    if place == 0 or not is_supported():
        return
    core = sys.path[place - 1]
    name = "%s-%x-%d.image" % (sys.implementation.cache_tag, sys.hexversion, sys.flags.optimize)
    image = os.path.join(folder, name)
    try:
        data, is_outdated = read_own(image)
        index = index_of(data)
        if index["core"] != core:
            raise ValueError("an image of another core")
        run(part_of(data, index["program"]))["install"](image, data, index)
    except Exception:
        is_outdated = True
    if is_outdated:
        ask_for_image(folder, image, core)


def is_supported():
    return (
        sys.version_info >= (3, 7)
        and sys.implementation.name == "cpython"
        and os.name == "posix"
        and "PYTHONCASEOK" not in os.environ
    )


def read_own(path):
    """Returns a file's bytes, and whether it is marked as outdated. Fails if another user could have written them."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        data = os.fstat(file)
        if data.st_uid not in (0, os.geteuid()) or data.st_mode & 0o170022 != 0o100000:
            raise ValueError("not a file of this user alone")
        return os.read(file, data.st_size), data.st_mtime == 0
    finally:
        os.close(file)


def index_of(data):
    """Returns the index of an image. Fails if the image is damaged."""
    at = len(HEAD)
    start = int.from_bytes(data[at : at + 8], "little")
    length = int.from_bytes(data[at + 8 : at + 16], "little")
    if data[:at] != HEAD or start + length != len(data):
        raise ValueError("not a whole image")
    return part_of(data, (start, length, data[at + 16 : at + 24]))


def part_of(data, part):
    """Returns an object in an image. Fails if its bytes are damaged."""
    import _imp
    import marshal

    start, length, digest = part
    view = memoryview(data)[start : start + length]
    if _imp.source_hash(HASH_KEY, view) != digest:
        raise ValueError("damaged")
    return marshal.loads(view)


def run(program):
    """Runs a program, and returns its names."""
    names = {"__name__": "sgtk_python_fast_import"}
    exec(program, names)
    return names


def ask_for_image(folder, image, core):
    """Has a process of its own build the image, unless one does so already."""
    import time

    if os.getpid() == 1:
        # The builder would be a child of this process, which could wait for it.
        return
    mark = image + ".build"
    try:
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        try:
            if abs(time.time() - os.lstat(mark).st_mtime) > LONGEST_BUILD:
                os.unlink(mark)
        except OSError:
            pass
        return
    asker = os.getpid()
    try:
        child = os.fork()
    except OSError:
        return
    if child == 0:
        try:
            os.setsid()
            # The builder is the system's child: this process waits for its own children only.
            if os.fork() == 0:
                build(folder, image, core, asker)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def build(folder, image, core, asker):
    """Runs `program.py` without the descriptors of this process, which may be locks or a caller's pipes."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                pass
    os.chdir("/")
    path = os.path.join(folder, "program.py")
    with open(path, encoding="utf-8") as program:
        text = program.read()
    run(compile(text, path, "exec"))["build"](text, image, core, asker)


def leave():
    """Leaves the path, and imports the next `sitecustomize`; if there is none, `site` passes over the failure."""
    folder = os.path.dirname(__file__)
    sys.path.remove(folder)
    sys.path_importer_cache.pop(folder, None)
    del sys.modules["sitecustomize"]
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401


try:
    begin()
except Exception:
    pass
leave()
