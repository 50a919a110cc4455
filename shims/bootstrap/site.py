"""The site's records: a project, and the configuration that the site knows by a path."""
import os
import sys

from bootstrap.failure import Failure


def find_project(sg, wanted):
    """Returns a project's id and name: `tank_name` if it has one, else its name on the site."""
    fields = ["name", "tank_name"]
    if "id" in wanted:
        found = sg.find("Project", [["id", "is", wanted["id"]]], fields)
    else:
        found = sg.find("Project", [["tank_name", "is", wanted["name"]]], fields)
        found = found or sg.find("Project", [["name", "is", wanted["name"]]], fields)
    if not found:
        raise Failure("no-project", "the site has no such project")
    if len(found) > 1:
        numbers = ", ".join(str(project["id"]) for project in found)
        raise Failure("other", "the site has several projects of that name, with the ids %s" % numbers)
    number, names = found[0]["id"], [found[0].get(field) for field in ("tank_name", "name")]
    if type(number) is not int or not 0 < number < 2 ** 63:
        raise ValueError("a project's id is %r" % (number,))
    names = [name.encode("utf-8").decode("utf-8") for name in names if name and isinstance(name, str)]
    return number, names[0] if names else str(number)


def centralized_path(sg, project, config):
    """Returns the path on this system of the configuration with a name or id; none if the site has no path for it."""
    systems = {"win32": "windows_path", "darwin": "mac_path"}
    field = systems.get(sys.platform, "linux_path")
    filters = [["project", "is", {"type": "Project", "id": project}]]
    there = sg.find("PipelineConfiguration", filters, ["code", field])
    configs = [found for found in there if config in (found["id"], found["code"])]
    # Toolkit's bootstrap would silently use another one.
    if not configs and config != "Primary":
        names = ", ".join(sorted("'%s' (%s)" % (found["code"], found["id"]) for found in there))
        raise Failure("no-pipeline", "the project has no configuration '%s', but %s" % (config, names or "none at all"))
    paths = sorted((found["id"], found[field]) for found in configs if found.get(field))
    if paths and not os.path.isabs(paths[0][1]):
        raise Failure("other", "the configuration's %s is not an absolute path: '%s'" % (field, paths[0][1]))
    return paths[0][1] if paths else None
