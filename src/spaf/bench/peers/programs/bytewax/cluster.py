"""Two processes of one Bytewax cluster, with recovery: a Python process has one core."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

PROCESSES = 2


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [reserved.getsockname()[1] for reserved in sockets]
    for reserved in sockets:
        reserved.close()
    return ports


def main():
    recovery = Path(os.environ["PEER_STATE"]) / "recovery"
    python = [sys.executable, "-X", "utf8"]
    if not recovery.exists():
        recovery.mkdir()
        subprocess.run([*python, "-m", "bytewax.recovery", recovery, str(PROCESSES)], check=True)
    os.environ["BYTEWAX_RECOVERY_DIRECTORY"] = str(recovery)
    os.environ["BYTEWAX_SNAPSHOT_INTERVAL"] = "1"
    os.environ["BYTEWAX_RECOVERY_BACKUP_INTERVAL"] = "0"
    os.environ["BYTEWAX_ADDRESSES"] = ";".join(f"127.0.0.1:{p}" for p in free_ports(PROCESSES))
    processes = []
    for number in range(PROCESSES):
        variables = {**os.environ, "BYTEWAX_PROCESS_ID": str(number)}
        command = [*python, "-B", "-m", "bytewax.run", "dataflow"]
        processes.append(subprocess.Popen(command, env=variables))
    signal.signal(signal.SIGTERM, lambda *_: [process.terminate() for process in processes])
    codes = [process.wait() for process in processes]
    sys.exit(next((code for code in codes if code > 0), 0))


main()
