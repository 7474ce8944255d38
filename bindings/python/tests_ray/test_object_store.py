"""libcolorize.ray's workers with an object store: moto's S3, which nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

import libcolorize
from libcolorize import ray


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL", address), ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=address)
    client.create_bucket(Bucket="archive")
    yield client
    server.stop()


def test_pictures_of_an_object_store(store, tmp_path: Path):
    scans = tmp_path / "scans"
    for name in ("a.png", "box/b.jpg"):
        path = scans / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(len(name)).integers(0, 256, (40, 50)).astype(np.uint8)
        Image.fromarray(picture).save(path)
        store.upload_file(str(path), "archive", f"scans/{name}")
    store.put_object(Bucket="archive", Key="scans/notes.txt", Body=b"no picture")
    scheme, root, paths = ray._listed("s3://archive/scans")
    assert (scheme, root) == ("s3://", "archive/scans")
    assert paths == ["archive/scans/a.png", "archive/scans/box/b.jpg", "archive/scans/notes.txt"]
    with pytest.raises(NotADirectoryError, match="s3://archive/nowhere"):
        ray._listed("s3://archive/nowhere")

    worker = ray.Colorizer("s3://archive/colored", root="s3://archive/scans")
    batch = {"path": np.array([f"s3://{path}" for path in (*paths[:2], "archive/scans/no.png")])}
    found = worker(batch)
    assert list(found["error"][:2]) == ["", ""] and "no.png" in found["error"][2]
    assert list(found["output"][:2]) == ["archive/colored/a.png", "archive/colored/box/b.jpg"]
    libcolorize.batch(scans, tmp_path / "expected", progress=False)
    for name in ("a.png", "box/b.jpg"):
        content = store.get_object(Bucket="archive", Key=f"colored/{name}")["Body"].read()
        assert content == (tmp_path / "expected" / name).read_bytes()
    # Once more: what is there is left alone.
    before = store.head_object(Bucket="archive", Key="colored/a.png")["LastModified"]
    store.put_object(Bucket="archive", Key="scans/a.png", Body=b"no picture any more")
    assert worker(batch)["error"][0] == ""
    assert store.head_object(Bucket="archive", Key="colored/a.png")["LastModified"] == before
    again = ray.Colorizer("s3://archive/colored", "s3://archive/scans", replace=True)(batch)
    assert again["error"][0].startswith("is not a ")
