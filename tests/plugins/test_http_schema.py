"""The interface keeps what its own description says, whatever is asked: made-up requests from OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from tests.plugins.served import CHANGE, served

from camcast_http.openapi import PREFIX
from camcast_http.operations import OPERATIONS

HEADERS = {"authorization": f"Bearer {CHANGE}", "accept": "application/json"}
"""A stream of events never ends, so it is not asked for here."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def described() -> Iterator[Any]:
    with served(change_token=CHANGE) as (_engine, client):
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{client.port}{PREFIX}/openapi.json")


@pytest.mark.parametrize(("method", "path"), [(one.method, one.path) for one in OPERATIONS])
def test_every_answer_is_as_described(described: Any, method: str, path: str) -> None:
    operation = described[PREFIX + path][method]
    asked = []

    @given(case=operation.as_strategy())
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def ask(case: Any) -> None:
        asked.append(case)
        case.call_and_validate(checks=CHECKS, headers=HEADERS, timeout=20)

    ask()
    assert asked
