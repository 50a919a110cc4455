"""The import of a core from its image. Each class is Python's own, and does as that one where the image has nothing.

The image serves entries of `sys.path` through a path hook, so the order of `sys.path` decides as ever.
"""
import sys
import zipimport

import _frozen_importlib_external as external

from fast_import.image import Image

# Python's kinds of module files, each with its loader.
LOADERS = external._get_supported_file_loaders()  # type: ignore[attr-defined]

# The directories of the zips that Python has opened.
DIRECTORIES = zipimport._zip_directory_cache  # type: ignore[attr-defined]


def install(path, data, index):
    """Adds the hook of an image, and has the import look at the image's folders again."""
    image = Image(path, data, index)

    def hook(entry):
        if entry in image.folders:
            return ImageFinder(image, entry)
        archive = archive_of(image, entry)
        if archive is None:
            raise ImportError("not in the image", path=entry)
        return ImageZipImporter(entry, image, archive)

    sys.path_hooks.insert(0, hook)
    for entry in list(sys.path_importer_cache):
        if entry in image.folders:
            del sys.path_importer_cache[entry]


def archive_of(image, entry):
    """Returns the zip that an entry names, or in which it names a folder; None if the image has no such zip."""
    for archive in image.zips:
        if (entry + "/").startswith(archive + "/") and image.zip(archive):
            return archive
    return None


class ImageFinder(external.FileFinder):
    """Finds the modules of a folder in the image, while the folder's names are those of the image."""

    def __init__(self, image, path):
        super().__init__(path, *LOADERS)
        self._image = image

    def find_spec(self, fullname, target=None):
        folder = self._image.folder(self.path)
        if folder is None:
            return super().find_spec(fullname, target)
        tail = fullname.rpartition(".")[2]
        module = folder["modules"].get(tail)
        if module is None:
            if tail in folder["stems"]:
                return super().find_spec(fullname, target)
            return None
        path = self.path + "/" + tail
        if not module[0]:
            return self._spec(fullname, path + ".py", module, None)
        # Another kind of `__init__` may have come.
        if self._image.folder(path) is None:
            return super().find_spec(fullname, target)
        return self._spec(fullname, path + "/__init__.py", module, [path])

    def invalidate_caches(self):
        super().invalidate_caches()
        self._image.forget(self.path)

    def _spec(self, fullname, path, module, locations):
        loader = ImageLoader(fullname, path, self._image, module)
        return external.spec_from_file_location(
            fullname, path, loader=loader, submodule_search_locations=locations
        )


class ImageLoader(external.SourceFileLoader):
    """Loads a module's code from the image, while its file is that of the image."""

    # Not in `__dict__`, by which loaders are compared.
    __slots__ = ("_image", "_module")

    def __init__(self, fullname, path, image=None, module=None):
        super().__init__(fullname, path)
        self._image = image
        self._module = module

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        code = self._image.code_of_file(path, self._module) if self._image else None
        return super().get_code(fullname) if code is None else code

    def __reduce__(self):
        return external.SourceFileLoader, (self.name, self.path)


class ImageZipImporter(zipimport.zipimporter):
    """Loads a zip's modules from the image, while the zip is that of the image. Python compiles them twice each."""

    __slots__ = ("_image",)

    def __init__(self, path, image=None, archive=None):
        self._image = image
        known = image and image.zip(archive)
        if not known:
            super().__init__(path)
            return
        self._files = DIRECTORIES.setdefault(archive, known["files"])
        self.archive = archive
        self.prefix = path[len(archive) + 1 :]
        if self.prefix:
            self.prefix += "/"

    def get_code(self, fullname):
        module = self._module(fullname)
        code = self._image.code(module[1]) if module else None
        return super().get_code(fullname) if code is None else code

    def get_filename(self, fullname):
        module = self._module(fullname)
        if module is None:
            return super().get_filename(fullname)
        path = self.archive + "/" + self.prefix + fullname.rpartition(".")[2]
        return path + ("/__init__.py" if module[0] else ".py")

    def invalidate_caches(self):
        super().invalidate_caches()  # type: ignore[misc]
        if self._image:
            self._image.forget(self.archive)

    def __reduce__(self):
        return zipimport.zipimporter, (self.archive + "/" + self.prefix,)

    def _module(self, fullname):
        archive = self._image and self._image.zip(self.archive)
        return archive and archive["modules"].get(self.prefix + fullname.rpartition(".")[2])
