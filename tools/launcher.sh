#!/bin/sh
# The command `spaf`, installed next to the Python of its environment. -I: no PYTHON* variable and no
# module of the current folder or the user's home counts; -X utf8: whatever the locale is. The locale
# itself decides how Python reads the path of the checkout, which is in a file of the environment.
export LC_ALL=C.UTF-8
# `spaf service NAME --healthy` comes every few seconds from the engine of a container, and answers without
# Python (spaf.stack.service_health has the same answer): it must not slow down those that start.
if [ "$1 $3" = "service --healthy" ] && [ -d "$SPAF_HOME/runs" ]; then
    case $2 in kafka | postgres | zookeeper | jobmanager | taskmanager | locust | page)
        read -r pid 2>/dev/null <"$SPAF_HOME/runs/$2.healthy" && kill -0 "$pid" 2>/dev/null && exit 0
        echo "$2 is not ready." >&2
        exit 1
        ;;
    esac
fi
here=$(PATH="/usr/bin:/bin:$PATH"; dirname "$(readlink -f "$0")")
exec "$here/python" -I -X utf8 -m spaf "$@"
