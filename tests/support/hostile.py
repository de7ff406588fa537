"""A shell and a folder that were made for other programs: nothing in them may change a run."""

from __future__ import annotations

from pathlib import Path

# Blanks, an accent, a quote and characters that URIs, shells and lists read.
FOLDER = Path("Área de Trabalho") / "l'oja 100% #1, $HOME"
UMASK = 0o077
# An address at which nothing answers.
NOWHERE = "http://127.0.0.1:9"
NONE = "/nonsense"
VARIABLES = {
    **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"), NOWHERE),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost"),
    "_JAVA_OPTIONS": "-Duser.timezone=America/Sao_Paulo -Xmx256m",
    "JAVA_TOOL_OPTIONS": "-Dfile.encoding=ISO-8859-1",
    "JDK_JAVA_OPTIONS": "--nonsense",
    **dict.fromkeys(("JAVA_HOME", "CLASSPATH", "HADOOP_CLASSPATH", "HADOOP_CONF_DIR"), NONE),
    **dict.fromkeys(("FLINK_HOME", "FLINK_CONF_DIR", "FLINK_LIB_DIR", "LOG4J_PROPERTIES"), NONE),
    "FLINK_ENV_JAVA_OPTS": "-nonsense",
    "JVM_ARGS": "-nonsense",
    "KAFKA_OPTS": "-nonsense",
    "PYFLINK_GATEWAY_PORT": "1",
    "PGHOST": "192.0.2.1",
    "PGPORT": "1",
    "PGSERVICE": "other",
    "PGOPTIONS": "-c default_transaction_read_only=on -c timezone=Asia/Tokyo",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "standby",
    **dict.fromkeys(("PGPASSFILE", "PGSSLROOTCERT", "PGDATA", "PYTHONHOME"), NONE),
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
    "PYTHONINSPECT": "1",
    "LOCUST_HEADLESS": "true",
    "LOCUST_USERS": "3",
    "LOCUST_WEB_PORT": "1",
    "LOCUST_USER_CLASSES": "Nobody",
    "GEVENT_LOOP": "nonsense",
    "LC_ALL": "C",
    "LANG": "pt_BR.ISO-8859-1",
    "TZ": "America/Sao_Paulo",
    **dict.fromkeys(("SSL_CERT_FILE", "OPENSSL_CONF", "REQUESTS_CA_BUNDLE"), NONE),
    **dict.fromkeys(("LD_LIBRARY_PATH", "TMPDIR"), NONE),
    "GREP_OPTIONS": "--color=always",
    "CDPATH": "/",
    "POSIXLY_CORRECT": "1",
}
MODULES = ("secrets", "kafka", "locust", "psycopg", "json", "numpy", "spaf", "sitecustomize")
LOCUST_OPTIONS = "headless = true\nusers = 3\nmaster = true\n"


def furnish(folder: Path) -> dict[str, str]:
    """Put files of other programs into a folder and its home; return the variables of the shell."""
    home = folder / "home"
    (home / ".postgresql").mkdir(parents=True)
    for name in MODULES:
        (folder / f"{name}.py").write_text("raise SystemExit('a file of the user was run')\n")
    for place, name in ((folder, "locust.conf"), (home, ".locust.conf")):
        (place / name).write_text(LOCUST_OPTIONS)
    (home / ".pgpass").write_text("*:*:*:*:wrong\n")
    (home / ".pgpass").chmod(0o600)
    (home / ".pg_service.conf").write_text("[other]\nhost=192.0.2.1\n")
    (home / ".postgresql/root.crt").write_text("no certificate\n")
    return {**VARIABLES, "HOME": str(home), "PYTHONPATH": str(folder)}
