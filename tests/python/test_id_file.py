"""The id file of the event daemon."""
import datetime
import os
import pickle
import subprocess
import sys
import unittest

from studio import StudioTest

from sgtk_python.id_file import NoCopy, copy_ids, mend_ids


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


class MendingIds(StudioTest):
    STATE = {"/studio/plugins": {"sgtk_events": (41, {40: datetime.datetime(2024, 1, 2)}), "other": (None, {})}}

    def setUp(self):
        super().setUp()
        self.ids = self.path("daemon.id")

    def write(self, data, path=None):
        with open(path or self.ids, "wb") as file:
            file.write(data)

    def read(self):
        with open(self.ids, "rb") as file:
            return file.read()

    def test_broken_file_is_restored(self):
        for protocol in (4, pickle.HIGHEST_PROTOCOL):
            data = pickle.dumps(self.STATE, protocol)
            self.write(data)
            self.assertIn("is good; copied", mend_ids(self.ids))
            for broken in (b"", data[:-1], data[:20], b"nonsense", pickle.dumps([1]), pickle.dumps({"a": 1})):
                self.write(broken)
                self.assertIn("was broken (%d bytes); restored" % len(broken), mend_ids(self.ids))
                self.assertEqual(pickle.loads(self.read()), self.STATE)

    def test_numbers_of_old_daemons_are_good(self):
        self.write(b"4711\n")
        self.assertIn("is good", mend_ids(self.ids))

    def test_nothing_in_the_file_runs(self):
        trap = pickle.dumps({"/studio/plugins": {"a": Trap(self.path("trapped"))}})
        self.write(trap)
        self.write(trap, self.ids + ".good")
        with self.assertRaises(NoCopy):
            mend_ids(self.ids)
        self.assertFalse(os.path.exists(self.path("trapped")))

    def test_file_without_a_copy_keeps_the_daemon_down(self):
        self.write(b"")
        done = subprocess.run([sys.executable, "-m", "sgtk_python", "mend-ids", self.ids], stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"there is no good copy", done.stderr)
        self.assertEqual(self.read(), b"")

    def test_removed_file_stays_removed(self):
        self.write(pickle.dumps(self.STATE), self.ids + ".good")
        self.assertIn("there is no", mend_ids(self.ids))
        self.assertFalse(os.path.exists(self.ids))

    def test_copying_never_changes_the_file(self):
        self.write(pickle.dumps(self.STATE))
        self.assertTrue(copy_ids(self.ids))
        self.write(b"")
        self.assertFalse(copy_ids(self.ids))
        self.assertEqual(self.read(), b"")
        mend_ids(self.ids)
        self.assertEqual(pickle.loads(self.read()), self.STATE)


if __name__ == "__main__":
    unittest.main()
