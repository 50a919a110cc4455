"""An image in use: the code objects of a core, and the folders and zips of which they are true."""
import marshal
import os

import _imp

# As in `sitecustomize.py`, which reads the index.
HASH_KEY = 0x7367746B

# Seconds for which a folder or zip that was looked at counts as unchanged.
FRESH = 2


class Image:
    """An image whose index is whole."""

    def __init__(self, path, data, index):
        self.path = path
        self.data = data
        self.folders = index["folders"]
        self.zips = index["zips"]
        self.manifest = index["manifest"]
        # A release is never edited in place, so its modules need no look.
        self.is_release = os.path.basename(os.path.dirname(path)).startswith("release-")
        self.is_outdated = False
        self.looks = {}

    def code(self, place):
        """Returns a code object; None if its bytes are damaged."""
        start, length, digest = place
        view = memoryview(self.data)[start : start + length]
        if _imp.source_hash(HASH_KEY, view) == digest:
            return marshal.loads(view)
        return self.differs()

    def code_of_file(self, path, module):
        """Returns the code of a module's file; None if the file has changed."""
        _is_package, facts, place = module
        if self.is_release or facts_of(path) == facts:
            return self.code(place)
        return self.differs()

    def folder(self, path):
        """Returns the names in a folder, and its modules; None if the image has no such folder as it is now."""
        folder = self.folders.get(path)
        return folder if folder and self.is_current(path, is_same_folder, folder) else None

    def zip(self, path):
        """Returns a zip's directory, and its modules; None if the image has no such zip as it is now."""
        archive = self.zips.get(path)
        return archive if archive and self.is_current(path, is_same_file, archive) else None

    def is_current(self, path, is_same, known):
        """Looks whether a folder or file has changed, at most once in a while; in a release at the manifest too."""
        # The `time` module may not be imported yet.
        now = os.times().elapsed
        looked, current = self.looks.get(path, (None, True))
        if looked is None or now - looked > FRESH:
            current = is_same(path, known, self)
            self.looks[path] = (now, current)
        if self.is_release and known is not self.manifest:
            return current and self.is_current(self.manifest["path"], is_same_file, self.manifest)
        return current

    def forget(self, path):
        """Has the next import look at a folder or zip again."""
        self.looks.pop(path, None)

    def differs(self):
        """Marks the image, so that the next start asks for another one; this one still serves what has not changed."""
        if not self.is_outdated:
            self.is_outdated = True
            try:
                os.utime(self.path, (0, 0), follow_symlinks=False)
            except OSError:
                pass


def is_same_file(path, known, image):
    return facts_of(path) == known["facts"] or bool(image.differs())


def is_same_folder(path, known, image):
    """Looks at the names in the folder only if its times are others: bytecode changes them too."""
    try:
        if times_of(os.stat(path)) == known["times"]:
            return True
        image.differs()
        return names_in(path) == known["names"]
    except OSError:
        return False


def facts_of(path):
    """Returns the facts of a file that change with its content; None if there is no such file."""
    try:
        data = os.stat(path)
    except OSError:
        return None
    return data.st_size, times_of(data)


def times_of(data):
    """Returns the times of a change. Copies may keep the first one, but not the second."""
    return data.st_mtime_ns, data.st_ctime_ns


def names_in(folder):
    """Returns the names in a folder, without that of the bytecode that Python adds."""
    return frozenset(os.listdir(folder)) - {"__pycache__"}
