"""The page's files put where CloudFront serves them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from workbench import endpoint, page, page_files
from workbench.console import WorkbenchError

OUTPUTS = {
    "PageBucketName": "page-bucket",
    "PageDistributionId": "E2QWRUHAPOMQZL",
    "PageUrl": "https://floor.example/",
}
CONFIG = {"redirect_uri": "https://floor.example/", "api": "/v1"}


class Aws:
    """A bucket and a distribution, and what was asked of them in which order."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {"gone.js": {}, "index.html": {}}
        self.told: list[str] = []

    def put_object(self, **asked: Any) -> None:
        assert asked.pop("Bucket") == OUTPUTS["PageBucketName"]
        name = asked.pop("Key")
        self.objects[name] = asked
        self.told.append(f"put {name}")

    def delete_object(self, **asked: Any) -> None:
        assert asked["Bucket"] == OUTPUTS["PageBucketName"]
        del self.objects[asked["Key"]]
        self.told.append(f"delete {asked['Key']}")

    def get_paginator(self, operation: str) -> "Aws":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        assert asked == {"Bucket": OUTPUTS["PageBucketName"]}
        names = sorted(self.objects)
        yield {"Contents": [{"Key": name} for name in names[:2]]}
        yield {"Contents": [{"Key": name} for name in names[2:]]}

    def create_invalidation(self, **asked: Any) -> None:
        assert asked["DistributionId"] == OUTPUTS["PageDistributionId"]
        paths = asked["InvalidationBatch"]["Paths"]
        assert paths["Quantity"] == len(paths["Items"])
        self.told += [f"invalidate {path}" for path in paths["Items"]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    monkeypatch.setattr(endpoint, "client", lambda service: made)
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: OUTPUTS)
    monkeypatch.setattr(page, "config", lambda: CONFIG)
    return made


def test_the_bucket_then_holds_the_page_and_nothing_else(aws: Aws) -> None:
    page.publish()

    files = {file.name: file for file in page_files.files()}
    assert aws.objects.keys() == files.keys() | {"config.json"}
    assert json.loads(aws.objects["config.json"]["Body"]) == CONFIG
    for name, file in files.items():
        assert aws.objects[name] == {
            "Body": file.content,
            "ContentType": file.content_type,
            "CacheControl": "no-cache",
        }


def test_what_refers_to_other_files_comes_after_them_and_caches_are_told_last(aws: Aws) -> None:
    page.publish()

    puts = [one for one in aws.told if one.startswith("put")]
    assert puts[-2:] == ["put games.html", "put index.html"]
    assert aws.told[len(puts) :] == ["delete gone.js", "invalidate /*"]


def test_a_stack_without_the_page_says_what_to_deploy(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"PageUrl": "http://127.0.0.1/"})

    with pytest.raises(WorkbenchError, match="PageDomain and PageCertificateArn"):
        page.publish()
    assert aws.told == []
