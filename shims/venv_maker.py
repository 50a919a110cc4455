"""Makes the virtual environment of a project: Python's own kind, with the launcher in the place of its programs.

The arguments are the folder, the launcher, the interpreter, the project's name and the folder of the core's packages.
What goes wrong is one line on standard error, and exit code 1.
"""
import os
import re
import shutil
import site
import subprocess
import sys
import venv

CHECK = """
import importlib.util, sys
print(sys.executable)
print(sys.base_prefix)
print(getattr(importlib.util.find_spec("sgtk"), "origin", None))
"""


def main(folder, launcher, interpreter, project, packages):
    if any(len(word.splitlines()) > 1 for word in (launcher, interpreter, project, packages)):
        sys.exit("a name contains a line break")
    # Linux before 5.1 reads no more of a script's first line.
    script = "#!%s --venv-python\n" % launcher
    if len(os.fsencode(script)) > 127 or len(script.split()) > 2:
        sys.exit("the launcher's path is too long or contains white space: %s" % launcher)
    if not os.path.samefile(interpreter, sys.executable):
        place = "in the core's interpreter file, or with 'python' in the settings"
        sys.exit("%s starts another Python; name that one %s: %s" % (interpreter, place, sys.executable))
    is_new = not os.path.lexists(folder)
    try:
        make(folder, script, interpreter, project, packages)
        check(folder, interpreter, packages)
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def make(folder, script, interpreter, project, packages):
    names = "sgtk-python-project = %s\nsgtk-python-interpreter = %s\nsgtk-python-core = %s\n"
    marks = names % (project, interpreter, packages)
    config = os.path.join(folder, "pyvenv.cfg")
    os.makedirs(folder, exist_ok=True)
    # The launcher knows an unfinished environment by this file.
    replace(config + ".new", marks)
    outer = outer_site_packages()
    if outer:
        # Before 3.11 Python takes the program of a virtual environment for its own base.
        sys._base_executable = base_python() or sys._base_executable  # type: ignore[attr-defined]
    venv.EnvBuilder(system_site_packages=True, symlinks=True, prompt=project).create(folder)
    replace_programs(os.path.join(folder, "bin"), script)
    name = "python%d.%d%s" % (sys.version_info[:2] + ("t" if "t" in sys.abiflags else "",))
    lines = [packages]
    # Since 3.11 the base is the real Python, and an environment that 'python -m venv' makes would lose the project.
    lines.append("import sys; sys._base_executable = sys.executable")
    lines.extend("import site; site.addsitedir(%r)" % entry for entry in outer)
    replace(os.path.join(folder, "lib", name, "site-packages", "sgtk-python.pth"), "\n".join(lines) + "\n")
    with open(config, encoding="utf-8") as file:
        text = file.read()
    replace(config + ".new", text + marks)
    os.replace(config + ".new", config)


def outer_site_packages():
    """Returns the folders with the packages of the virtual environment that the interpreter itself belongs to."""
    if sys.prefix == sys.base_prefix:
        return []
    below = os.path.join(sys.prefix, "")
    return [entry for entry in site.getsitepackages() if entry.startswith(below) and os.path.isdir(entry)]


def base_python():
    with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
        pairs = [line.split("=", 1) for line in file if "=" in line]
    homes = [value.strip() for key, value in pairs if key.strip() == "home"]
    names = [os.path.basename(sys.executable), "python3", "python"]
    paths = [os.path.join(home, name) for home in homes for name in names]
    return next((path for path in paths if os.path.exists(path)), None)


def replace_programs(folder, script):
    """Writes the script as 'python', and links all other names of Python to that."""
    for name in os.listdir(folder):
        if re.match(r"python[0-9.]*\.new\Z", name):
            # An earlier run was killed.
            os.unlink(os.path.join(folder, name))
    names = [name for name in os.listdir(folder) if re.match(r"python[0-9.]*\Z", name)]
    replace(os.path.join(folder, "python"), script, 0o755)
    for name in sorted({"python3"}.union(names) - {"python"}):
        path = os.path.join(folder, name)
        os.symlink("python", path + ".new")
        os.replace(path + ".new", path)


def replace(path, text, mode=0o644):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)


def check(folder, interpreter, packages):
    """Fails if the environment's Python, started as an editor starts it, is not itself or does not find the core."""
    python = os.path.join(folder, "bin", "python")
    process = subprocess.Popen([python, "-I", "-c", CHECK], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = (os.fsdecode(stream).splitlines() for stream in process.communicate())
    if process.returncode or len(output) < 3:
        sys.exit("%s does not start: %s" % (python, " ".join(errors)))
    program, base, origin = output[-3:]
    if program != python or base != sys.base_prefix:
        sys.exit("%s starts another Python, which does not know the virtual environment: %s" % (interpreter, program))
    if not origin.startswith(os.path.join(packages, "")):
        sys.exit("%s finds another sgtk in the virtual environment: %s" % (interpreter, origin))


try:
    main(*sys.argv[1:])
except Exception as error:
    sys.exit(" ".join(("%s: %s" % (type(error).__name__, error)).split()))
