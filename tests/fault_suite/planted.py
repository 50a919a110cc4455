"""Files that another user has planted where a launch looks: it must not run what they name, wait, or write there."""
import json
import os
import subprocess
import time

from fault_suite.planted_scene import ROOT, STRANGER, VICTIM, Scene, Trial, as_user
from fault_suite.tally import OWN_CODES

SITE = "https://127.0.0.1:1"


def attack(assignment):
    studio, tally = assignment.studio, assignment.tally
    if os.geteuid() != 0:
        tally.skip("needs root")
        return
    if subprocess.call(as_user(VICTIM) + [studio.python, "-c", "pass"], cwd="/", stderr=subprocess.DEVNULL):
        tally.skip("other users cannot start %s" % studio.python)
        return
    for scenario in SCENARIOS:
        scene = Scene(studio)
        for trial in scenario(scene):
            scene.run(tally, scenario.__name__, trial)
        scene.end()


def settings_beside_launcher(scene):
    launcher = scene.path("shared/sgtk-python")
    subprocess.check_call(["install", "-m", "755", scene.studio.launcher, launcher])
    for what, mode, owner in ("of the stranger", 0o644, STRANGER), ("that all may write", 0o666, ROOT):
        scene.plant(scene.path("shared/sgtk-python.toml"), 'python = "%s"\n' % scene.spy, mode, owner)
        for user in VICTIM, ROOT:
            yield Trial(user, "settings " + what, launcher=launcher, SGTK_PYTHON_SETTINGS=None)
    for what in scene.special_files(scene.path("shared/sgtk-python.toml")):
        yield Trial(VICTIM, what, allowed=(122,), launcher=launcher, SGTK_PYTHON_SETTINGS=None)


def settings_of_user(scene):
    text = 'python = "%s"\n' % scene.spy
    scene.plant(scene.path("stranger/.config/sgtk-python/settings.toml"), text)
    for user in VICTIM, ROOT:
        yield Trial(user, "the stranger's HOME", HOME=scene.path("stranger"))
        yield Trial(user, "the stranger's XDG_CONFIG_HOME", XDG_CONFIG_HOME=scene.path("stranger/.config"))
        named = scene.path("stranger/.config/sgtk-python/settings.toml")
        yield Trial(user, "the stranger's SGTK_PYTHON_SETTINGS", allowed=(122,), SGTK_PYTHON_SETTINGS=named)


def index(scene):
    by = ["--project-id", str(scene.studio.projects[0].id)]
    own = scene.path("victim/cache")
    scene.launch(Trial(VICTIM, "the first launch", by=by, SGTK_PYTHON_CACHE=own))
    for name in os.listdir(own):
        with open(os.path.join(own, name)) as file:
            text = file.read().replace(scene.studio.projects[0].config, scene.config)
        scene.plant(scene.path("shared/" + name), text)
        scene.plant(scene.path("stranger/.cache/sgtk-python/" + name), text)
    for user in VICTIM, ROOT:
        yield Trial(user, "an index in a sticky folder", by=by, SGTK_PYTHON_CACHE=scene.path("shared"))
        yield Trial(user, "an index in the stranger's HOME", by=by, HOME=scene.path("stranger"))


def site_answer(scene):
    answer = {
        "project_id": 500, "project": "spy", "config": scene.config, "kind": "centralized", "engine": None,
        "asked": int(time.time() * 1000), "tried": 0,
    }
    for user in VICTIM, ROOT:
        for place in "stranger/.shotgun", "shared/toolkit":
            for key in ("name", "spy"), ("id", "500"):
                name = fingerprint(SITE, "basic.", "tk-shell", "", *key, "") + ".answer"
                folder = scene.path(place + "/127.0.0.1/sgtk-python/")
                scene.plant(folder + name, json.dumps(answer))
            home = {"HOME": scene.path("stranger")} if "stranger" in place else {"SHOTGUN_HOME": scene.path(place)}
            for by in ["--project", "spy"], ["--project-id", "500"]:
                yield Trial(user, "an answer below %s" % place, by=by, allowed=OWN_CODES, SGTK_SITE=SITE, **home)


def site_files(scene):
    """Files that are no files among the cached answers, for a project that the site would have to name."""
    name = fingerprint(SITE, "basic.", "tk-shell", "", "name", "none", "")
    changes = {"SGTK_SITE": SITE, "SHOTGUN_HOME": scene.path("shared/toolkit")}
    for ending in "answer", "refusal", "lock":
        path = scene.path("shared/toolkit/127.0.0.1/sgtk-python/%s.%s" % (name, ending))
        scene.plant(path, "")
        for folder in "shared/toolkit", "shared/toolkit/127.0.0.1", "shared/toolkit/127.0.0.1/sgtk-python":
            os.chmod(scene.path(folder), 0o1777)
        for what in scene.special_files(path):
            for user in VICTIM, ROOT:
                hint = "%s in place of a site's %s" % (what, ending)
                yield Trial(user, hint, by=["--project", "none"], allowed=OWN_CODES, **changes)


def fingerprint(*parts):
    """FNV-1a with 128 bits over each part and its length (src/fingerprint.rs)."""
    value = 0x6c62272e07bb014262b821756295c58d
    for part in parts:
        for byte in part.encode() + len(part).to_bytes(8, "little"):
            value = ((value ^ byte) * ((1 << 88) + 0x13b)) % (1 << 128)
    return "%032x" % value


def worker_folder(scene):
    for user in VICTIM, ROOT:
        place = scene.path("shared/sgtk-python-%d" % user)
        for what in scene.special_files(place):
            changes = {"XDG_RUNTIME_DIR": None, "TMPDIR": scene.path("shared")}
            yield Trial(user, "%s in place of the worker's folder" % what, ["--warm"], **changes)
        scene.plant(scene.path("stranger/sgtk-python/x.start"), "")
        yield Trial(user, "the stranger's worker folder", ["--warm"], XDG_RUNTIME_DIR=scene.path("stranger"))
        scene.remove(scene.path("stranger/sgtk-python"))
        yield Trial(user, "the stranger's XDG_RUNTIME_DIR", ["--warm"], XDG_RUNTIME_DIR=scene.path("stranger"))
        scene.remove(scene.path("stranger/sgtk-python"))


def lock_files(scene):
    for options, by in (["--exclusive"], None), ([], ["--project-id", str(scene.studio.projects[0].id)]):
        own = scene.path("victim/cache")
        # The name of an exclusive run's lock holds the program's path, and that is the same for all attempts.
        scene.launch(Trial(VICTIM, "the first launch", options, by, SGTK_PYTHON_CACHE=own))
        for name in os.listdir(own):
            for what in scene.special_files(scene.path("shared/" + name)):
                for user in VICTIM, ROOT:
                    changes = {"SGTK_PYTHON_CACHE": scene.path("shared")}
                    hint = "%s in place of %s" % (what, name.split("-")[0])
                    yield Trial(user, hint, options, by, OWN_CODES, **changes)
                    if what in ("a pipe", "a file"):
                        held = scene.path("shared/" + name)
                        yield Trial(user, hint + ", locked", options, by, OWN_CODES, held=held, **changes)
        scene.remove(own)


def home_of_stranger(scene):
    """A root shell keeps a user's HOME after `su`: nothing of root's may stay there."""
    changes = {"HOME": scene.path("stranger"), "XDG_RUNTIME_DIR": None, "TMPDIR": scene.path("shared")}
    by = ["--project-id", str(scene.studio.projects[0].id)]
    yield Trial(ROOT, "a look-up by id", by=by, **changes)
    yield Trial(ROOT, "an exclusive run", ["--exclusive"], allowed=OWN_CODES, **changes)
    yield Trial(ROOT, "a site's project", by=["--project", "none"], allowed=OWN_CODES, SGTK_SITE=SITE, **changes)


SCENARIOS = [
    settings_beside_launcher, settings_of_user, index, site_answer, site_files, worker_folder, lock_files,
    home_of_stranger,
]
