#!/bin/sh
# Restart the instances of the service one after the other: each is ready before the next one stops.
#   deploy/rolling-restart.sh 8001 8002
# RESTART is the command that restarts the instance whose port is put behind it.
set -eu
: "${RESTART:=systemctl restart tanger@}" "${PATIENCE:=180}"

ready() {
    curl --silent --fail --max-time 5 --output /dev/null "http://127.0.0.1:$1/readyz"
}

for port in "$@"; do
    for other in "$@"; do
        if [ "$other" != "$port" ] && ! ready "$other"; then
            echo "port $other is not ready: port $port stays as it is" >&2
            exit 1
        fi
    done
    $RESTART"$port"
    waited=0
    until ready "$port"; do
        waited=$((waited + 1))
        if [ "$waited" -gt "$PATIENCE" ]; then
            echo "port $port was not ready within $PATIENCE s: the others stay as they are" >&2
            exit 1
        fi
        sleep 1
    done
    echo "port $port is ready"
done
