package bench;

import java.io.BufferedWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The Kafka Streams peer on registers: the same store, cache and commit interval as the peer on single marks, whose
 * Meter, Rules and Sheet it is compiled with; it reads BENCH_LEDGER.
 */
public final class Registers {
    public static void main(String[] args) throws Exception {
        Meter meter = new Meter(Long.parseLong(System.getenv("BENCH_EVENTS")));
        StoreBuilder<KeyValueStore<Bytes, byte[]>> store = Stores
                .keyValueStoreBuilder(Stores.persistentKeyValueStore(RegisterProcessor.STORE), Serdes.Bytes(), Serdes.ByteArray())
                .withLoggingEnabled(Map.of())
                .withCachingEnabled();
        Topology topology = new Topology()
                .addSource("registers", Serdes.Bytes().deserializer(), Serdes.ByteArray().deserializer(), System.getenv("BENCH_LEDGER"))
                .addProcessor("thresholds", () -> new RegisterProcessor(meter), "registers")
                .addStateStore(store, "thresholds")
                .addSink("crossings", System.getenv("BENCH_CROSSINGS"), Serdes.Bytes().serializer(), Serdes.ByteArray().serializer(), "thresholds");
        KafkaStreams streams = new KafkaStreams(topology, settings());
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            System.exit(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        if (!meter.done.await(Long.parseLong(System.getenv("BENCH_LIMIT_S")), TimeUnit.SECONDS)) {
            System.err.println("only " + meter.count() + " events");
            System.exit(1);
        }
        writeTotals(streams, Path.of(System.getenv("BENCH_TOTALS")));
        long closing = System.nanoTime();
        streams.close(Duration.ofSeconds(60));
        System.out.println(meter.json((System.nanoTime() - closing) / 1e9));
    }

    private static Properties settings() {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("BENCH_GROUP"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("KAFKA_BOOTSTRAP"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("BENCH_STATE"));
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        return p;
    }

    private static void writeTotals(KafkaStreams streams, Path path) throws Exception {
        var query = StoreQueryParameters.fromNameAndType(
                RegisterProcessor.STORE, QueryableStoreTypes.<Bytes, byte[]>keyValueStore());
        try (BufferedWriter out = Files.newBufferedWriter(path);
                KeyValueIterator<Bytes, byte[]> all = streams.store(query).all()) {
            while (all.hasNext()) {
                KeyValue<Bytes, byte[]> row = all.next();
                Sheet sheet = new Sheet(row.value);
                out.write(String.join("\t", new String(row.key.get(), StandardCharsets.ISO_8859_1),
                        "" + sheet.possible(), "" + sheet.absent(), "" + sheet.unauthorised(), "" + sheet.flags()));
                out.newLine();
            }
        }
    }

    private Registers() {}
}
