"""Policy sets over HTTP: drafting, publishing, reading; what is wrong with a document, and who may."""

from datetime import date
from typing import Any

import pytest
from absence_engine.domain.policy import policies

from tests.doors import bearer
from tests.integration.absence_engine.ledgers import Engine
from tests.integration.absence_engine.policy_sets import EIGHT, SHIPPED, Council, document
from tests.integration.absence_engine.test_answers import ANN, BEN, OTHER, URN, school

HERE, ELSEWHERE = "330", "333"
DRAFT = f"/v1/policies/{HERE}/330-2026.1"
PUBLICATION = f"{DRAFT}/publication"
TODAY = {"valid_from": "2025-10-01", "by": "A. Head"}


@pytest.fixture
async def council(engine: Engine) -> Council:
    """One authority with a school, and another with one."""
    for partition, ledger in enumerate((school(URN, ANN), school(OTHER, BEN, la_code=ELSEWHERE))):
        await engine.take(ledger.entries, partition)
    found = Council(engine)
    await found.follow()
    return found


async def test_a_draft_is_written_read_rewritten_and_deleted(council: Council) -> None:
    put = await council.ask("PUT", DRAFT, document(**EIGHT))
    assert (put["state"], put["in_force"], put["author"]) == ("draft", False, "s")
    assert put["document"]["thresholds"]["PA"]["of"] == 12
    assert await council.ask("GET", DRAFT) == put
    again = await council.ask("PUT", DRAFT, document(PA={"of": 11}) | {"version": "330-2026.1"})
    assert again["document"]["thresholds"]["PA"]["of"] == 11
    await council.answer("DELETE", DRAFT, status=204)
    await council.ask("GET", DRAFT, status=404)


async def test_a_published_version_never_changes(council: Council) -> None:
    out = await council.publish("330-2026.1", document(**EIGHT))
    assert (out["state"], out["in_force"], out["published_by"]) == ("published", True, "A. Head")
    for method, path, body in (("PUT", DRAFT, document()), ("DELETE", DRAFT, None), ("POST", PUBLICATION, TODAY)):
        problem = await council.ask(method, path, body, status=409)
        assert problem["type"] == "/problems/published"
    assert await council.ask("GET", DRAFT) == out


async def test_the_versions_of_an_authority_are_listed_with_those_that_ship(council: Council) -> None:
    await council.publish("330-2026.1", document(**EIGHT))
    await council.publish("330-2026.2", document(), valid_from="2025-12-01")
    await council.ask("PUT", "/v1/policies/330/330-2026.3", document())
    items = (await council.ask("GET", "/v1/policies?la_code=330"))["items"]
    shipped = [("england", policy.version, "published", False) for policy in policies()]
    assert [(one["la_code"], one["version"], one["state"], one["in_force"]) for one in items] == [
        ("330", "330-2026.1", "published", True),
        ("330", "330-2026.2", "published", False),
        ("330", "330-2026.3", "draft", False),
        *shipped,
    ]
    others = (await council.ask("GET", "/v1/policies?la_code=333"))["items"]
    assert [one["version"] for one in others if one["in_force"]] == [SHIPPED.version]
    assert (await council.ask("GET", f"/v1/policies/england/{SHIPPED.version}"))["document"][
        "version"
    ] == SHIPPED.version


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"thresholds": {}}, "/thresholds"),
        ({"PA": {"of": 0}}, "/thresholds/PA/of"),
        ({"PN_10_IN_10": {"codes": ["G", "?"]}}, "/thresholds/PN_10_IN_10/codes/1"),
        ({"bands": [{"name": "all", "attendance_from": "5"}]}, "/bands/0"),
        ({"stages": {"PA": {"task": "x", "due_open_days": 0}}}, "/stages/PA/due_open_days"),
        ({"version": "330-2026.2"}, "/version"),
    ],
)
async def test_what_is_wrong_with_a_document_is_pointed_at(
    council: Council, change: dict[str, Any], pointer: str
) -> None:
    fields = {kind: its for kind, its in change.items() if kind.isupper()}
    sent = document(**fields) | {name: value for name, value in change.items() if not name.isupper()}
    problem = await council.ask("PUT", DRAFT, sent, status=422)
    assert pointer in [fault["pointer"] for fault in problem["errors"]]
    await council.ask("GET", DRAFT, status=404)


async def test_a_version_is_called_by_its_authority(council: Council) -> None:
    problem = await council.ask("PUT", "/v1/policies/330/2026.1", document(), status=422)
    assert [fault["code"] for fault in problem["errors"]] == ["bad-version"]


async def test_a_draft_is_changed_only_as_it_was_read(council: Council) -> None:
    first = await council.answer("PUT", DRAFT, document(), headers={"If-None-Match": "*"})
    await council.ask("PUT", DRAFT, document(), status=412, headers={"If-None-Match": "*"})
    second = await council.answer("PUT", DRAFT, document(**EIGHT), headers={"If-Match": first.headers["etag"]})
    stale = {"If-Match": first.headers["etag"]}
    await council.ask("PUT", DRAFT, document(), status=412, headers=stale)
    await council.ask("POST", PUBLICATION, TODAY, status=412, headers=stale)
    await council.ask("DELETE", DRAFT, status=412, headers=stale)
    await council.ask("POST", PUBLICATION, TODAY, headers={"If-Match": second.headers["etag"]})


async def test_a_day_that_has_passed_needs_a_reason(council: Council) -> None:
    await council.ask("PUT", DRAFT, document())
    late = TODAY | {"valid_from": "2025-09-30"}
    problem = await council.ask("POST", PUBLICATION, late, status=422)
    assert problem["errors"][0]["pointer"] == "/valid_from"
    for half in ({"retroactive": True}, {"reason": "It was decided in July."}):
        problem = await council.ask("POST", PUBLICATION, late | half, status=422)
        assert problem["errors"][0]["pointer"] == "/reason"
    out = await council.ask("POST", PUBLICATION, late | {"retroactive": True, "reason": "It was decided in July."})
    assert (out["valid_from"], out["reason"]) == ("2025-09-30", "It was decided in July.")
    assert out["document"]["valid_from"] == "2025-09-30"


async def test_an_authority_that_no_school_has_is_not_there(council: Council) -> None:
    for method, path, body in (
        ("GET", "/v1/policies?la_code=999", None),
        ("GET", "/v1/policies/999/999-1", None),
        ("PUT", "/v1/policies/999/999-1", document()),
        ("POST", "/v1/policies/999/999-1/publication", TODAY),
    ):
        problem = await council.ask(method, path, body, status=404)
        assert problem["detail"] == "No school that is known is of this authority."


async def test_what_ships_is_read_and_not_written(council: Council) -> None:
    path = f"/v1/policies/england/{SHIPPED.version}"
    await council.ask("GET", path)
    await council.ask("PUT", path, document(), status=409)
    await council.ask("DELETE", path, status=409)


async def test_a_school_reads_its_own_authoritys_policies_and_writes_none(council: Council) -> None:
    await council.ask("PUT", DRAFT, document())
    head = bearer("policies:write totals:read", [URN])
    await council.ask("GET", DRAFT, headers=head)
    await council.ask("GET", "/v1/policies?la_code=330", headers=head)
    await council.ask("GET", "/v1/policies?la_code=333", headers=head, status=404)
    problem = await council.ask("PUT", DRAFT, document(), headers=head, status=403)
    assert "for some" in problem["detail"]
    await council.ask("POST", PUBLICATION, TODAY, headers=head, status=403)
    await council.ask("PUT", "/v1/policies/333/333-1", document(), headers=head, status=404)
    await council.ask("PUT", DRAFT, document(), headers=bearer("totals:read"), status=403)


async def test_figures_name_the_version_of_their_authority_and_year(council: Council) -> None:
    await council.publish("330-2026.1", document(**EIGHT))

    async def version(path: str) -> str:
        return (await council.ask("GET", path))["policy_version"]

    assert await version(f"/v1/schools/{URN}/absence") == "330-2026.1"
    assert await version("/v1/areas/330/absence") == "330-2026.1"
    assert await version(f"/v1/pupils/{ANN}/absence") == "330-2026.1"
    assert await version(f"/v1/pupils/{ANN}/absence?academic_year=2024-25") == SHIPPED.version
    assert await version(f"/v1/schools/{OTHER}/absence") == SHIPPED.version
    assert await version("/v1/areas/333/absence") == SHIPPED.version


async def test_a_version_holds_from_its_day_on_once_that_is_noticed(council: Council) -> None:
    await council.publish("330-2026.1", document(**EIGHT), valid_from="2025-10-02")
    assert (await council.ask("GET", DRAFT))["in_force"] is False
    tomorrow = council.on(date(2025, 10, 2))
    await tomorrow.follow()
    assert (await tomorrow.ask("GET", DRAFT))["in_force"] is True
