"""Sales, units and money in each second: Python parses and validates, Flink sums."""

import os
import site
import sys
from pathlib import Path

# The sink writes times in the zone of Java.
os.environ["TZ"] = "UTC"
# The Python inside Java does not know the packages of this environment.
os.environ["PYTHONPATH"] = os.pathsep.join(site.getsitepackages())

from pyflink.common import Configuration
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udtf

import sales

TEXT, NUMBER = DataTypes.STRING(), DataTypes.BIGINT()
parse = udtf(
    sales.parse, input_types=[DataTypes.BYTES()], result_types=[TEXT, TEXT, NUMBER, NUMBER, NUMBER]
)

SOURCE = """CREATE TABLE sales (
    message BYTES,
    append_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = '{PEER_TOPIC}',
    'properties.bootstrap.servers' = '{PEER_BOOTSTRAP_SERVERS}',
    'properties.group.id' = '{PEER_GROUP}',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'raw'
)"""
SINK = """CREATE TABLE sales_summary (
    window_start TIMESTAMP(3),
    category STRING,
    currency STRING,
    sales_count BIGINT,
    units_sold BIGINT,
    total_sales DECIMAL(38, 2),
    PRIMARY KEY (window_start, category, currency) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = '{PEER_JDBC_URL}',
    'table-name' = 'sales_summary',
    'username' = '{PEER_USER}',
    'password' = '{PEER_PASSWORD}'
)"""
INSERT = """INSERT INTO sales_summary
SELECT
    CAST(FLOOR(event_time TO SECOND) AS TIMESTAMP(3)),
    category,
    currency,
    COUNT(*),
    SUM(quantity),
    CAST(SUM(CAST(cents AS DECIMAL(19, 0))) / 100 AS DECIMAL(38, 2))
FROM (
    SELECT
        category,
        currency,
        quantity,
        cents,
        append_time,
        COALESCE(TO_TIMESTAMP_LTZ(event_ms, 3), append_time) AS event_time
    FROM sales, LATERAL TABLE(parse(message)) AS s (category, currency, quantity, cents, event_ms)
)
WHERE
    event_time >= TIMESTAMPADD(SECOND, -{MAX_LATENESS_S}, append_time)
    AND event_time <= TIMESTAMPADD(SECOND, {MAX_AHEAD_S}, append_time)
GROUP BY FLOOR(event_time TO SECOND), category, currency"""


def main():
    env = os.environ
    state = Path(env["PEER_STATE"])
    options = {
        "pipeline.jars": ";".join(f"file://{jar}" for jar in sys.argv[1].split(":")),
        "python.execution-mode": "thread",
        "python.files": sales.__file__,
        "python.executable": sys.executable,
        "table.local-time-zone": "UTC",
        "execution.checkpointing.interval": "1 s" if env["PEER_PURPOSE"] == "kill" else "5 s",
        "execution.checkpointing.dir": state.as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    }
    if env["PEER_PURPOSE"] != "live":
        # As the page "Performance Tuning" has it. A load has no mini-batches: they wait.
        options |= {
            "table.exec.mini-batch.enabled": "true",
            "table.exec.mini-batch.allow-latency": "1 s",
            "table.exec.mini-batch.size": "5000",
            "table.optimizer.agg-phase-strategy": "TWO_PHASE",
        }
    checkpoints = sorted(state.glob("*/chk-*/_metadata"), key=os.path.getmtime)
    if checkpoints:
        options["execution.state-recovery.path"] = checkpoints[-1].parent.as_uri()
    configuration = Configuration()
    for key, value in options.items():
        configuration.set_string(key, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode()
    table_env = TableEnvironment.create(settings.with_configuration(configuration).build())
    table_env.create_temporary_function("parse", parse)
    values = {
        **env,
        "MAX_LATENESS_S": int(env["PEER_MAX_LATENESS_MS"]) // 1000,
        "MAX_AHEAD_S": int(env["PEER_MAX_AHEAD_MS"]) // 1000,
    }
    for statement in (SOURCE, SINK, INSERT):
        result = table_env.execute_sql(statement.format(**values))
    result.wait()


if __name__ == "__main__":
    main()
