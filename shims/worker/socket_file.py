"""The worker's socket in the folder that launchers look into."""
import os
import socket


class SocketFile:
    """A socket that listens as `KEY.sock`, and as `KEY.INODE.sock` when the worker has retired."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.listener = listen(folder, name)
        self.identity = os.stat(name, dir_fd=folder)
        self.aside = "%s.%d.sock" % (os.path.splitext(name)[0], self.identity.st_ino)

    def is_in_place(self):
        """Returns false if another worker has taken the place."""
        return self.is_at(self.name)

    def is_at(self, name):
        try:
            found = os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.identity.st_dev, self.identity.st_ino)

    def move_aside(self):
        """Frees the place for another worker, and stays reachable."""
        # A launcher may have moved it already.
        if self.is_in_place():
            try:
                os.rename(self.name, self.aside, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            except OSError:
                # The next worker needs the place more than `--workers` needs to see this one.
                os.unlink(self.name, dir_fd=self.folder)

    def remove(self):
        if self.is_at(self.aside):
            os.unlink(self.aside, dir_fd=self.folder)


def listen(folder, name):
    """Binds under another name and renames, so that concurrent starts leave one complete socket."""
    aside = "%s.%d" % (name, os.getpid())
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("/proc/self/fd/%d/%s" % (folder, aside))
    listener.listen(512)
    listener.setblocking(False)
    os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    return listener
