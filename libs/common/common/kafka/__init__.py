"""The broker port on Apache Kafka, through aiokafka: the only package that imports it.

What aiokafka 0.14 does against expectation, and what is done about it here:

- a broker that is gone leaves `start`, `stop`, `send_batch` and `getmany` waiting for ever: every wait has a bound, and
  `Client.close` cancels what `stop` left running;
- a client mends its connections silently, also to a broker that was wiped meanwhile: `Client` drops itself at the first
  connection that breaks, and a new subscription looks where it stands;
- a cancelled `getmany` switches `max_poll_interval_ms` off, and one that meets a rebalance waits without bound: it runs
  in a task that is never cancelled while the client lives, and that a later `poll` picks up;
- records may come before an assignment listener has finished, and a listener's errors are swallowed: no listeners; the
  caller seeks where `assignment` grew;
- a static member never leaves its group: `close` leaves; a crash does not, and the restarted namesake gets the same
  partitions back without a rebalance;
- a static leader that comes back is a follower without a leader: so nobody joins who does not know the partitions;
- `commit` raises after a rebalance and may retry for ever: it is a hint, bounded, its failures ignored;
- the admin client does not raise when a topic can't be made: its response is read.

Map: `broker` opens it; `publisher` sends; `subscription` reads; `client` is what keeps aiokafka within bounds.
"""

from common.kafka.broker import open_kafka

__all__ = ["open_kafka"]
