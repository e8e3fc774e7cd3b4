#!/usr/bin/env bash
# Makes the recordings in docs/walk-through.md: a real mosquitto, recorded payloads replayed on it, a terminal of 80
# columns. Usage: docs/record.sh PAYLOADS.jsonl (then paste what it prints).
set -euo pipefail
payloads=$(realpath "$1")
here=$(realpath "$(dirname "$0")/..")
bin=$here/.venv/bin
folder=$(mktemp -d)
port=1883
trap 'kill "$broker" 2>/dev/null || true; rm -rf "$folder"' EXIT
printf 'listener %s 127.0.0.1\nallow_anonymous true\nuser %s\n' "$port" "$(id -un)" > "$folder/mosquitto.conf"
PATH=$PATH:/usr/sbin mosquitto -c "$folder/mosquitto.conf" 2> "$folder/broker.log" &
broker=$!
sleep 1
cd "$folder"
terminal() { # a real terminal (script), without colours, its own control signs taken out
  LANG=C.UTF-8 TERM=dumb TZ=Europe/Berlin script -qec "$1" /dev/null < "${2:-/dev/null}" |
    sed -e 's/\x1b\[[0-9;?]*[a-zA-Z]//g' -e 's/\r//g' -e 's/[[:space:]]*$//' | cat -s
}
speak() { for _ in 1 2 3 4; do sleep "$1"; "$bin/python" "$here/tests/replay.py" "mqtt://127.0.0.1:$port" "$payloads"; done; }
echo "\$ alertd discover --mqtt mqtt://127.0.0.1:$port --write found.yaml"
speak 4 & terminal "$bin/alertd discover --mqtt mqtt://127.0.0.1:$port --seconds 25 --write found.yaml"
sleep 2
echo "\$ alertd init"
answer() { # as a person would: one line after the other, when it was asked
  sleep 5; echo; sleep 26; for line in "Hof Lindenau" "" "" Anna "" ""; do echo "$line"; sleep 2; done
}
mkfifo answers; answer > answers &
speak 4 & { terminal "$bin/alertd init --seconds 15" answers; }
echo "\$ alertd check"
"$bin/alertd" check
