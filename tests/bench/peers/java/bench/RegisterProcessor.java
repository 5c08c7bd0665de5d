package bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Applies each mark of a register to its pupil's sheet; forwards what changed. Schools are in one partition each, so a
 * pupil's sheet is in the store of that partition. One pass over the JSON: what stands before the marks in an entry is
 * all that they need.
 */
final class RegisterProcessor implements Processor<Bytes, byte[], Bytes, byte[]> {
    static final String STORE = "sheets";
    private static final JsonFactory JSON = new JsonFactory();
    private static final String[] KINDS = {"PA", "SA", "PN_10_IN_10"};

    private final Meter meter;
    private ProcessorContext<Bytes, byte[]> context;
    private KeyValueStore<Bytes, byte[]> sheets;
    private Record<Bytes, byte[]> record;
    private String time;
    private int session;
    private String date;
    private long sequence;

    RegisterProcessor(Meter meter) {
        this.meter = meter;
    }

    @Override
    public void init(ProcessorContext<Bytes, byte[]> context) {
        this.context = context;
        this.sheets = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<Bytes, byte[]> record) {
        meter.begin();
        this.record = record;
        try (JsonParser parser = JSON.createParser(record.value())) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "time" -> time = parser.getText();
                    case "data" -> readData(parser);
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void readData(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "write_last" -> sequence = parser.getLongValue();
                case "date" -> date = parser.getText();
                case "session" -> session = Rules.session(date, parser.getText());
                case "marks" -> readMarks(parser);
                default -> parser.skipChildren();
            }
        }
    }

    private void readMarks(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.START_OBJECT) {
            byte[] pupil = null;
            byte code = 0;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                if (field.equals("pupil_id")) {
                    pupil = parser.getText().getBytes(StandardCharsets.ISO_8859_1);
                } else if (field.equals("code")) {
                    code = Rules.codeId(parser.getText());
                }
            }
            mark(Bytes.wrap(pupil), code);
        }
    }

    private void mark(Bytes pupil, byte code) {
        byte[] stored = sheets.get(pupil);
        Sheet sheet = new Sheet(stored == null ? new byte[Sheet.SIZE] : stored.clone());
        boolean correction = sheet.wasMarked(session);
        int flags = sheet.mark(session, code);
        sheets.put(pupil, sheet.bytes);
        int changed = (flags >> 8 ^ flags) & 0xff;
        if (changed != 0) {
            announce(pupil, sheet, changed, flags & 0xff, correction);
        }
        if (meter.end()) {
            context.commit();
        }
    }

    private void announce(Bytes key, Sheet sheet, int changed, int now, boolean correction) {
        String pupil = new String(key.get(), StandardCharsets.ISO_8859_1);
        for (int i = 0; i < KINDS.length; i++) {
            if ((changed & 1 << i) == 0) {
                continue;
            }
            String status = (now & 1 << i) != 0 ? "crossed" : correction ? "reversed" : "ended";
            String json = "{\"specversion\":\"1.0\",\"id\":\"" + pupil + "-" + KINDS[i] + "-" + sequence
                    + "\",\"source\":\"absence-engine\",\"type\":\"uk.rollcall.absence-engine.threshold-" + status
                    + ".v1\",\"time\":\"" + time + "\",\"subject\":\"" + pupil
                    + "\",\"data\":{\"pupil_id\":\"" + pupil + "\",\"kind\":\"" + KINDS[i]
                    + "\",\"status\":\"" + status + "\",\"possible\":" + sheet.possible()
                    + ",\"absent\":" + sheet.absent() + ",\"unauthorised\":" + sheet.unauthorised()
                    + ",\"best\":" + sheet.best() + ",\"sequence\":" + sequence + "}}";
            context.forward(record.withKey(key).withValue(json.getBytes(StandardCharsets.UTF_8)));
        }
    }
}
