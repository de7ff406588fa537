"""Sales, units and money in each second, by Spark Structured Streaming in update mode."""

import os
import sys
from pathlib import Path

import psycopg
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

ENV = os.environ
ENV["TZ"] = "UTC"
# See the script there.
ENV["PEER_JAVA_HOME"] = ENV["JAVA_HOME"]
ENV["JAVA_HOME"] = str(Path(__file__).with_name("java").absolute())
SCHEMA = """productId STRING, productCategory STRING, productPrice DOUBLE, productQuantity DOUBLE,
currency STRING, eventTime STRING, transactionDate STRING"""
UPSERT = """INSERT INTO sales_summary (window_start, category, currency, sales_count, units_sold, total_sales)
SELECT w, c, m, n, u, t
FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[])
    AS changed (w, c, m, n, u, t)
ON CONFLICT (window_start, category, currency) DO UPDATE SET
    sales_count = excluded.sales_count,
    units_sold = excluded.units_sold,
    total_sales = excluded.total_sales"""


def main():
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("sales-summary")
        .config("spark.jars", sys.argv[1].replace(":", ","))
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    database = psycopg.connect(ENV["PEER_DSN"], autocommit=True)
    database.execute("SET TIME ZONE 'UTC'")

    def write(batch, _):
        rows = batch.collect()
        if rows:
            database.execute(UPSERT, [list(column) for column in zip(*rows)])

    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", ENV["PEER_BOOTSTRAP_SERVERS"])
        .option("subscribe", ENV["PEER_TOPIC"])
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 200_000)
        .load()
    )
    sales = records.select(
        f.from_json(f.col("value").cast("string"), SCHEMA).alias("sale"),
        f.col("timestamp").alias("append_time"),
    ).select("sale.*", "append_time")
    epoch = f.expr("try_cast(eventTime AS BIGINT)")
    event_ms = (
        f.when(epoch < 10**11, epoch * 1000)
        .when(epoch < 10**14, epoch)
        .when(epoch < 10**17, f.expr("try_cast(eventTime AS BIGINT) div 1000"))
        .otherwise(f.expr("try_cast(eventTime AS BIGINT) div 1000000"))
    )
    event_time = (
        f.when(f.col("eventTime").isNotNull(), f.timestamp_millis(event_ms))
        .when(f.col("transactionDate").isNotNull(), f.try_to_timestamp("transactionDate"))
        .otherwise(f.col("append_time"))
    )
    price, pieces = f.col("productPrice"), f.col("productQuantity")
    late = f.expr(f"INTERVAL {ENV['PEER_MAX_LATENESS_MS']} MILLISECOND")
    ahead = f.expr(f"INTERVAL {ENV['PEER_MAX_AHEAD_MS']} MILLISECOND")
    timed = sales.select(
        "*",
        f.rint(price * 100).alias("cents"),
        f.coalesce("currency", f.lit(ENV["PEER_DEFAULT_CURRENCY"])).alias("code"),
        event_time.alias("event_time"),
    )
    valid = timed.where(
        f.length("productId").between(1, 64)
        & f.col("productCategory").rlike(r"\A[^\p{Cntrl}{\[][^\p{Cntrl}]{0,63}\z")
        & (price >= 0)
        & (price < 1e10)
        & (f.abs(price * 100 - f.col("cents")) < 0.0499)
        & pieces.between(1, 1e6)
        & (pieces == f.rint(pieces))
        & f.col("code").rlike(r"\A[A-Z]{3}\z")
        & (f.col("event_time") >= f.col("append_time") - late)
        & (f.col("event_time") <= f.col("append_time") + ahead)
    )
    # The watermark only ends the state of old seconds.
    second = f.window("event_time", "1 second").start.alias("second")
    quantity = pieces.cast("bigint")
    summary = (
        valid.withWatermark("event_time", "1 hour")
        .groupBy(second, "productCategory", "code")
        .agg(
            f.count("*"),
            f.sum(quantity),
            f.sum(f.col("cents").cast("bigint") * quantity).cast("decimal(38,2)") / 100,
        )
    )
    query = (
        summary.writeStream.outputMode("update")
        .option("checkpointLocation", ENV["PEER_STATE"])
        .foreachBatch(write)
        .start()
    )
    query.awaitTermination()


if __name__ == "__main__":
    main()
