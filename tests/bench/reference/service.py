"""The reference: an ingest service as a careful engineer writes it, that only stores marks and sends them on.

FastAPI, SQLModel and aiokafka; one statement per register, one message per mark, all messages of a register in flight
together; the answer goes out when the marks are committed and every message is acknowledged by all replicas.

    DATABASE_URL=… KAFKA_BOOTSTRAP=… BENCH_TOPIC=… uvicorn --app-dir tests/bench/reference service:app
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date as Date  # noqa: N812 - the field is called date
from typing import Any

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

TOPIC = os.environ["BENCH_TOPIC"]
engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=16, max_overflow=16
)
state: dict[str, AIOKafkaProducer] = {}


class Mark(SQLModel, table=True):
    pupil_id: str = Field(primary_key=True)
    date: Date = Field(primary_key=True)
    session: str = Field(primary_key=True)
    school_urn: int
    code: str


class MarkIn(SQLModel):
    pupil_id: str
    code: str


class Register(SQLModel):
    marks: list[MarkIn]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    producer = state["producer"] = AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP"], acks="all")
    await producer.start()
    yield
    await producer.stop()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


def event(urn: int, date: Date, session: str, mark: MarkIn) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{mark.pupil_id}-{date}-{session}",
            "source": "registers",
            "type": "uk.rollcall.registers.session-marked.v1",
            "time": f"{date}T09:00:00Z",
            "subject": mark.pupil_id,
            "data": {
                "school_urn": urn,
                "pupil_id": mark.pupil_id,
                "date": str(date),
                "session": session,
                "code": mark.code,
                "sequence": 0,
            },
        }
    ).encode()


@app.put("/v1/schools/{urn}/registers/{date}/{session}")
async def put_register(urn: int, date: Date, session: str, register: Register) -> dict[str, Any]:
    async with AsyncSession(engine) as db:
        rows = [
            {"pupil_id": mark.pupil_id, "date": date, "session": session, "school_urn": urn, "code": mark.code}
            for mark in register.marks
        ]
        statement = insert(Mark).values(rows)
        statement = statement.on_conflict_do_update(
            index_elements=["pupil_id", "date", "session"], set_={"code": statement.excluded.code}
        )
        await (await db.connection()).execute(statement)
        await db.commit()
    producer = state["producer"]
    sent = [
        await producer.send(TOPIC, event(urn, date, session, mark), mark.pupil_id.encode()) for mark in register.marks
    ]
    for future in sent:
        await future
    return {"accepted": len(register.marks)}
