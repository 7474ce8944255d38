"""libcolorize.ray where Ray is not installed; bindings/python/tests_ray has the rest."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import libcolorize
from libcolorize import ray


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_ray_is_named_where_it_is_missing(tmp_path: Path):
    with pytest.raises(ImportError, match=r"pip install 'libcolorize\[ray\]'"):
        ray.batch(tmp_path, tmp_path / "out")


def test_a_worker_knows_the_command_and_its_options(tmp_path: Path):
    colorizer = ray.Colorizer(str(tmp_path), options={"style": "vivid"})
    assert colorizer._arguments == ["--threads", "1", "--style", "vivid"]
    with pytest.raises(TypeError, match=r"no option 'styl'; did you mean 'style'\?"):
        ray.batch(tmp_path, tmp_path / "out", styl="vivid")


def test_what_the_command_says_of_a_file():
    said = "libcolorize: 000001.png: is damaged\n"
    assert ray._reason(said, "000001.png") == "is damaged"
    assert ray._reason("out of memory\n", "000001.png") == "out of memory"
    assert ray._reason("", "000001.png") == "the command has not written it"


def test_names_are_kept_below_what_is_common():
    assert ray._relative("/a/b/c/d.png", "/a/b") == "c/d.png"
    assert ray._relative("s3://a/b/c.png", "s3://a") == "b/c.png"
    assert ray._relative("/a/bc/d.png", "/a/b") == ray._relative("/a/bc/d.png", "") == "d.png"
    assert ray._scheme("s3://a/b") == "s3://" and ray._scheme("/a/b") == ""
    assert libcolorize.ray.Result().done == []
