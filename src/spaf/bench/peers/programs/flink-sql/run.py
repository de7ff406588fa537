"""Run the statements of job.sql in a local Flink, from its newest checkpoint if there is one."""

import os
import sys
from pathlib import Path
from string import Template

# The sink writes times in the zone of Java.
os.environ["TZ"] = "UTC"

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

env = os.environ
state = Path(env["PEER_STATE"])
options = {
    "pipeline.jars": ";".join(f"file://{jar}" for jar in sys.argv[1].split(":")),
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
values = {
    **env,
    "MAX_LATENESS_S": int(env["PEER_MAX_LATENESS_MS"]) // 1000,
    "MAX_AHEAD_S": int(env["PEER_MAX_AHEAD_MS"]) // 1000,
}
statements = Template(Path("job.sql").read_text()).safe_substitute(values)
for statement in statements.strip().split(";\n"):
    result = table_env.execute_sql(statement.strip().removesuffix(";"))
result.wait()
