"""Ids that follow from names are those that everybody makes of them."""

from uuid import UUID, uuid5

from absence_engine.domain.ids import named
from hypothesis import given
from hypothesis import strategies as st


@given(st.uuids(), st.text())
def test_a_named_id_is_the_uuid_of_the_name(namespace: UUID, name: str) -> None:
    assert named(namespace, name) == str(uuid5(namespace, name))
