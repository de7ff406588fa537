import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;

/** Sales, units and money in each second, by the DSL of Kafka Streams. */
public class SalesSummary {
    static final LongAdder REFUSED = new LongAdder();

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Sale(String productId, String productCategory, Double productPrice,
            Double productQuantity, String currency, Long eventTime, String transactionDate) {}

    /** Count, units and cents; the cents in two halves, which cannot overflow. */
    record Sums(long count, long units, long billions, long rest) {
        Sums plus(Sums other) {
            return new Sums(count + other.count, units + other.units,
                    billions + other.billions, rest + other.rest);
        }

        byte[] bytes() {
            return ByteBuffer.allocate(32).putLong(count).putLong(units).putLong(billions)
                    .putLong(rest).array();
        }

        static Sums of(byte[] bytes) {
            ByteBuffer in = ByteBuffer.wrap(bytes);
            return new Sums(in.getLong(), in.getLong(), in.getLong(), in.getLong());
        }
    }

    /** The valid sales, with second, category and currency as the key. */
    static class Parse extends ContextualProcessor<byte[], byte[], String, Sums> {
        static final Pattern CATEGORY =
                Pattern.compile("[^\\p{Cntrl}\\x80-\\x9f{\\[][^\\p{Cntrl}\\x80-\\x9f]{0,63}");
        static final Pattern CURRENCY = Pattern.compile("[A-Z]{3}");
        static final DateTimeFormatter ISO =
                DateTimeFormatter.ofPattern("yyyy-MM-dd['T'][ ]HH:mm[:ss][.SSS][XXX]");
        final ObjectReader reader = new ObjectMapper().readerFor(Sale.class);
        final String home = System.getenv("PEER_DEFAULT_CURRENCY");
        final long latest = Long.parseLong(System.getenv("PEER_MAX_LATENESS_MS"));
        final long ahead = Long.parseLong(System.getenv("PEER_MAX_AHEAD_MS"));

        @Override
        public void process(Record<byte[], byte[]> record) {
            try {
                Sale sale = reader.readValue(record.value());
                double price = sale.productPrice * 100;
                long cents = (long) Math.floor(price + 0.5);
                long quantity = sale.productQuantity.longValue();
                String currency = sale.currency == null ? home : sale.currency;
                long time = eventTime(sale, record.timestamp());
                long age = record.timestamp() - time;
                if (cents >= 0 && sale.productPrice < 1e10 && Math.abs(price - cents) < 0.0499
                        && quantity >= 1 && quantity <= 1_000_000 && quantity == sale.productQuantity
                        && sale.productId != null && !sale.productId.isEmpty()
                        && sale.productId.length() <= 64 && sale.productCategory != null
                        && CATEGORY.matcher(sale.productCategory).matches()
                        && CURRENCY.matcher(currency).matches()
                        && time >= 0 && age <= latest && -age <= ahead) {
                    long total = cents * quantity;
                    context().forward(record
                            .withKey(time / 1000 + currency + sale.productCategory)
                            .withValue(new Sums(1, quantity, total / 1_000_000_000, total % 1_000_000_000)));
                    return;
                }
            } catch (IOException | RuntimeException invalid) {
                // Counted below.
            }
            REFUSED.increment();
        }

        static long eventTime(Sale sale, long appended) {
            if (sale.eventTime == null) {
                return sale.transactionDate == null ? appended : parsed(sale.transactionDate);
            }
            long epoch = sale.eventTime;
            if (epoch < 100_000_000_000L) {
                return epoch * 1000;
            }
            return epoch < 100_000_000_000_000L ? epoch
                    : epoch / (epoch < 100_000_000_000_000_000L ? 1000 : 1_000_000);
        }

        static long parsed(String text) {
            var time = ISO.parseBest(text, OffsetDateTime::from, LocalDateTime::from);
            return time instanceof OffsetDateTime zoned ? zoned.toInstant().toEpochMilli()
                    : ((LocalDateTime) time).toInstant(ZoneOffset.UTC).toEpochMilli();
        }
    }

    /** Writes each changed row. */
    static class Upsert extends ContextualProcessor<String, Sums, Void, Void> {
        static final String SQL = "INSERT INTO sales_summary (window_start, category, currency,"
                + " sales_count, units_sold, total_sales) VALUES (to_timestamp(?), ?, ?, ?, ?, ?)"
                + " ON CONFLICT (window_start, category, currency) DO UPDATE SET"
                + " sales_count = excluded.sales_count, units_sold = excluded.units_sold,"
                + " total_sales = excluded.total_sales";
        Connection database;
        PreparedStatement upsert;

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            super.init(context);
            try {
                database = DriverManager.getConnection(System.getenv("PEER_JDBC_URL"),
                        System.getenv("PEER_USER"), System.getenv("PEER_PASSWORD"));
                upsert = database.prepareStatement(SQL);
            } catch (SQLException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void process(Record<String, Sums> record) {
            String key = record.key();
            Sums sums = record.value();
            int digits = key.length();
            for (int i = 0; i < digits; i++) {
                if (key.charAt(i) > '9') {
                    digits = i;
                }
            }
            try {
                upsert.setLong(1, Long.parseLong(key.substring(0, digits)));
                upsert.setString(2, key.substring(digits + 3));
                upsert.setString(3, key.substring(digits, digits + 3));
                upsert.setLong(4, sums.count);
                upsert.setLong(5, sums.units);
                upsert.setBigDecimal(6, BigDecimal.valueOf(sums.billions)
                        .scaleByPowerOfTen(9).add(BigDecimal.valueOf(sums.rest)).movePointLeft(2));
                upsert.executeUpdate();
            } catch (SQLException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void close() {
            try {
                database.close();
            } catch (SQLException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(String[] args) throws InterruptedException {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("PEER_GROUP"));
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("PEER_BOOTSTRAP_SERVERS"));
        config.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("PEER_STATE"));
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
                BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), "peer");

        Serde<Sums> sums = Serdes.serdeFrom((topic, value) -> value == null ? null : value.bytes(),
                (topic, bytes) -> bytes == null ? null : Sums.of(bytes));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(System.getenv("PEER_TOPIC"), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(Parse::new)
                .groupByKey(Grouped.with(Serdes.String(), sums))
                .reduce(Sums::plus, Materialized.with(Serdes.String(), sums))
                .toStream()
                .process(Upsert::new);
        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            System.out.println("refused " + REFUSED.sum());
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }
}
