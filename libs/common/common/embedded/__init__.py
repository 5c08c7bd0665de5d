"""The broker port on PostgreSQL: a durable broker that needs nothing but the database that is there anyway.

It lives in a database of its own, `rollcall_broker`, is never in one transaction with a service, and behaves like
Kafka: it passes Kafka's suite. `docs/decisions/embedded-broker.md` tells why it is made this way.

Map: `broker` opens it; `publisher` appends; `subscription` shares partitions out and reads; `janitor` makes and drops
the time partitions; `schema` holds the tables, `store` every other statement; `session` is a connection that turns what
PostgreSQL says when it goes away into BrokerAwayError.
"""

from common.embedded.broker import open_embedded

__all__ = ["open_embedded"]
