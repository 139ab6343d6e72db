"""The files of an image that a volume shows."""

import pytest

from kubelet.images.catalog import ImageSpec
from kubelet.images.imagevolume import image_files
from kubelet.images.pages import NGINX_PAGE

E2E = "registry.k8s.io/e2e-test-images"


@pytest.mark.parametrize(
    ("image", "path", "content"),
    [
        (f"{E2E}/kitten:1.8", "data.json", '"image": "kitten.jpg"'),
        (f"{E2E}/kitten:1.8", "etc/os-release", 'PRETTY_NAME="Alpine Linux"\n'),
        ("nginx:1.27", "usr/share/nginx/html/index.html", NGINX_PAGE),
        ("nginx:1.27", "etc/nginx/conf.d/default.conf", "listen       80;"),
        ("httpd", "usr/local/apache2/htdocs/index.html", "It works!"),
        (f"{E2E}/agnhost:2.66.1", "localhost.crt", "BEGIN CERTIFICATE"),
        ("ubuntu:24.04", "etc/os-release", "ID=ubuntu\n"),
    ],
)
def test_a_built_in_image_has_the_files_that_its_program_serves(image: str, path: str, content: str) -> None:
    files = image_files(image, {})
    assert files is not None
    assert content in files[path].content.decode()


def test_what_is_not_known_of_an_image_is_not_invented() -> None:
    files = image_files("nginx", {})
    assert files is not None
    assert "etc/passwd" not in files
    assert image_files("mine", {"mine": ImageSpec(("./mine",))}) == {}
    assert image_files("other", {}) is None
