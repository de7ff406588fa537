"""Names of faults in both languages, as the records write them: kill, taskmanager+kafka."""

from __future__ import annotations

from spaf.chaos.fault import JOIN
from spaf.report.language import Language, Words, word

FAULTS: dict[str, Words] = {
    "kill": ("killed", "encerramento forçado"),
    "pause": ("suspended", "suspensão"),
    "starve-processor": ("a tenth of a core", "um décimo de núcleo"),
    "starve-memory": ("hardly any memory", "quase sem memória"),
    "busy-machine": ("other programs", "outros programas"),
    "restart": ("ended, started again", "fim e novo início"),
    "pause-supervisor": ("suspended", "suspensão"),
    "checkpoint": ("checkpoint", "checkpoint"),
    "latency": ("connections slow to answer", "conexões lentas"),
    "bandwidth": ("connections of 20 kB/s", "conexões de 20 kB/s"),
    "requests-lost": ("requests lost", "pedidos perdidos"),
    "answers-lost": ("answers lost", "respostas perdidas"),
    "black-hole": ("nothing passes", "nada passa"),
    "reset": ("connections reset", "conexões cortadas"),
    "half-open": ("half-open connections", "conexões semiabertas"),
    "database-change": ("database changed", "banco alterado"),
    "database-lock": ("table locked", "tabela bloqueada"),
    "database-connections": ("connections used up", "conexões esgotadas"),
    "database-crash": ("recovery mode", "modo de recuperação"),
    "database-sessions": ("sessions ended", "sessões encerradas"),
    "kafka-torn-log": ("log torn at its end", "log cortado no fim"),
    "topic-change": ("topic altered", "tópico alterado"),
    "disk-full": ("disk full", "disco cheio"),
    "disk-hangs": ("disk hangs", "disco travado"),
    "disk-slow": ("slow disk", "disco lento"),
    "read-only": ("read-only", "somente leitura"),
    "write-error": ("writes fail", "gravações falham"),
    "failover": ("killed, two JobManagers", "encerrado, dois JobManagers"),
    "descriptors": ("no file descriptors", "sem descritores de arquivo"),
    "poison": ("hostile records", "registros hostis"),
    "flood": ("flood of sales", "enxurrada de vendas"),
    "silent-clients": ("clients that never read", "clientes que nunca leem"),
}
TARGETS: dict[str, Words] = {
    "kafka": ("broker", "broker"),
    "postgres": ("PostgreSQL", "PostgreSQL"),
    "jobmanager": ("JobManager", "JobManager"),
    "leader": ("leading JobManager", "JobManager líder"),
    "follower": ("JobManager that stands by", "JobManager de reserva"),
    "zookeeper": ("ZooKeeper", "ZooKeeper"),
    "taskmanager": ("TaskManager", "TaskManager"),
    "locust": ("Locust", "Locust"),
    "serve": ("page", "página"),
    "quarantine": ("quarantine", "quarentena"),
    "supervisor": ("supervisor", "supervisor"),
    "run": ("the whole run", "a execução inteira"),
    "disk": ("disk", "disco"),
    "machine": ("machine", "máquina"),
    "metadata-damaged": ("metadata damaged", "metadados danificados"),
    "metadata-missing": ("metadata missing", "metadados ausentes"),
    "state-damaged": ("state damaged", "estado danificado"),
    "folder-gone": ("folder gone", "pasta apagada"),
    "role": ("role", "papel"),
    "column": ("column", "coluna"),
    "timestamps": ("time stamps", "carimbos de tempo"),
    "compaction": ("compaction", "compactação"),
}


def target_name(target: str, language: Language) -> str:
    """Return the name of a target, which may be several services at once."""
    parts = (TARGETS.get(part, (part, part)) for part in target.split(JOIN))
    return " + ".join(word(name, language) for name in parts)


def fault_name(kind: str, target: str, language: Language) -> str:
    """Return the name of a fault: what happens, and to what if that is known."""
    name = kind_name(kind, language)
    return f"{name}: {target_name(target, language)}" if target else name


def kind_name(kind: str, language: Language) -> str:
    """Return what happens; a kind without words of its own keeps its name."""
    plain = kind.replace("-", " ")
    return word(FAULTS.get(kind, (plain, plain)), language)
