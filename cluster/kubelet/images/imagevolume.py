"""The files of an image that a volume shows (``volumes[].image``): those that are known of a built-in one. Pure.

No image is ever pulled, so a volume has what the built-in programs serve and read, and says which distribution the true
image is made from; this machine's own files, which stand for the rest in a container, are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubelet.images.catalog import ImageSpec, find_image
from kubelet.images.layer import CERTIFICATE_FILES, LayerPart, httpd_layer, nginx_layer
from kubelet.pod.files.volumes import DEFAULT_MODE, Files, VolumeFile

OS_RELEASE = "etc/os-release"
_DISTRIBUTIONS = {"alpine": "Alpine Linux", "debian": "Debian GNU/Linux", "ubuntu": "Ubuntu"}


def image_files(reference: str, images: Mapping[str, ImageSpec]) -> Files | None:
    """Return the files of an image by their paths, None for one that is not in the catalog."""
    image = find_image(reference, images)
    if image is None:
        return None
    texts = dict(_texts(image))
    if image.distribution:
        name = _DISTRIBUTIONS[image.distribution]
        texts[OS_RELEASE] = f'NAME="{name}"\nID={image.distribution}\nPRETTY_NAME="{name}"\n'
    return {path: VolumeFile(text.encode(), DEFAULT_MODE) for path, text in texts.items()}


def _texts(image: ImageSpec) -> Iterator[tuple[str, str]]:
    match image.builtin:
        case "page":
            text, path = image.args
            yield path.lstrip("/"), text
        case "agnhost":
            yield from ((path.lstrip("/"), text) for path, text in CERTIFICATE_FILES.items())
        case "nginx":
            yield from _parts(nginx_layer(""))
        case "httpd":
            yield from _parts(httpd_layer())


def _parts(layer: tuple[LayerPart, ...]) -> Iterator[tuple[str, str]]:
    for part in layer:
        path = part.target.lstrip("/")
        if part.files is not None:
            yield from ((f"{path}/{name}", text) for name, text in part.files.items())
        elif not part.is_added:
            yield path, part.content
