"""A register's way in: what is accepted, corrected, stale, quarantined, refused; and what the ledger says of it."""

from tests.integration.registers.conftest import Authority, pupil


async def test_a_register_is_taken_and_stands(authority: Authority) -> None:
    await authority.school()
    roll = await authority.roll(pupil("1"), pupil("2"))
    before = roll["sequence"]
    answer = await authority.register([{"local_id": "1", "code": "/"}, {"local_id": "2", "code": "O"}])
    assert [mark["status"] for mark in answer["marks"]] == ["accepted", "accepted"]
    assert answer["counts"] == {"accepted": 2, "unchanged": 0, "corrected": 0, "quarantined": 0, "stale": 0}
    assert answer["sequence"] == before + 1
    assert await authority.standing() == {"1": "/", "2": "O"}
    (entry,) = await authority.changes(since=before)
    assert entry["type"] == "uk.rollcall.registers.session-marked.v1"
    assert entry["data"]["marks"] == [
        {"pupil_id": row["pupil_id"], "code": code} for row, code in zip(roll["results"], "/O", strict=True)
    ]
