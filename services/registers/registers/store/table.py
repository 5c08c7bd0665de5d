"""What the tables of registers are made of: their registry, and short names for columns."""

import re
from typing import Any

from sqlalchemy import Column, MetaData
from sqlalchemy.orm import declared_attr, registry
from sqlmodel import Field, SQLModel

metadata = MetaData()


class Table(SQLModel, registry=registry(metadata=metadata)):
    """Base of the tables of this service, which has a registry of its own: four services live in one process."""

    metadata = metadata

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 - a class property # pyright: ignore[reportIncompatibleVariableOverride]
        """`SchoolPupil` is kept in `school_pupil`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


def key(kind: Any, **more: Any) -> Any:
    """A column of the primary key."""
    return Field(sa_column=Column(kind, primary_key=True, autoincrement=False, **more))


def column(kind: Any, *, null: bool = False, **more: Any) -> Any:
    """A column of a type that the field's own does not say."""
    return Field(sa_column=Column(kind, nullable=null, **more))
