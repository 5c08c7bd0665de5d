"""Errors in the log: where and what kind, never what somebody sent (invariant 6)."""

import json
import logging

import asyncpg
import pytest
import structlog
from common import correlation
from common.logs import configure_logging, describe
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError


class Pupil(BaseModel):
    year_group: int


def test_a_databases_complaint_is_told_without_the_row_that_it_quotes() -> None:
    error = asyncpg.UniqueViolationError("duplicate key value")
    error.detail = "Key (upn)=(H869200124007) already exists."
    told = describe(error)
    assert "H869200124007" not in json.dumps(told)
    assert told[0]["kind"] == "UniqueViolationError"
    assert told[0]["sqlstate"] == "23505"


def test_a_migrations_complaint_is_told_without_the_statement_and_what_went_with_it() -> None:
    error = DBAPIError("update pupil", {"a": ["H869200124007"]}, ValueError("H869200124007 is not wanted"))
    told = describe(error)
    assert "H869200124007" not in json.dumps(told)
    assert told[0]["kind"] == "DBAPIError"


def test_a_validators_complaint_is_told_without_the_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Pupil.model_validate({"year_group": "Hazel Nutt"})
    try:
        raise RuntimeError("roll refused") from caught.value
    except RuntimeError as error:
        told = describe(error)
    assert [item["kind"] for item in told] == ["RuntimeError", "ValidationError"]
    assert told[0]["words"] == "roll refused"
    assert "Hazel" not in json.dumps(told)


def test_every_line_is_json_with_the_correlation_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        correlation.accept("abc-1")
        structlog.get_logger().info("batch applied", records=3)
        try:
            raise LookupError("gone")
        except LookupError:
            logging.getLogger("library").exception("it failed")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        structlog.reset_defaults()
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
    assert [line["event"] for line in lines] == ["batch applied", "it failed"]
    assert {line["correlation_id"] for line in lines} == {"abc-1"}
    assert lines[1]["error"][0]["kind"] == "LookupError"


@pytest.mark.parametrize("offered", ["", None, "x" * 65, "two words", "line\nbreak", '"'])
def test_a_correlation_id_that_could_do_harm_is_replaced(offered: str | None) -> None:
    assert correlation.accept(offered) != offered
    assert len(correlation.correlation_id()) == 32
